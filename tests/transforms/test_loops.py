"""`while_loop` and `fori_loop` against Python's loops, and how XLA compiles them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms.compatibility import HOISTS_EVERY_LOOP
from neurosym.transforms.loops import fori_loop, while_loop


def collatz(start):
    """Steps of Collatz's rule from ``start`` to 1."""

    def step(state):
        number, steps = state
        return jnp.where(number % 2 == 0, number // 2, 3 * number + 1), steps + 1

    return while_loop(lambda state: state[0] != 1, step, (start, jnp.int32(0)))[1]


def steps_by_python(number):
    steps = 0
    while number != 1:
        number, steps = (number // 2 if number % 2 == 0 else 3 * number + 1), steps + 1
    return steps


def test_while_loop_alone_compiled_and_for_a_batch():
    numbers = [1, 7, 27, 2]
    wanted = [steps_by_python(number) for number in numbers]
    assert [int(collatz(jnp.int32(number))) for number in numbers[:2]] == wanted[:2]
    found = jax.jit(jax.vmap(collatz))(jnp.asarray(numbers, jnp.int32))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_fori_loop_takes_its_steps_in_order(steps):
    def digits(step, number):
        return 10 * number + step + 1

    wanted = int("12345"[:steps] or 0)
    assert int(fori_loop(steps, digits, jnp.int32(0))) == wanted
    assert int(jax.jit(lambda n: fori_loop(n, digits, jnp.int32(0)))(jnp.int32(steps))) == wanted


def test_forward_derivatives_go_through():
    def tripled(x):
        return fori_loop(4, lambda _, y: 3 * y, x)

    value, slope = jax.jvp(tripled, (2.0,), (1.0,))
    assert (float(value), float(slope)) == (162.0, 81.0)


def in_one_function(function, *operands):
    """How many loops XLA has made one sequential function of."""
    compiled = jax.jit(function).lower(*operands).compile()
    return compiled.as_text().count('xla_cpu_small_call="true"')


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the pass is that of CPU")
def test_the_loop_stays_a_loop_within_a_program_of_somebody_else():
    wide = jnp.ones((64, 81), jnp.int32)

    def outer(loop):
        return lambda x: 2 * loop(lambda y: jnp.any(y < 1000), lambda y: 3 * y, x)

    assert in_one_function(outer(while_loop), wide) == 0
    # While JAX's own is hoisted, ours is needed; when it no longer is, ours may go.
    assert in_one_function(outer(jax.lax.while_loop), wide) == int(HOISTS_EVERY_LOOP)
