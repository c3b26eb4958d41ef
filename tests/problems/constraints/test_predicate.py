"""Predicates: tabulated once, with a clear limit and clear errors."""

import itertools

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.table import TableRelation
from neurosym.problems.constraints.unary import UnaryRelation


def is_xor(a, b, c):
    return (a ^ b) == c


def test_what_a_user_writes():
    problem = ns.Problem()
    x, y, z, w = problem.variables("x", shape=4, domain=range(6))
    problem.add(abs(x - y) == 3, x < y, x + 2 * y <= z + w + 3, ns.Predicate((x, y, z), is_xor))
    network = problem.compile()
    wanted = {
        (a, b, c, d)
        for a, b, c, d in itertools.product(range(6), repeat=4)
        if abs(a - b) == 3 and a < b and a + 2 * b <= c + d + 3 and (a ^ b) == c
    }
    assert wanted
    for index in np.ndindex(6, 6, 6, 6):
        assert network.allows(index) == (index in wanted)
    found = np.asarray(ns.propagate(network).domains.mask)
    assert found.sum() < 24
    assert all(found[i, v] for row in wanted for i, v in enumerate(row))
    total = ns.total(network, np.ones((4, 6), np.int32), semiring=ns.COUNTING)
    assert int(total) == len(wanted)


@pytest.mark.slow
def test_every_arity_is_pruned_exactly():
    rng = np.random.default_rng(0)
    problem = ns.Problem()
    constraints = []
    for n, density in enumerate([0.2, 0.8] * 4):
        names = [f"v{n}_{k}" for k in range(1 + n // 2)]
        scope = [
            problem.variable(name, domain=rng.permutation(list("abcdef"))[: rng.integers(2, 5)])
            for name in names
        ]
        # The first variable comes again at the end.
        draws = {
            (*values, values[0]): bool(rng.random() < density)
            for values in itertools.product(*(x.domain for x in scope))
        }
        predicate = ns.Predicate([*scope, scope[0]], lambda *values, draws=draws: draws[values])
        constraints += [predicate] if n % 4 < 2 else [~predicate]
    problem.add(*constraints)
    network = problem.compile()
    kinds = [type(r.relation) for r in network.structure.relations]
    assert kinds == [UnaryRelation] * 2 + [BinaryRelation] * 2 + [TableRelation] * 4
    assert {r.allowed for r, _ in network.structure.relations[4:]} == {True, False}
    masks = one_round.random_masks(network, rng, 100)
    one_round.assert_exact(constraints, masks, one_round.prune(network, masks))


def test_laws():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=(2, 0, 3, 1))
    predicate = ns.Predicate((x, y, z), is_xor)
    for constraint, allowed in ((predicate, True), (~predicate, False)):
        relation = joined(constraint)
        assert (relation.allowed, len(relation.rows)) == (allowed, 16)  # the shorter list
    ns.testing.check_constraint(predicate)


def test_the_function_is_called_once_for_each_combination():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=("a", "b", "c"))
    calls = []

    def ordered(a, b, again):
        calls.append((a, b))
        assert a == again
        return a < b

    predicate = ns.Predicate((x, y, x), ordered)
    assert predicate.scope == (x, y)
    assert sorted(calls) == list(itertools.product("abc", repeat=2))
    problem.add(predicate)
    network = problem.compile()
    assert network.structure == problem.compile().structure
    assert predicate.check(("a", "b"))
    assert (~predicate).check(("b", "a"))
    assert not joined(~~predicate).allows([1, 0])
    assert len(calls) == 9
    assert network.allows([0, 2])
    assert not network.allows([2, 0])


def test_what_is_refused():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(128))
    with pytest.raises(
        ValueError, match=r"over x\[0\], x\[1\], x\[2\] has 2097152 .* limit of 1048576"
    ):
        ns.Predicate((x, y, z), is_xor)
    with pytest.raises(ValueError, match=r"has 16384 combinations .* limit of 100"):
        ns.Predicate((x, y), lambda a, b: a < b, limit=100)
    again = ns.Predicate((x, y, x, y), lambda a, b, c, d: a == c < b == d)
    assert again.scope == (x, y)
    assert again.check((3, 5))
    with pytest.raises(ValueError, match="at least one variable"):
        ns.Predicate((), bool)
    with pytest.raises(ValueError, match="a function of values, not True"):
        ns.Predicate((x, y), True)
    with pytest.raises(
        ValueError,
        match=r"Predicate\(\(x\[0\], x\[1\]\), <lambda>\) raises ZeroDivisionError.* "
        r"at x\[0\] = 0, x\[1\] = 0",
    ):
        ns.Predicate((x, y), lambda a, b: 8 / a > b)
    with pytest.raises(ValueError, match="raises TypeError"):
        ns.Predicate((x,), is_xor)


def test_made_in_a_loop_with_a_lambda():
    """Every function reads the variable of the loop at its own turn."""
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain="abc")
    for letter, least in {"a": 1, "b": 1}.items():
        # The linter's warning is what is tested.
        problem.add(ns.Predicate(x, lambda *v: sum(w == letter for w in v) >= least))  # noqa: B023
    network = problem.compile()
    words = list(itertools.product("abc", repeat=3))
    wanted = {word for word in words if "a" in word and "b" in word}
    assert len(wanted) == 12
    for index in np.ndindex(3, 3, 3):
        assert network.allows(index) == (tuple("abc"[v] for v in index) in wanted)
    assert int(ns.total(network, np.ones((3, 3), np.int32), semiring=ns.COUNTING)) == 12


def test_what_changes_afterwards_does_not_matter():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(3))
    allowed = {(0, 1), (2, 2)}
    predicate = ns.Predicate((x, y), lambda a, b: (a, b) in allowed)
    opposite = ~predicate
    allowed.clear()
    problem.add(ns.Implies(predicate, x == 0))
    found = {index for index in np.ndindex(3, 3) if predicate.check(index)}
    assert found == {(0, 1), (2, 2)} == {i for i in np.ndindex(3, 3) if not opposite.check(i)}
    assert [i for i in np.ndindex(3, 3) if not problem.compile().allows(i)] == [(2, 2)]
