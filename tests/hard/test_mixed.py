"""Propagation and search against brute force, on random problems that mix all constraints."""

import collections
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mixtures import Small
from network_batches import shapes, stacked
from random_problems import MIXTURES, random_mixed_problem, random_wide_problem

import neurosym as ns

KEPT = 48
"""Solutions that `solve` is asked for; most instances have fewer."""

PROBLEMS = {"values": 160, "aligned": 160, "shifted": 160, "wide": 5}
INSTANCES = 12


def families(*quick: str):
    """The named families, and all of them with eight times as many problems."""
    cases = [pytest.param(name, range(PROBLEMS[name]), id=name) for name in quick]
    for name, count in PROBLEMS.items():
        seeds = range(1000, 1000 + 8 * count)
        cases.append(pytest.param(name, seeds, id=f"many {name}", marks=pytest.mark.slow))
    return pytest.mark.parametrize(("family", "seeds"), cases)


class Case(NamedTuple):
    """A problem with some sub-domains; of each, the solutions within."""

    masks: np.ndarray  # bool[M, V, D]
    solutions: np.ndarray  # int[S, V]
    alive: np.ndarray  # bool[M, S]


def make(family: str, seed: int) -> Small:
    if family == "wide":
        return random_wide_problem(seed)
    return random_mixed_problem(len(MIXTURES) * seed + list(PROBLEMS).index(family))


@functools.cache
def cases(family: str, seeds: range) -> tuple[ns.Network, tuple[Case, ...]]:
    """Problems whose arrays have one shape, as a batch of networks, with sub-domains of each."""
    networks, found = [], []
    for seed in seeds:
        small = make(family, seed)
        networks.append(small.problem.compile())
        rng = np.random.default_rng(seed)
        declared = np.asarray(networks[-1].mask)
        keep = rng.random((INSTANCES, *declared.shape)) < rng.uniform(0.5, 1, (INSTANCES, 1, 1))
        keep[0] = True
        solutions = np.asarray(small.solutions, int).reshape(-1, len(declared))
        if len(solutions):  # some sub-domains keep a solution for sure
            chosen = solutions[rng.integers(len(solutions), size=INSTANCES // 2)]
            keep[: len(chosen)] |= np.arange(declared.shape[1]) == chosen[..., None]
            keep[-1] = np.arange(declared.shape[1]) == chosen[-1][:, None]
        alone = rng.integers(declared.sum(axis=1))
        keep[-2] = np.arange(declared.shape[1]) == alone[:, None]
        masks = keep & declared
        alive = masks[:, np.arange(len(declared)), solutions].all(axis=2)
        found.append(Case(masks, solutions, alive))
    groups = collections.Counter(map(shapes, networks))
    ((common, count),) = groups.most_common(1)
    assert count >= 0.9 * len(networks)  # the few others would need programs of their own
    alike = [n for n, network in enumerate(networks) if shapes(network) == common]
    return stacked([networks[n] for n in alike]), tuple(found[n] for n in alike)


def stacked_masks(found) -> jax.Array:
    return jnp.asarray(np.stack([case.masks for case in found]))


@families("values", "aligned", "shifted")
def test_propagation_is_sound_monotone_and_idempotent(family, seeds):
    network, found = cases(family, seeds)
    masks = np.stack([case.masks for case in found])
    fewer = masks & (np.random.default_rng(1).random(masks.shape) < 0.9)
    run = jax.jit(jax.vmap(ns.propagate))  # over networks, each with a batch of masks
    result = run(network, jnp.asarray(masks))
    pruned, status = np.asarray(result.domains.mask), np.asarray(result.status)
    assert not (pruned & ~masks).any()
    np.testing.assert_array_equal(status == ns.Status.WIPED_OUT, ~pruned.any(axis=(2, 3)))
    assert (np.asarray(result.rounds) > 0).any()
    decided = 0
    for n, case in enumerate(found):
        variables = np.arange(masks.shape[2])
        kept = pruned[n][:, variables, case.solutions].all(axis=2)
        np.testing.assert_array_equal(kept, case.alive)
        single = pruned[n].sum(axis=2).max(axis=1) == 1
        assert case.alive[single].any(axis=1).all()  # a full assignment that is left is a solution
        decided += int(single.sum())
    assert decided >= len(found)
    again = run(network, jnp.asarray(pruned))
    np.testing.assert_array_equal(again.domains.mask, pruned)
    np.testing.assert_array_equal(again.rounds, 0)
    below = np.asarray(run(network, jnp.asarray(fewer)).domains.mask)
    assert not (below & ~pruned).any()
    assert (below != pruned).any()


@families("values", "aligned", "shifted")
def test_solve_finds_what_brute_force_finds(family, seeds):
    network, found = cases(family, seeds)
    masks = stacked_masks(found)
    search = jax.jit(jax.vmap(lambda *x: ns.solve(*x, solutions=KEPT, width=8, capacity=512)))
    solved = jax.tree.map(np.asarray, search(network, masks))
    wanted = np.stack([case.alive.sum(axis=1) for case in found])
    np.testing.assert_array_equal(solved.count, np.minimum(wanted, KEPT))
    ended = np.where(wanted > 0, ns.SearchStatus.SOLVED, ns.SearchStatus.UNSATISFIABLE)
    np.testing.assert_array_equal(solved.status, ended)
    for n, case in enumerate(found):
        for m, alive in enumerate(case.alive):
            rows = solved.assignment[n, m]
            count = solved.count[n, m]
            assert (rows[count:] == -1).all()
            listed = set(map(tuple, rows[:count].tolist()))
            assert len(listed) == count
            legal = set(map(tuple, case.solutions[alive].tolist()))
            assert listed <= legal
            assert count == min(len(legal), KEPT)
    assert (wanted == 0).any()
    assert (wanted > 1).any()
    searched = (wanted == 0) & (solved.nodes > 1)
    assert searched.any() or family == "wide"


@families("values", "aligned", "shifted")
def test_solve_best_finds_the_maximum(family, seeds):
    network, found = cases(family, seeds)
    masks = stacked_masks(found)
    rng = np.random.default_rng(2)
    weights = rng.normal(size=masks.shape).astype(np.float32)
    weights[:, 1::3] = np.round(weights[:, 1::3])  # many ties
    weights[:, 2::3][rng.random(weights[:, 2::3].shape) < 0.2] = -np.inf
    run = jax.jit(jax.vmap(lambda *x: ns.solve_best(*x, width=8, capacity=512)))
    best = jax.tree.map(np.asarray, run(network, masks, jnp.asarray(weights)))
    excluded = 0
    for n, case in enumerate(found):
        totals = np.zeros(case.alive.shape, np.float32)
        for i, column in enumerate(case.solutions.T):  # in the order in which they are added up
            totals = totals + weights[n][:, i, column]
        totals = np.where(case.alive, totals, -np.inf)
        wanted = totals.max(axis=1, initial=-np.inf)
        np.testing.assert_array_equal(best.objective[n], wanted)
        np.testing.assert_array_equal(best.bound[n], wanted)
        there = wanted > -np.inf
        excluded += int((~there & case.alive.any(axis=1)).sum())
        ended = np.where(there, ns.SearchStatus.SOLVED, ns.SearchStatus.UNSATISFIABLE)
        np.testing.assert_array_equal(best.status[n], ended)
        assert (best.assignment[n][~there] == -1).all()
        for m in np.flatnonzero(there):
            (row,) = np.flatnonzero((case.solutions == best.assignment[n, m]).all(axis=1))
            assert totals[m, row] == wanted[m]
    assert excluded > 0


@pytest.mark.slow
def test_the_trace_holds_the_domains_of_every_round():
    network, found = cases("shifted", range(PROBLEMS["shifted"]))
    network = jax.tree.map(lambda x: x[0], network)
    masks = jnp.asarray(found[0].masks)
    plain = ns.propagate(network, masks)
    rounds = np.asarray(plain.rounds)
    length = int(rounds.max()) + 1
    traced = ns.propagate(network, masks, trace=length)
    np.testing.assert_array_equal(traced.domains.mask, plain.domains.mask)
    np.testing.assert_array_equal(traced.status, plain.status)
    np.testing.assert_array_equal(traced.rounds, plain.rounds)
    history = np.asarray(traced.trace.mask)  # [M, R + 1, V, D]
    np.testing.assert_array_equal(history[:, 0], masks)
    np.testing.assert_array_equal(history[:, -1], plain.domains.mask)
    assert not (history[:, 1:] & ~history[:, :-1]).any()
    changes = (history[:, 1:] != history[:, :-1]).any(axis=(2, 3))
    np.testing.assert_array_equal(changes, np.arange(length) < rounds[:, None])
    short = ns.propagate(network, masks, trace=1)
    cut = rounds > 1
    assert cut.any()
    np.testing.assert_array_equal(short.status == ns.Status.ROUNDS, cut)
    np.testing.assert_array_equal(short.domains.mask[~cut], plain.domains.mask[~cut])
    np.testing.assert_array_equal(short.trace.mask, history[:, :2])
    with pytest.raises(ValueError, match=r"a trace holds a number of rounds, .*-1"):
        ns.propagate(network, masks, trace=-1)
