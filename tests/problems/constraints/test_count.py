"""Counting values: against numbers, against variables, with repetition, and short of Linear."""

import itertools

import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints.count import CountRelation
from neurosym.problems.constraints.joint import joined

RELATIONS = ["==", "!=", "<", "<=", ">", ">="]


def random_count(
    problem: ns.Problem, name: str, rng: np.random.Generator, relation: str, *, numbered: bool
) -> ns.Count:
    """Over three or four variables whose domains differ, compared with a number or a variable."""
    arity = int(rng.integers(3, 5))
    variables = [
        problem.variable(f"{name}{k}", domain=rng.permutation(6)[: rng.integers(2, 5)].tolist())
        for k in range(arity)
    ]
    having = sorted(set().union(*(x.domain for x in variables)))
    values = rng.permutation(having)[: rng.integers(1, 4)].tolist()
    number = int(rng.integers(-1, arity + 2))
    if numbered:
        domain = rng.permutation(np.arange(-2, 8))[: rng.integers(3, 7)].tolist()
        number = problem.variable(f"{name}n", domain=domain)
    return ns.Count(variables, values, relation, number)


@pytest.mark.parametrize("numbered", [False, True])
def test_pruned_exactly(numbered):
    rng = np.random.default_rng(int(numbered))
    problem = ns.Problem()
    constraints = [
        random_count(problem, f"{relation}{n}", rng, relation, numbered=numbered)
        for relation in RELATIONS
        for n in range(5)
    ]
    problem.add(*constraints)
    network = problem.compile()
    assert len(network.groups) == 2  # != or not
    masks = one_round.random_masks(network, rng, 96, least=0.2)
    found = one_round.prune(network, masks)
    one_round.assert_exact(constraints, masks, found)


def test_law():
    problem = ns.Problem()
    x = problem.variable("x", domain=("a", 3, None))
    y = problem.variable("y", domain=(0, "a"))
    z = problem.variable("z", domain=(3, 4, "a", 0))
    number = problem.variable("n", domain=(2, 0, 5))
    ns.testing.check_constraint(ns.Count([x, y, z], {"a", 3}, ">", number), samples=4, semirings=())


def test_repeated_variables_count_as_often_and_light_numbers():
    problem = ns.Problem()
    x, y, z, u, v = problem.variables("x", shape=5, domain=(2, 0, 1))
    twice = ns.Count([x, y, x], {1, 2}, "==", 2)
    assert twice.scope == (x, y)
    assert [v for v in itertools.product(range(3), repeat=2) if twice.check(v)] == [(1, 0), (2, 0)]
    assert joined(twice).bucket[0] == 1  # x is as the number would be
    # Two that count repeatedly are pruned by sums, which is exact for ==.
    both = ns.Count([z, u, z, u, u, v], {1}, "==", 3)
    assert joined(both).bucket[0] == "linear"
    # A number with two values next to each other is like one more that is counted.
    near = [problem.variable(f"y{k}", domain=d) for k, d in enumerate([(1, 4), (4, 0, 1), (3, 2)])]
    light = ns.Count(near[:2], {1}, ">=", near[2])
    assert joined(light).heavy == ()
    problem.add(twice, both, light)
    network = problem.compile()
    masks = one_round.random_masks(network, np.random.default_rng(0), 64)
    one_round.assert_exact([twice, both, light], masks, one_round.prune(network, masks))
    rows = list(itertools.product((2, 0, 1), repeat=3))
    assert [v for v in itertools.product((1, 4), (4, 0, 1), (3, 2)) if light.check(v)] == [
        (1, 1, 2)
    ]
    assert [joined(both).allows(n) for n in np.ndindex(3, 3, 3)] == list(map(both.check, rows))
    found = ns.total(network, np.ones((8, 3), np.int32), semiring=ns.COUNTING)
    assert int(found) == 2 * sum(map(both.check, rows)) > 0


def test_all_or_none():
    problem = ns.Problem()
    x = problem.variables("x", shape=40, domain=range(3))
    problem.add(
        ns.Count(x[:20], {0, 2}, ">=", 20),
        ns.Count(x[20:], {0, 2}, "<", 1),
        ns.Count(x, {0}, "<=", 39),  # says nothing yet
    )
    result = ns.propagate(problem.compile())
    mask = np.asarray(result.domains.mask)
    assert (mask[:20] == [True, False, True]).all()
    assert (mask[20:] == [False, True, False]).all()


def test_many_private_variables_are_counted_in_any_semiring():
    problem = ns.Problem()
    x = problem.variables("x", shape=5, domain=range(3))
    many = problem.variable("many", domain=range(6))
    problem.add(ns.Count(x, {2}, "==", many))
    weights = np.log(np.full((6, 6), 1 / 3))
    found = np.exp(ns.query(problem.compile(), weights, target=many))
    chance = [1.0]
    for _ in range(5):  # Pascal's triangle
        chance = [a * 2 / 3 + b / 3 for a, b in zip([*chance, 0], [0, *chance], strict=True)]
    np.testing.assert_allclose(found, chance, rtol=1e-4)


def test_negation_and_what_a_number_beyond_reach_means():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(2))
    for relation in RELATIONS:
        for number in (-(10**12), 1, 10**12):
            constraint = ns.Count(x, {1}, relation, number)
            relation_of_it, negated = joined(constraint), joined(~constraint)
            assert isinstance(relation_of_it, CountRelation)
            for values in itertools.product(range(2), repeat=3):
                assert constraint.check(values) == relation_of_it.allows(values)
                assert constraint.check(values) != negated.allows(values)


def test_bad_counts():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=("a", "b"))
    wide = problem.variable("wide", domain=(0, 2**40))
    n = problem.variable("n", domain=(0, 1))
    with pytest.raises(ValueError, match="at least one variable"):
        ns.Count([], {1}, "==", 1)
    with pytest.raises(ValueError, match="no relation '=<'"):
        ns.Count([x, y], {"a"}, "=<", 1)
    with pytest.raises(ValueError, match=r"'c' is in the domain of none of .* x\[0\], x\[1\]"):
        ns.Count([x, y], {"a", "c"}, "==", 1)
    with pytest.raises(ValueError, match="are a set, not 3"):
        ns.Count([x, y], 3, "==", 1)
    with pytest.raises(ValueError, match=r"an integer or a variable, not 1\.5"):
        ns.Count([x, y], {"a"}, "==", 1.5)
    with pytest.raises(ValueError, match=r"'x\[1\]' is compared with a count, .* not 'a'"):
        ns.Count([x], {"a"}, "==", y)
    with pytest.raises(ValueError, match="'wide' is compared with a count"):
        ns.Count([x], {"a"}, "==", wide)
    with pytest.raises(ValueError, match="'n' is counted, and cannot be the count as well"):
        ns.Count([n, x], {"a"}, "==", n)
