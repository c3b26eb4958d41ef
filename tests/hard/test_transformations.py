"""Search and propagation inside of jit, vmap and gradients, on other devices, and exported."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.hard.nodes import default_width
from neurosym.hard.search import layout_of

KEPT = 200
SETTINGS = {"width": 8, "capacity": 256}


def small_network(total: int = 9) -> ns.Network:
    """Five variables, and constraints that propagation alone does not decide."""
    problem = ns.Problem()
    x = problem.variables("x", shape=5, domain=range(5))
    problem.add(ns.AllDifferent(x[:4]), sum(x) == total, (x[0] == 1) | (x[4] == 2) | (x[2] == 3))
    return problem.compile()


def instances(count: int = 12) -> tuple[ns.Network, np.ndarray, np.ndarray]:
    """A problem with sub-domains ``bool[N, V, D]`` and weights ``float32[N, V, D]``."""
    network = small_network()
    rng = np.random.default_rng(0)
    keep = rng.random((count, *network.mask.shape)) < rng.uniform(0.5, 1, (count, 1, 1))
    keep[0] = True
    return network, np.asarray(network.mask) & keep, rng.normal(size=keep.shape).astype(np.float32)


def reason(network: ns.Network, mask: Any, weights: Any) -> tuple:
    """All that the hard engine does."""
    return (
        ns.propagate(network, mask),
        ns.solve(network, mask, solutions=KEPT, **SETTINGS),
        ns.solve_best(network, mask, weights, **SETTINGS),
    )


def facts(results: tuple) -> dict[str, Any]:
    """What must not depend on how an engine is called, for a batch; plain lists."""
    propagated, solved, best = results
    rows = np.asarray(solved.assignment)
    return {
        "domains": np.asarray(propagated.domains.mask).tolist(),
        "status": np.asarray(propagated.status).tolist(),
        "rounds": np.asarray(propagated.rounds).tolist(),
        "solutions": [sorted(map(tuple, x.tolist())) for x in rows.reshape(-1, *rows.shape[-2:])],
        "found": [np.asarray(x).tolist() for x in (solved.count, solved.status)],
        "best": [np.asarray(x).tolist() for x in (best.objective, best.bound, best.status)],
    }


def as_json(found: dict[str, Any]) -> Any:
    return json.loads(json.dumps(found))


@pytest.fixture(scope="module")
def wanted():
    network, masks, weights = instances()
    found = facts(reason(network, masks, weights))
    counts = found["found"][0]
    assert 0 in counts
    assert 1 < max(counts) < KEPT
    return found


def test_a_batch_is_the_same_as_its_instances_alone(wanted):
    network, masks, weights = instances()
    pairs = zip(masks, weights, strict=True)
    alone = [jax.tree.map(np.asarray, reason(network, *pair)) for pair in pairs]
    assert facts(jax.tree.map(lambda *x: np.stack(x), *alone)) == wanted


def test_nested_vmap_and_leading_axes_are_the_same_as_a_batch(wanted):
    network, masks, weights = instances()
    grid = masks.reshape(3, 4, *masks.shape[1:]), weights.reshape(3, 4, *weights.shape[1:])

    def one(mask, weights):
        return reason(network, mask, weights)

    def flattened(results):
        return facts(jax.tree.map(lambda x: x.reshape(12, *x.shape[2:]), results))

    assert facts(jax.vmap(one)(masks, weights)) == wanted
    assert flattened(jax.vmap(jax.vmap(one))(*grid)) == wanted
    assert flattened(jax.vmap(one, in_axes=1, out_axes=1)(*grid)) == wanted
    as_domains = ns.Domains.from_mask(jnp.asarray(grid[0]))
    assert flattened(reason(network, as_domains, jnp.asarray(grid[1]))) == wanted


def test_a_batch_that_is_propagated_in_several_blocks(wanted):
    network, masks, _ = instances()
    repeats = 300
    many = np.tile(masks, (repeats, 1, 1))
    result = ns.propagate(network, many)
    assert len(many) > default_width(layout_of(network))
    assert len(many) % default_width(layout_of(network))
    np.testing.assert_array_equal(result.domains.mask, np.tile(wanted["domains"], (repeats, 1, 1)))
    np.testing.assert_array_equal(result.status, np.tile(wanted["status"], repeats))
    np.testing.assert_array_equal(result.rounds, np.tile(wanted["rounds"], repeats))


def test_what_is_not_batched_is_shared():
    network, masks, weights = instances()
    best = jax.vmap(lambda w: ns.solve_best(network, masks[0], w, **SETTINGS))(weights)
    other = jax.vmap(lambda m: ns.solve_best(network, m, weights[0], **SETTINGS))(masks)
    assert best.objective[0] == other.objective[0]
    assert best.objective.shape == other.objective.shape == (12,)
    assert len(set(best.objective.tolist())) == 12

    @jax.vmap
    def limited(weights, limit):
        return ns.solve(network, masks[0], value_weights=weights, node_limit=limit, **SETTINGS)

    given = limited(weights[:3], jnp.asarray([0, 1000, 1000]))
    assert given.status.tolist() == [ns.SearchStatus.LIMIT, 0, 0]
    assert all(network.allows(row) for row in given.assignment[1:, 0].tolist())


def test_inside_of_a_jitted_gradient_with_x64_off(wanted):
    assert not jax.config.jax_enable_x64
    network, masks, weights = instances()

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def loss(weights):
        propagated = ns.propagate(network, masks)
        best = ns.solve_best(network, masks, weights, **SETTINGS)
        ordered = ns.solve(network, masks[0], value_weights=weights[0], **SETTINGS)
        possible = jnp.where(propagated.domains.mask, weights**2, 0)
        chosen = jax.nn.one_hot(best.assignment, weights.shape[-1]) * weights
        flat = jnp.where(jnp.isfinite(best.objective), best.objective, 0)
        flat = jnp.sum(flat) + jnp.sum(ordered.assignment)
        return jnp.sum(possible) + jnp.sum(chosen) + flat, (propagated, best)

    (value, (propagated, best)), gradient = loss(jnp.asarray(weights))
    assert propagated.domains.mask.tolist() == wanted["domains"]
    assert best.objective.tolist() == wanted["best"][0]
    assert np.isfinite(value)
    chosen = np.asarray(jax.nn.one_hot(best.assignment, weights.shape[-1]))
    possible = np.where(propagated.domains.mask, 2 * weights, 0)
    np.testing.assert_allclose(gradient, possible + chosen, rtol=1e-6)
    alone = jax.grad(lambda w: ns.solve_best(network, masks, w, **SETTINGS).objective.sum())
    np.testing.assert_array_equal(alone(jnp.asarray(weights)), 0)


def test_networks_as_arguments_of_a_jit(wanted):
    """Programs are compiled for shapes: another network of the same shapes compiles nothing."""
    network, masks, weights = instances()
    concrete, traced = jnp.asarray(weights), []

    @jax.jit
    def run(network):
        traced.append(network)
        return ns.solve_best(network, masks, concrete, **SETTINGS).objective

    assert run(network).tolist() == wanted["best"][0]
    other = small_network(10)
    rows = np.asarray([row for row in np.ndindex(5, 5, 5, 5, 5) if other.allows(row)])
    totals = np.zeros((12, len(rows)), np.float32)
    for i, column in enumerate(rows.T):
        totals = totals + weights[:, i, column]
    totals[~masks[:, np.arange(5), rows].all(axis=2)] = -np.inf
    found = run(other.replace(structure=network.structure))
    np.testing.assert_array_equal(found, totals.max(axis=1))
    assert found.tolist() != wanted["best"][0]
    assert len(traced) == 1


HERE = Path(__file__).parent

IN_A_PROCESS = f"""
import sys
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent)!r}]
import json
import jax
import jax.numpy as jnp
import test_hard_transformations as t
"""


def run_python(code: str, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", IN_A_PROCESS + code],
        env={**os.environ, "JAX_PLATFORMS": "cpu", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_with_x64_on(wanted):
    found = run_python(
        """
assert jax.config.jax_enable_x64
print(json.dumps(t.facts(t.reason(*t.instances()))))
""",
        JAX_ENABLE_X64="1",
    )
    assert found == as_json(wanted)


@pytest.mark.slow
def test_on_several_devices(wanted):
    sharded, alone = run_python(
        """
from jax.sharding import Mesh, NamedSharding, PartitionSpec
devices = jax.devices()
assert len(devices) == 4
network, masks, weights = t.instances()
batch = NamedSharding(Mesh(devices, ("batch",)), PartitionSpec("batch"))
spread = [jax.device_put(x, batch) for x in (masks, weights)]
assert len(spread[0].sharding.device_set) == 4
sharded = jax.jit(lambda m, w: t.ns.solve_best(network, m, w, **t.SETTINGS))(*spread)
there = [jax.device_put(x, devices[1]) for x in (masks, weights)]
alone = t.ns.solve_best(network, *there, **t.SETTINGS)
assert alone.objective.devices() == alone.assignment.devices() == {devices[1]}
print(json.dumps([sharded.objective.tolist(), alone.objective.tolist()]))
""",
        XLA_FLAGS="--xla_force_host_platform_device_count=4",
    )
    assert sharded == alone == as_json(wanted["best"][0])


@pytest.mark.parametrize("name", ["propagate", "solve", "count", "solve_best"])
def test_lowers_for_every_platform(name):
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(4))
    problem.add(ns.AllDifferent(x), x[0] + x[1] <= x[2], (x[1] == 1) | (x[3] == 2))
    network = problem.compile()
    functions = {
        "propagate": lambda mask, w: ns.propagate(network, mask),
        "solve": lambda mask, w: ns.solve(network, mask, solutions=2, value_weights=w[0]),
        "count": lambda mask, w: ns.count(network, mask, node_limit=100),
        "solve_best": lambda mask, w: ns.solve_best(network, mask, w),
    }
    arguments = jnp.ones((5, 4, 4), bool), jnp.ones((5, 4, 4))
    platforms = ("cpu", "cuda", "tpu")
    exported = jax.export.export(jax.jit(functions[name]), platforms=platforms)(*arguments)
    assert exported.platforms == platforms
    text = exported.mlir_module()
    assert "stablehlo.while" in text
    assert "ui8" in text  # four values: the loop runs in narrow lanes
