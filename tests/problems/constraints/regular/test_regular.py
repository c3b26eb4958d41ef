"""Words that a finite automaton accepts."""

import itertools

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.regular.regular import RegularRelation
from neurosym.problems.constraints.table import TableRelation


def random_automaton(rng: np.random.Generator, states: int, values, density: float = 0.7):
    names = [f"s{n}" for n in range(states)]
    return ns.Automaton(
        states=names,
        start=names[rng.integers(states)],
        accepting=[name for name in names if rng.random() < 0.5] or names[:1],
        transitions={
            (name, value): names[rng.integers(states)]
            for name in names
            for value in values
            if rng.random() < density
        },
    )


def test_pruned_exactly_with_words_of_several_lengths():
    rng = np.random.default_rng(0)
    problem = ns.Problem()
    constraints = []
    for n in range(24):
        length = int(rng.integers(1, 5))
        scope = [
            problem.variable(f"x{n}_{k}", domain=rng.permutation(5)[: rng.integers(2, 4)].tolist())
            for k in range(length)
        ]
        automaton = random_automaton(rng, int(rng.choice([6, 50])), range(5), 0.9)
        constraints.append(ns.Regular(scope, automaton))
    problem.add(*constraints)
    network = problem.compile()
    assert any(not np.asarray(group.present).all() for group in network.groups)
    masks = one_round.random_masks(network, rng, 60)
    one_round.assert_exact(constraints, masks, one_round.prune(network, masks))


@pytest.mark.parametrize(("states", "size"), [(60, 3), (150, 70)])
def test_many_states_and_values(states, size):
    """Against sets of states in plain Python."""
    rng = np.random.default_rng(states)
    automaton = random_automaton(rng, states, range(size), min(1, 3 / size))
    problem = ns.Problem()
    x = problem.variables("x", shape=9, domain=range(size))
    problem.add(ns.Regular(x, automaton))
    network = problem.compile()
    masks = one_round.random_masks(network, rng, 6)
    masks[3:] &= rng.random(masks[3:].shape) < 0.5
    found = one_round.prune(network, masks)
    moves = automaton.transitions
    for mask, kept in zip(masks, found, strict=True):
        layers = [{automaton.start}]
        for row in mask:
            steps = itertools.product(layers[-1], np.flatnonzero(row).tolist())
            layers.append({moves[step] for step in steps if step in moves})
        alive = layers[-1] & automaton.accepting
        wanted = np.zeros_like(mask)
        for k in reversed(range(9)):
            steps = itertools.product(layers[k], np.flatnonzero(mask[k]).tolist())
            paths = [step for step in steps if moves.get(step) in alive]
            wanted[k, [value for _, value in paths]] = True
            alive = {state for state, _ in paths}
        np.testing.assert_array_equal(kept & wanted.any(), wanted)
    assert (found != masks).any()


def test_laws():
    rng = np.random.default_rng(4)
    problem = ns.Problem()
    x = [
        problem.variable(f"x{k}", domain=domain)
        for k, domain in enumerate(["abc", "ca", "bac", "dab"])
    ]
    constraint = ns.Regular(x, random_automaton(rng, 6, "abc", 0.8))
    assert isinstance(joined(constraint), RegularRelation)
    ns.testing.check_constraint(constraint)
    opposite = joined(~constraint)
    for index in np.ndindex(opposite.sizes):
        values = [v.domain[n] for v, n in zip(x, index, strict=True)]
        assert opposite.allows(index) != constraint.check(values)


def at_most(count: int) -> ns.Automaton:
    """Words over 0 and 1 with at most so many ones."""
    moves = {(n, 0): n for n in range(count + 1)} | {(n, 1): n + 1 for n in range(count)}
    return ns.Automaton(range(count + 1), 0, range(count + 1), moves)


def test_counts_by_the_soft_engine_without_visible_states():
    problem = ns.Problem()
    x = problem.variables("x", shape=12, domain=range(2))
    problem.add(ns.Regular(x, at_most(3)))
    network = problem.compile()
    assert network.variables == 12
    total = ns.total(network, np.ones((12, 2), np.int32), semiring=ns.COUNTING)
    assert int(total) == 1 + 12 + 66 + 220
    forced = ns.propagate(network, network.restrict({x[0]: 1, x[5]: 1, x[6]: 1}).mask)
    assert forced.domains.sizes.tolist() == [1] * 12


def test_words_that_nothing_accepts():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    for automaton in (at_most(0).complement([0]), ns.Automaton("s", "s", (), {("s", 0): "s"})):
        constraint = ns.Regular(x, automaton)
        relation = joined(constraint)
        assert not any(relation.allows(index) for index in np.ndindex(2, 2, 2))
        weights = [np.ones(2, np.int32)] * 3
        assert int(relation.total(ns.COUNTING, weights)) == 0
        other = ns.Problem()
        other.add(ns.Regular(other.variables("x", shape=3, domain=range(2)), automaton))
        assert int(ns.propagate(other.compile()).status) == ns.Status.WIPED_OUT


def test_a_repeated_variable():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(2))
    constraint = ns.Regular((x, y, x, z), at_most(2))
    assert constraint.scope == (x, y, z)
    assert isinstance(joined(constraint), TableRelation)
    for a, b, c in np.ndindex(2, 2, 2):
        assert joined(constraint).allows([a, b, c]) == (2 * a + b + c <= 2)
        assert joined(~constraint).allows([a, b, c]) == (2 * a + b + c > 2)
    many = problem.variables("y", shape=24, domain=range(2))
    with pytest.raises(ValueError, match=r"repeats variable 'y\[3\]' and has 16777216"):
        ns.Regular([*many, many[3]], at_most(2))


def test_what_is_refused():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    with pytest.raises(ValueError, match="at least one variable"):
        ns.Regular((), at_most(1))
    with pytest.raises(ValueError, match=r"needs an Automaton, not \{\}"):
        ns.Regular(x, {})
    with pytest.raises(ValueError, match="at least one state"):
        ns.Automaton((), 0, (), {})
    with pytest.raises(ValueError, match="repeats a state"):
        ns.Automaton((0, 1, 0), 0, (), {})
    with pytest.raises(ValueError, match="start 2 is not a state"):
        ns.Automaton((0, 1), 2, (), {})
    with pytest.raises(ValueError, match="accepting state 2 is not a state"):
        ns.Automaton((0, 1), 0, (2,), {})
    with pytest.raises(ValueError, match=r"from a pair .* not from \(5, 0\)"):
        ns.Automaton((0, 1), 0, (1,), {(5, 0): 1})
    with pytest.raises(ValueError, match="deterministic"):
        ns.Automaton((0, 1), 0, (1,), {(0, 0): {0, 1}})
