"""How many programs the soft engine compiles for one call outside of jit: one.

Programs are counted, whether XLA made them or a cache on disk held them.
"""

import jax
import numpy as np
import pytest

import neurosym as ns

_COMPILED: list[str] = []


def _note(event: str, *_: object, **__: object) -> None:
    if event.endswith("/backend_compile_duration"):
        _COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_note)


def programs_of(call) -> int:
    before = len(_COMPILED)
    jax.block_until_ready(call())
    return len(_COMPILED) - before


def sum_of_two(size: int) -> tuple[ns.Network, ns.Variable, np.ndarray]:
    """A network of a size of its own, so that no other call has compiled its programs."""
    problem = ns.Problem()
    a, b = problem.variables("digit", shape=2, domain=range(size))
    total = problem.variable("total", domain=range(2 * size - 1))
    problem.add(a + b == total)
    network = problem.compile()
    weights = np.where(np.asarray(network.mask), 0.0, -np.inf).astype(np.float32)
    return network, total, weights


CALLS = {
    "total": lambda network, w, **given: ns.total(network, w, **given),
    "support": lambda network, w, **given: ns.support(network, w, **given),
    "marginals": lambda network, w, **given: ns.marginals(network, w, **given),
    "query": lambda network, w, **given: ns.query(network, w, target="total", **given),
    "k_best": lambda network, w, **given: ns.k_best(network, w, k=2, **given),
    "beliefs": lambda network, w, **given: ns.belief_propagation(network, w, **given),
}


@pytest.mark.parametrize("domains", [None, "mask", "Domains"])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_compiles_one_program_and_the_next_one_nothing(name, domains):
    call = CALLS[name]
    size = 3 + list(CALLS).index(name)
    network, _, weights = sum_of_two(size)
    given = {}
    if domains is not None:
        mask = np.asarray(network.mask) & (np.arange(network.size) != 1)
        given["domains"] = mask if domains == "mask" else ns.Domains.from_mask(mask)
    assert programs_of(lambda: call(network, weights, **given)) <= 1
    assert programs_of(lambda: call(network, weights, **given)) == 0
    assert programs_of(lambda: call(network, weights + 1, **given)) == 0


def test_samples_are_one_program():
    network, _, weights = sum_of_two(11)
    key = jax.random.key(0)
    assert programs_of(lambda: ns.sample(network, weights, key=key, samples=3)) <= 1
    assert programs_of(lambda: ns.sample(network, weights, key=key, samples=3)) == 0


def test_a_gradient_compiles_the_pass_up_and_the_pass_down():
    network, _, weights = sum_of_two(12)
    gradient = jax.grad(lambda w: ns.total(network, w))
    weights = jax.device_put(weights)
    assert programs_of(lambda: gradient(weights)) <= 3  # and the one of JAX, with which it starts
    assert programs_of(lambda: gradient(weights)) == 0
    compiled = jax.jit(jax.grad(lambda w: ns.total(network, w)))
    assert programs_of(lambda: compiled(weights)) <= 1
