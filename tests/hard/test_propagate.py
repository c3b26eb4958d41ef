"""Propagation against brute force, and inside other transformations."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mixtures import Small
from random_problems import random_problem

import neurosym as ns


def random_masks(small: Small, seed: int, count: int) -> np.ndarray:
    network = small.problem.compile()
    rng = np.random.default_rng(seed)
    keep = rng.random((count, *network.mask.shape)) < rng.uniform(0.5, 1, (count, 1, 1))
    return np.asarray(network.mask) & keep


propagate_all = jax.jit(jax.vmap(ns.propagate, in_axes=(None, 0)))
"""Compiled for the shapes of a network, not for each network."""


@pytest.mark.parametrize(
    "seeds", [range(4), pytest.param(range(4, 44), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_sound_monotone_and_idempotent(seeds):
    wiped_out = 0
    for seed in seeds:
        small = random_problem(seed)
        network = small.problem.compile()
        masks = random_masks(small, seed, 8)
        result = propagate_all(network, jnp.asarray(masks))
        found = np.asarray(result.domains.mask)
        for mask, pruned, status in zip(masks, found, np.asarray(result.status), strict=True):
            alive = [s for s in small.solutions if all(mask[i, v] for i, v in enumerate(s))]
            for solution in alive:
                assert all(pruned[i, v] for i, v in enumerate(solution))
            assert not (pruned & ~mask).any()
            assert (status == ns.Status.WIPED_OUT) == (not pruned.any())
            wiped_out += not pruned.any()
            if alive:
                assert status == ns.Status.FIXPOINT
        again = propagate_all(network, jnp.asarray(found))
        np.testing.assert_array_equal(again.domains.mask, found)
        np.testing.assert_array_equal(again.rounds, 0)
    assert 0 < wiped_out < 8 * len(seeds)


def test_a_fully_assigned_network_is_decided():
    small = random_problem(7)
    network = small.problem.compile()
    sizes = [len(d) for d in small.domains]
    everything = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), -1)
    masks = jnp.arange(network.size) == jnp.asarray(everything)[..., None]
    status = jax.vmap(lambda mask: ns.propagate(network, mask).status)(masks)
    solutions = set(small.solutions)
    wanted = [ns.Status.FIXPOINT if tuple(x) in solutions else 1 for x in everything.tolist()]
    assert solutions
    np.testing.assert_array_equal(status, wanted)


def chain(length: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("x", shape=length, domain=range(length + 2))
    for a, b in itertools.pairwise(x):
        problem.add(a < b)
    return problem


def test_exact_on_a_berge_acyclic_network():
    network = chain(4).compile()
    result = ns.propagate(network)
    wanted = np.zeros((4, 6), bool)
    for i in range(4):
        wanted[i, i : i + 3] = True
    np.testing.assert_array_equal(result.domains.mask, wanted)
    assert int(result.rounds) >= 2


def test_batch_equals_loop_and_nested_vmap_equals_batch():
    small = random_problem(5)
    network = small.problem.compile()
    masks = jnp.asarray(random_masks(small, 0, 12))
    batch = jax.jit(jax.vmap(lambda mask: ns.propagate(network, mask)))(masks)
    for n in range(12):
        one = ns.propagate(network, masks[n])
        np.testing.assert_array_equal(one.domains.lanes, batch.domains.lanes[n])
        assert (one.status, one.rounds) == (batch.status[n], batch.rounds[n])
    nested = jax.vmap(jax.vmap(lambda mask: ns.propagate(network, mask)))(
        masks.reshape(3, 4, *masks.shape[1:])
    )
    np.testing.assert_array_equal(
        nested.domains.lanes.reshape(batch.domains.lanes.shape), batch.domains.lanes
    )
    assert (nested.rounds.ravel() == batch.rounds).all()


def test_a_batch_of_networks():
    problems = [random_problem(seed).problem for seed in (5, 7)]
    assert [str(jax.tree.map(jnp.shape, p.compile().groups)) for p in problems].count(
        str(jax.tree.map(jnp.shape, problems[0].compile().groups))
    ) == 2
    networks = [problem.compile() for problem in problems]
    stacked = jax.tree.map(
        lambda *x: jnp.stack(x), *[n.replace(structure=networks[0].structure) for n in networks]
    )
    batch = jax.vmap(ns.propagate)(stacked)
    for n, network in enumerate(networks):
        one = ns.propagate(network)
        np.testing.assert_array_equal(one.domains.lanes, batch.domains.lanes[n])


def test_next_to_a_gradient_with_x64_off():
    assert not jax.config.jax_enable_x64
    network = chain(4).compile()

    @jax.jit
    @jax.grad
    def gradient(weights):
        kept = ns.propagate(network, weights > 0).domains.mask
        return jnp.sum(jnp.where(kept, weights**2, 0))

    weights = jnp.ones((4, 6)).at[0, 0].set(-1)
    kept = ns.propagate(network, weights > 0).domains.mask
    assert kept.any()
    np.testing.assert_array_equal(gradient(weights), 2.0 * kept)


@pytest.mark.parametrize("values", [1, 63, 64, 65, 200])
def test_domains_of_any_size(values):
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(values))
    problem.add(x + y == values - 1, x <= values // 2)
    mask = np.asarray(ns.propagate(problem.compile()).domains.mask)
    wanted = np.arange(values) <= values // 2
    np.testing.assert_array_equal(mask, [wanted, wanted[::-1]])


def test_a_wiped_out_instance_is_all_zeros():
    problem = ns.Problem()
    x, y, _z = problem.variables("x", shape=3, domain=range(3))
    problem.add(x + y == 5)
    result = ns.propagate(problem.compile())
    assert int(result.status) == ns.Status.WIPED_OUT
    assert not result.domains.mask.any()
    free = ns.Problem()
    free.variable("z", domain="ab")
    assert ns.propagate(free.compile()).domains.mask.all()
    empty = ns.propagate(free.compile(), jnp.zeros((1, 2), bool))
    assert int(empty.status) == ns.Status.WIPED_OUT


def test_lanes_from_numpy_keep_all_their_bits_or_are_refused():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(60))
    problem.add(x + y == 110, ns.Table((x, y), [(v, 110 - v) for v in range(52, 59)]))
    network = problem.compile()
    wanted = ns.propagate(network).domains
    assert wanted.sizes.tolist() == [7, 7]
    plain = jax.tree.map(np.asarray, network)
    np.testing.assert_array_equal(ns.propagate(plain).domains.mask, wanted.mask)
    inside = jax.jit(lambda mask: ns.propagate(plain, mask).domains.mask)(network.mask)
    np.testing.assert_array_equal(inside, wanted.mask)
    domains = jax.tree.map(np.asarray, wanted)
    np.testing.assert_array_equal(domains.mask, wanted.mask)
    with pytest.raises(ValueError, match="lose half of their bits"):
        jax.jit(lambda d: d.mask)(domains)
    with pytest.raises(ValueError, match="lose half of their bits"):
        jax.jit(ns.propagate)(plain)


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_lowers_for_every_platform(platform):
    network = random_problem(0).problem.compile()
    masks = jnp.ones((5, *network.mask.shape), bool)
    function = jax.jit(jax.vmap(lambda mask: ns.propagate(network, mask)))
    exported = jax.export.export(function, platforms=[platform])(masks)
    text = exported.mlir_module()
    assert "stablehlo.while" in text
    assert "ui8" in text  # four values: the loop runs in narrow lanes
    assert "ui64" in text
    assert "scatter" not in text


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the pass of XLA is that of CPU")
def test_the_loop_over_rounds_stays_one_within_a_callers_program():
    """Wide lanes in one sequential function ran ten times slower (`transforms/loops.py`)."""
    problem = ns.Problem()
    x = problem.variables("x", shape=6, domain=range(6))
    problem.add(ns.AllDifferent(list(x)), x[0] < x[1])
    network = problem.compile()
    domains = jnp.ones((512, 6, 6), bool)
    for engine in (ns.propagate, lambda network, domains: ns.solve(network, domains, width=512)):
        compiled = jax.jit(lambda d, engine=engine: engine(network, d)).lower(domains).compile()
        lines = [line for line in compiled.as_text().splitlines() if "u8[6,1,512]" in line]
        assert any(" while(" in line for line in lines)
        assert not any('xla_cpu_small_call="true"' in line for line in lines)
