"""Every kind of constraint has a negation and may be a condition, also over several variables.

What stands inside of another constraint is counted against brute force over the declared variables;
auxiliary variables follow from these, so counts agree. The problems are too large to be listed
whole where it says so.
"""

import itertools
import operator

import pytest

import neurosym as ns
from neurosym.problems.constraints import tabulated
from neurosym.problems.constraints.clause import Conjunction
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.negation import has_negation


def count(problem: ns.Problem) -> int:
    return int(ns.count(problem.compile()).count)


def brute_force(variables, holds) -> int:
    return sum(bool(holds(*values)) for values in itertools.product(*(x.domain for x in variables)))


def one_of_each_kind(problem):
    """The name in the message, and a constraint on some of three variables."""
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    word = ns.Automaton((0, 1), 0, (1,), {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 2): 0})
    yield "comparisons", x + y <= z
    yield "abs(...)", abs(x - 2 * y) >= 2
    yield "Clause", (x == 1) | (y == 2)
    yield "Conjunction", (x == 1) & (y >= 1)
    yield "Count", ns.Count((x, y, z), {0, 2}, "==", 2)
    yield "Member", x.isin({0, 2})
    yield "Predicate", ns.Predicate((x, y, x), lambda a, b, c: a * b >= c)
    yield "Regular", ns.Regular((x, y, z), word)
    yield "Reified", ns.Reified(x == 1, y + z == 2)
    yield "Table", ns.Table((x, y), [(0, 1), (2, 2)])
    yield "", ns.AllDifferent((x, y, z))
    yield "", ns.Element(x, [y, z], z)
    yield "", ns.Implies(x == 1, y + z == 2)
    yield "", ns.Inverse((x, y, z), (x, y, z))


KINDS = list(one_of_each_kind(ns.Problem()))


def test_every_kind_has_a_negation():
    for name, constraint in KINDS:
        assert has_negation(constraint), name
    # No kind is forgotten here; those of the catalogue have tests of their own.
    public = {
        kind
        for kind in vars(ns.problems).values()
        if isinstance(kind, type) and issubclass(kind, Constraint)
        if ".catalogue." not in kind.__module__
    }
    assert public <= {type(constraint) for _, constraint in KINDS}


@pytest.mark.parametrize("n", range(len(KINDS)))
def test_a_negation_holds_exactly_elsewhere(n, monkeypatch):
    held = []
    for listed in (True, False):
        if not listed:  # over auxiliary variables, as larger ones are
            monkeypatch.setattr(tabulated, "FEW", 0)
            monkeypatch.setattr(tabulated, "PAIRS", 0)
        problem = ns.Problem()
        _, constraint = list(one_of_each_kind(problem))[n]
        opposite = ~constraint
        assert set(opposite.visible) == set(constraint.visible)
        problem.add(opposite)
        network = problem.compile()
        for values in itertools.product(range(3), repeat=3):
            given = [values[x.index] for x in constraint.scope]
            assert network.allows(values) != constraint.check(given)
            held.append(constraint.check(given))
            if listed:
                assert opposite.check(given) != constraint.check(given)
    assert 0 < sum(held) < 54


def element_problem(positions, values=(0, 1)):
    problem = ns.Problem()
    i = problem.variable("i", domain=positions)
    x, y, v = (problem.variable(name, domain=values) for name in "xyv")
    return problem, i, x, y, v, problem.variable("b", domain=(0, 1))


def element_implies(positions, values=(0, 1)):
    """Solutions of Implies(Element(i, [x, y], v), b)."""
    _, *variables = element_problem(positions, values)

    def holds(i, x, y, v, b):
        return not (0 <= i < 2 and (x, y)[i] == v) or b

    return brute_force(variables, holds)


@pytest.mark.parametrize(
    ("positions", "values"), [(range(4), (0, 1)), (range(-1, 3), (0, 1)), (range(3), "ab")]
)
def test_element_as_a_condition(positions, values, monkeypatch):
    for few in (tabulated.FEW, 0):
        monkeypatch.setattr(tabulated, "FEW", few)
        problem, i, x, y, v, b = element_problem(positions, values)
        problem.add(ns.Implies(ns.Element(i, [x, y], v), b))
        assert count(problem) == element_implies(positions, values)
    problem, i, x, y, v, b = element_problem(positions, values)
    c = ns.Element(i, [x, y], v)
    problem.add(ns.Implies(ns.Predicate(c.scope, lambda *values: c.check(values)), b))
    assert count(problem) == element_implies(positions, values)


def test_all_different_as_a_condition():
    """Of values, and of expressions."""
    variables = ns.Problem().variables("x", shape=3, domain=range(3)).tolist()
    flag = ns.Problem().variable("flag", domain=(0, 1))
    for shift in (0, 1):

        def different(*values, shift=shift):
            return len({value + shift * n for n, value in enumerate(values)}) == len(values)

        problem = ns.Problem()
        x = problem.variables("x", shape=3, domain=range(3))
        entries = [variable + shift * n for n, variable in enumerate(x)] if shift else list(x)
        c = problem.variable("c", domain=(0, 1))
        problem.add(ns.Reified(c, ns.AllDifferent(entries)))
        found = brute_force([*variables, flag], lambda *v, d=different: d(*v[:3]) == v[3])
        assert count(problem) == found == 27
        problem.add(c == 1)
        assert count(problem) == brute_force(variables, different) > 0


def test_an_implication_as_a_condition():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    b = problem.variable("b", domain=(0, 1))
    problem.add(ns.Reified(b, ns.Implies(x == 1, y + z == 2)), b == 0)
    assert count(problem) == brute_force((x, y, z), lambda x, y, z: x == 1 and y + z != 2) == 6


@pytest.mark.parametrize("kind", [ns.Implies, ns.Reified])
def test_two_sides_on_several_variables(kind):
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    problem.add(kind(x < y, y + z <= 2))

    def holds(x, y, z):
        return (x < y) <= (y + z <= 2) if kind is ns.Implies else (x < y) == (y + z <= 2)

    assert count(problem) == brute_force((x, y, z), holds)


def test_a_clause_and_a_conjunction_of_several_variables():
    for join, kind in ((operator.or_, ns.Clause), (operator.and_, Conjunction)):
        for written in (join, lambda a, b, kind=kind: kind((a, b))):
            problem = ns.Problem()
            x, y, z = problem.variables("x", shape=3, domain=range(3))
            problem.add(written(x < y, z == 1))
            wanted = brute_force((x, y, z), lambda x, y, z, j=join: j(x < y, z == 1))
            assert count(problem) == wanted


def test_a_clause_with_a_part_that_is_made_of_others():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    problem.add(ns.Clause([ns.AllDifferent((x, y, z)), x == 1, y >= 1]))
    wanted = brute_force((x, y, z), lambda x, y, z: len({x, y, z}) == 3 or x == 1 or y >= 1)
    assert count(problem) == wanted
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    b = problem.variable("b", domain=(0, 1))
    problem.add(ns.Implies(b, ns.AllDifferent((x, y, z)) & (x == 1)))
    assert count(problem) == 27 + 2


def test_a_constraint_of_ones_own():
    class Far(Constraint):
        def __init__(self, *scope):
            self.scope = scope

        def check(self, values):
            return max(values) - min(values) > 1

        def compile(self):
            raise NotImplementedError

    class Steps(Constraint):
        def __init__(self, *scope):
            self.scope = scope

        def decompose(self):
            return [a < b for a, b in itertools.pairwise(self.scope)]

    for size in (3, 6):
        problem = ns.Problem()
        problem.add(~Steps(*problem.variables("x", shape=size, domain=range(4))))
        assert count(problem) == 4**size - (4 if size == 3 else 0)
    few = ns.Problem().variables("x", shape=2, domain=range(3))
    many = ns.Problem().variables("x", shape=30, domain=range(3))
    with pytest.raises(ValueError, match=r"give Far a method negated.*; or, with c for the cons"):
        ~Far(*few)
    with pytest.raises(ValueError, match=r"or decompose\(\) into constraints that have one$"):
        ~Far(*many)
