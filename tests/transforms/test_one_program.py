"""A function of batches sees every batch at once, and gives each instance what it gives it alone.

The function under test counts how often it is called, and with how many instances; results are
compared with a loop over instances.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms.one_program import one_program

SHARED = jnp.array([10.0, 20.0, 30.0])


def together(axis, seen):
    """Rows plus shared, a total, and a tree: of arrays whose batch is at ``axis``."""

    def run(shared, batch):
        x, y = batch["x"], batch["y"]  # [3] and [] of each instance, batch at `axis`
        seen.append(x.shape[axis])
        if axis == 0:
            return {"sum": x + shared, "scaled": (y * x.sum(1),)}
        return {"sum": x + shared[:, None], "scaled": (y * x.sum(0, keepdims=True),)}

    return run


def alone(shared, x, y):
    return {"sum": x + shared, "scaled": (y * x.sum(),)}


def random(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("levels", [(), (4,), (4, 2), (2, 1, 3), (0,), (2, 0)])
def test_nested_batches_are_one_call(axis, levels):
    seen = []
    program = one_program(together(axis, seen), axis=axis)
    x = random((*levels, 3))
    y = random(levels, 1) if axis == 0 else random((*levels, 1), 1)
    run = program
    for _ in levels:
        run = jax.vmap(run, in_axes=(None, 0))
    found = run(SHARED, {"x": x, "y": y})
    if 0 not in levels:
        assert seen[-1] == int(np.prod(levels, dtype=int))
    scaled = found["scaled"][0]
    assert found["sum"].shape == x.shape
    assert scaled.shape == y.shape
    for place in itertools.product(*map(range, levels)):
        wanted = alone(SHARED, x[place], y[place])
        np.testing.assert_allclose(found["sum"][place], wanted["sum"], rtol=1e-6)
        np.testing.assert_allclose(scaled[place], wanted["scaled"][0], rtol=1e-5)


def test_what_is_not_batched_is_repeated():
    seen = []
    program = one_program(together(0, seen))
    x = random((5, 3))
    run = jax.vmap(lambda x: program(SHARED, {"x": x, "y": jnp.float32(2)}))
    np.testing.assert_allclose(run(x)["scaled"][0], 2 * x.sum(1), rtol=1e-5)
    assert seen[-1] == 5


@pytest.mark.parametrize("axis", [0, 1])
def test_shared_arrays_that_differ_run_one_after_another(axis):
    seen = []
    program = one_program(together(axis, seen), axis=axis)
    shared, x = random((4, 3)), random((4, 3), 2)
    y = jnp.ones(() if axis == 0 else (1,))
    run = jax.vmap(lambda shared, x: program(shared, {"x": x, "y": y}))
    np.testing.assert_allclose(run(shared, x)["sum"], shared + x, rtol=1e-6)
    assert set(seen) == {1}
    only = jax.vmap(lambda shared: program(shared, {"x": x[0], "y": y}))
    np.testing.assert_allclose(only(shared)["sum"], shared + x[0], rtol=1e-6)


def test_a_decision_for_the_batch_stays_a_branch():
    def run(shared, x):
        return jax.lax.cond(jnp.any(x > 0), lambda: x + shared, lambda: x)

    program = jax.vmap(one_program(run), in_axes=(None, 0))
    text = jax.jit(program).lower(1.0, jnp.ones(4)).as_text()
    assert "stablehlo.case" in text
    assert program(1.0, jnp.array([-1.0, 2.0])).tolist() == [0, 3]


def test_lanes_of_64_bits_and_gradients_around_it():
    def run(shared, lanes):
        return lanes & shared, jnp.sum((lanes & shared) != 0, 1)

    program = one_program(run, x64=True)
    with jax.enable_x64(True):
        lanes = jnp.asarray([[2**63 + 1, 4], [2**40, 2**63]], jnp.uint64)
        mask = jnp.uint64(2**63)

    def loss(x, lanes):
        kept, count = jax.vmap(program, in_axes=(None, 0))(mask, lanes)
        return jnp.sum(x * count), kept

    (_, kept), slope = jax.value_and_grad(loss, has_aux=True)(jnp.ones(2), lanes)
    assert kept.dtype == jnp.uint64
    assert np.asarray(kept).tolist() == [[2**63, 0], [0, 2**63]]
    assert slope.tolist() == [1, 1]
    assert jax.jit(jax.grad(lambda x: loss(x, lanes)[0]))(jnp.ones(2)).tolist() == [1, 1]
