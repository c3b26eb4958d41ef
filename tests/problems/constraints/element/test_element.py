"""Arrays indexed by a variable: constants, variables, both, and variables in several roles."""

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints.binary import BinaryRelation
from neurosym.problems.constraints.element.entries import ElementRelation
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.table import TableRelation
from neurosym.problems.constraints.unary import UnaryRelation


def random_element(problem: ns.Problem, name: str, rng: np.random.Generator, *, aligned: bool):
    """Up to three variable entries, one of them twice, between constants and out of order."""

    def values() -> list[int]:
        return list(range(4)) if aligned else rng.permutation(6)[: rng.integers(2, 5)].tolist()

    index = problem.variable(f"{name}i", domain=rng.permutation(np.arange(-1, 6)).tolist())
    value = problem.variable(f"{name}v", domain=values()) if rng.random() < 0.7 else 2
    entries = [problem.variable(f"{name}{k}", domain=values()) for k in range(rng.integers(1, 4))]
    array = [*entries, entries[0], *rng.integers(0, 6, 2).tolist()]
    return ns.Element(index, [array[n] for n in rng.permutation(len(array))], value)


@pytest.mark.parametrize("aligned", [True, False])
def test_pruned_exactly(aligned):
    rng = np.random.default_rng(int(aligned))
    problem = ns.Problem()
    constraints = [random_element(problem, f"c{n}", rng, aligned=aligned) for n in range(16)]
    problem.add(*constraints)
    network = problem.compile()
    assert {r.aligned for r, _ in network.structure.relations if r.targeted} == {aligned}
    masks = one_round.random_masks(network, rng, 100)
    # Half of the instances know the index, so that entries are pruned too.
    for constraint in constraints:
        size = len(constraint.index.domain)
        known = np.arange(network.size) == rng.integers(0, size, (50, 1))
        masks[50:, constraint.index.index] &= known
    one_round.assert_exact(constraints, masks, one_round.prune(network, masks))


@pytest.mark.parametrize("aligned", [True, False])
def test_domains_of_several_words(aligned):
    rng = np.random.default_rng(3)
    problem = ns.Problem()
    size = 70
    orders = [np.arange(size) if aligned else rng.permutation(size) for _ in range(size + 1)]
    index = problem.variable("index", domain=range(size))
    value = problem.variable("value", domain=orders[-1].tolist())
    array = [problem.variable(f"a{n}", domain=orders[n].tolist()) for n in range(size)]
    problem.add(ns.Element(index, array, value))
    network = problem.compile()
    assert network.structure.relations[0].relation.aligned == aligned
    masks = one_round.random_masks(network, rng, 10, least=0.02)
    masks[5:] = rng.random(masks[5:].shape) < 0.03
    masks[7:, 0] = np.arange(size) == rng.integers(0, size, (3, 1))
    found = one_round.prune(network, masks)
    for mask, kept in zip(masks, found, strict=True):
        by_value = np.zeros((size + 1, size), bool)  # the value, then the entries
        for n in range(size + 1):
            by_value[n, orders[n - 1]] = mask[n + 1]
        possible = mask[0] & (by_value[1:] & by_value[0]).any(axis=1)
        wanted = by_value.copy()
        wanted[0] &= by_value[1:][possible].any(axis=0)
        if possible.sum() == 1:
            wanted[1 + possible.argmax()] &= by_value[0]
        np.testing.assert_array_equal(kept[0], possible)
        for n in range(size + 1):
            if possible.any():
                np.testing.assert_array_equal(kept[n + 1], wanted[n, orders[n - 1]])


def test_laws():
    problem = ns.Problem()
    i = problem.variable("i", domain=[2, -1, 0, 1, 7, 3])
    v = problem.variable("v", domain="abcd")
    a, b = problem.variable("a", domain="dbx"), problem.variable("b", domain="ca")
    mixed = ns.Element(i, [a, b, a, "d"], v)
    assert repr(mixed) == "Element([a, b, a, 'd'][i] == v)"
    ns.testing.check_constraint(mixed)
    one_round.assert_counts(ns.Element(i, ["x", b, a, b], "x"))


def test_arrays_of_constants_are_tables():
    problem = ns.Problem()
    i = problem.variable("i", domain=[2, -1, 0, 1, 7])
    v = problem.variable("v", domain=[30, 10, 20])
    j = problem.variable("j", domain=range(4))
    prices = np.asarray([10, 20, 10])
    constraints = {
        ns.Element(i, prices, v): BinaryRelation,
        ns.Element(i, prices, 10): UnaryRelation,
        ns.Element(j, [3, 1, 0], j): UnaryRelation,
    }
    for constraint, kind in constraints.items():
        relation = joined(constraint)
        assert isinstance(relation, kind)
        for index in np.ndindex(relation.sizes):
            values = [x.domain[n] for x, n in zip(constraint.scope, index, strict=True)]
            position = values[0]
            array, value = np.asarray(constraint.array), constraint.value
            value = values[-1] if isinstance(value, ns.Variable) else value
            wanted = 0 <= position < 3 and array[position] == value
            assert relation.allows(index) == constraint.check(values) == wanted


def test_a_variable_in_two_roles():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    for constraint in (
        ns.Element(x, [y, x, 1], z),
        ns.Element(x, [y, z, 1], z),
        ns.Element(x, [x, y, z], x),
    ):
        relation = joined(constraint)
        assert isinstance(relation, TableRelation)
        place = {variable.name: k for k, variable in enumerate(constraint.scope)}
        for index in np.ndindex(3, 3, 3):
            array = [
                index[place[e.name]] if isinstance(e, ns.Variable) else e for e in constraint.array
            ]
            wanted = array[index[0]] == index[place[constraint.value.name]]
            assert relation.allows(index) == wanted
    several = ns.Element(x, [y, y, y], z)
    assert isinstance(joined(several), ElementRelation)


def test_what_is_refused():
    problem = ns.Problem()
    x = problem.variables("x", shape=8, domain=range(8))
    word = problem.variable("word", domain=("yes", "no"))
    with pytest.raises(ValueError, match=r"variable 'word' is an index, .* not 'yes'"):
        ns.Element(word, [1, 2], x[0])
    with pytest.raises(ValueError, match="is a variable, not 3"):
        ns.Element(3, [1, 2], x[0])
    with pytest.raises(ValueError, match=r"'x\[0\]' indexes is empty"):
        ns.Element(x[0], [], x[1])
    with pytest.raises(ValueError, match=r"\[1\], which cannot be hashed"):
        ns.Element(x[0], [[1]], x[1])
    with pytest.raises(ValueError, match="two roles and 16777216 combinations"):
        ns.Element(x[0], x, x[1])
