"""What has a negation, what has none, and that the ways round which messages name are right.

Every way round is followed as the message says it, and counted against brute force over the
variables of the first problem; auxiliary variables follow from these, so counts agree.
"""

import itertools
import operator

import pytest

import neurosym as ns
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


def test_the_list_in_the_message_is_what_has_a_negation():
    listed = [name for name, _ in KINDS if name]
    for name, constraint in KINDS:
        assert has_negation(constraint) == bool(name), constraint
        if not name:
            with pytest.raises(ValueError, match="has no negation; ") as caught:
                constraint.negated()
            said = str(caught.value).split("has no negation; ")[1].split(" have. Instead, ")[0]
            assert said.split(", ") == listed
    # No kind is forgotten here.
    public = {
        kind
        for kind in vars(ns.problems).values()
        if isinstance(kind, type) and issubclass(kind, Constraint)
    }
    assert public <= {type(constraint) for _, constraint in KINDS}


@pytest.mark.parametrize("n", range(len(KINDS)))
def test_a_negation_holds_exactly_elsewhere(n):
    problem = ns.Problem()
    name, constraint = list(one_of_each_kind(problem))[n]
    opposite = ~constraint if name else None
    if opposite is None:  # The way round that every small constraint has.
        opposite = ~ns.Predicate(constraint.scope, lambda *values: constraint.check(values))
    assert opposite.scope == constraint.scope
    problem.add(opposite)
    network = problem.compile()
    held = 0
    for values in itertools.product(range(3), repeat=3):
        given = [values[x.index] for x in constraint.scope]
        assert opposite.check(given) != constraint.check(given)
        assert network.allows(values) != constraint.check(given)
        held += constraint.check(given)
    assert 0 < held < 27


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


def test_element_as_a_condition():
    assert element_implies(range(4)) == 56
    problem, i, x, y, v, b = element_problem(range(4))
    way = (
        r"Instead, declare a variable w over the values of the entries and 2, which stands for "
        r"outside of the array, and add Element\(i, \[x, y\] \+ 2 \* \[2\], w\); w == v says the "
        r"same and has a negation; or with c for the constraint, write Predicate\(c.scope, "
    )
    with pytest.raises(ValueError, match=way):
        ns.Implies(ns.Element(i, [x, y], v), b)
    w = problem.variable("w", domain=(0, 1, 2))
    problem.add(ns.Element(i, [x, y] + 2 * [2], w), ns.Implies(w == v, b))
    assert count(problem) == 56
    problem, i, x, y, v, b = element_problem(range(4))
    c = ns.Element(i, [x, y], v)
    problem.add(ns.Implies(ns.Predicate(c.scope, lambda *values: c.check(values)), b))
    assert count(problem) == 56
    # What is wrong: without the padding the index is held inside of the array.
    problem, i, x, y, v, b = element_problem(range(4))
    w = problem.variable("w", domain=(0, 1))
    problem.add(ns.Element(i, [x, y], w), ns.Implies(w == v, b))
    assert count(problem) == 24


def test_element_as_a_condition_with_positions_before_the_array():
    problem, k, x, y, v, b = element_problem(range(-1, 3))
    way = (
        r"declare a variable j with j == i \+ 1 and a variable w over the values of the entries "
        r"and 2, .* add Element\(j, 1 \* \[2\] \+ \[x, y\] \+ 1 \* \[2\], w\); w == v says"
    )
    with pytest.raises(ValueError, match=way):
        ns.Implies(ns.Element(k, [x, y], v), b)
    j = problem.variable("j", domain=range(4))
    w = problem.variable("w", domain=(0, 1, 2))
    problem.add(j == k + 1, ns.Element(j, 1 * [2] + [x, y] + 1 * [2], w), ns.Implies(w == v, b))
    assert count(problem) == element_implies(range(-1, 3)) == 56


def test_element_of_names_as_a_condition():
    problem, i, x, y, v, b = element_problem(range(3), "ab")
    way = (
        r"over the values of the entries and 1, .*Element\(i, \[x, y\] \+ 1 \* \[1\], w\); "
        r"Predicate\(\(w, v\), operator.eq\) says the same"
    )
    with pytest.raises(ValueError, match=way):
        ns.Implies(ns.Element(i, [x, y], v), b)
    w = problem.variable("w", domain=("a", "b", 1))
    problem.add(ns.Element(i, [x, y] + 1 * [1], w))
    problem.add(ns.Implies(ns.Predicate((w, v), operator.eq), b))
    assert count(problem) == element_implies(range(3), "ab") == 40
    with pytest.raises(ValueError, match=r"add Element\(i, .*; w == 'a' says the same"):
        ns.Reified(b, ns.Element(i, [x, y], "a"))


def test_all_different_as_a_condition():
    """Of values, and of expressions."""
    variables = ns.Problem().variables("x", shape=3, domain=range(3)).tolist()
    flag = ns.Problem().variable("flag", domain=(0, 1))
    for shift, way in (
        (0, r"for every value v a 0/1 variable b and add Reified\(b, Count\(variables, \{v\}, "),
        (1, r"for every pair of entries a 0/1 variable b and add Reified\(b, entry == other\)"),
    ):

        def different(*values, shift=shift):
            return len({value + shift * n for n, value in enumerate(values)}) == len(values)

        problem = ns.Problem()
        x = problem.variables("x", shape=3, domain=range(3))
        entries = [variable + shift * n for n, variable in enumerate(x)] if shift else list(x)
        c = problem.variable("c", domain=(0, 1))
        with pytest.raises(ValueError, match=way + ".*; the Clause of all b is its negation"):
            ns.Reified(c, ns.AllDifferent(entries))
        if shift:
            pairs = list(itertools.combinations(entries, 2))
            b = problem.variables("b", shape=len(pairs), domain=(0, 1))
            problem.add(
                *(ns.Reified(q, one == other) for q, (one, other) in zip(b, pairs, strict=True))
            )
        else:
            b = problem.variables("b", shape=3, domain=(0, 1))
            problem.add(*(ns.Reified(q, ns.Count(x, {v}, ">=", 2)) for v, q in enumerate(b)))
        problem.add(ns.Reified(c, ~ns.Clause(b)))
        found = brute_force([*variables, flag], lambda *v, d=different: d(*v[:3]) == v[3])
        assert count(problem) == found == 27
        problem.add(c == 1)
        assert count(problem) == brute_force(variables, different) > 0


def test_an_implication_as_a_condition():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    b, r = problem.variables("b", shape=2, domain=(0, 1))
    way = (
        r"declare a 0/1 variable r and add Reified\(r, Linear\(.* == 2\)\); Clause\(\(~c, r\)\) "
        r"with .* for c says the same"
    )
    with pytest.raises(ValueError, match=way):
        ns.Reified(b, ns.Implies(x == 1, y + z == 2))
    problem.add(ns.Reified(r, y + z == 2), ns.Reified(b, ns.Clause((~(x == 1), r))))
    problem.add(b == 0)
    assert count(problem) == brute_force((x, y, z), lambda x, y, z: x == 1 and y + z != 2) == 6


@pytest.mark.parametrize("kind", [ns.Implies, ns.Reified])
def test_two_sides_on_several_variables(kind):
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    way = (
        r"both on several variables.*declare a 0/1 variable b, and add Reified\(b, "
        rf"Linear\(.* < 0\)\) and {kind.__name__}\(b, Linear\(.* <= 2\)\)"
    )
    with pytest.raises(ValueError, match=way):
        kind(x < y, y + z <= 2)
    b = problem.variable("b", domain=(0, 1))
    problem.add(ns.Reified(b, x < y), kind(b, y + z <= 2))

    def holds(x, y, z):
        return (x < y) <= (y + z <= 2) if kind is ns.Implies else (x < y) == (y + z <= 2)

    assert count(problem) == brute_force((x, y, z), holds)


def test_a_clause_and_a_conjunction_of_several_variables():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    b = problem.variable("b", domain=(0, 1))
    way = r"add Reified\(b, Linear\(.* < 0\)\) and write b == 1 in its place"
    with pytest.raises(ValueError, match=r"a clause is made.*: declare a 0/1 variable b, " + way):
        (x < y) | (z == 1)
    problem.add(ns.Reified(b, x < y), (b == 1) | (z == 1))
    assert count(problem) == brute_force((x, y, z), lambda x, y, z: x < y or z == 1)
    with pytest.raises(
        ValueError, match=r"a conjunction is .*: add the parts one by one, or " + ""
    ):
        (x < y) & (z == 1)
    problem.add(x < y, z == 1)
    assert count(problem) == 3


def test_a_clause_with_a_part_that_has_no_negation():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    b = problem.variable("b", domain=(0, 1))
    parts = [ns.AllDifferent((x, y, z)), x == 1, y >= 1]
    way = (
        r"declare a 0/1 variable b, let it stand for the other parts with Reified\(b, \.\.\.\), "
        r"and add Implies\(b == 0, AllDifferent\(x\[0\], x\[1\], x\[2\]\)\)"
    )
    with pytest.raises(ValueError, match=way):
        ns.Clause(parts)
    problem.add(ns.Reified(b, ns.Clause(parts[1:])), ns.Implies(b == 0, parts[0]))
    wanted = brute_force((x, y, z), lambda x, y, z: len({x, y, z}) == 3 or x == 1 or y >= 1)
    assert count(problem) == wanted
    with pytest.raises(ValueError, match=r"add the parts one by one, where there is a condition"):
        parts[0] & parts[1]
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(3))
    b = problem.variable("b", domain=(0, 1))
    problem.add(ns.Implies(b, ns.AllDifferent((x, y, z))), ns.Implies(b, x == 1))
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

    with pytest.raises(ValueError, match=r"for every part of decompose\(\) a 0/1 variable b and"):
        ~Steps(*ns.Problem().variables("x", shape=30, domain=range(3)))
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(4))
    parts = Steps(*x).decompose()
    b = problem.variables("b", shape=2, domain=(0, 1))
    problem.add(*(ns.Reified(q, ~part) for q, part in zip(b, parts, strict=True)))
    problem.add(ns.Clause(b))
    assert count(problem) == 4**3 - 4
    few = ns.Problem().variables("x", shape=2, domain=range(3))
    many = ns.Problem().variables("x", shape=30, domain=range(3))
    with pytest.raises(ValueError, match=r"Table have. Instead, with c for the constraint, write"):
        ~Far(*few)
    with pytest.raises(ValueError, match=r"Table have$"):
        ~Far(*many)
