"""What modellers write, with the counts that it has: faults that were found by porting models."""

import itertools
import math

import numpy as np
import pytest
from extensions import extensions

import neurosym as ns
from neurosym.problems.problem import ContradictionWarning


def declare(*sizes):
    problem = ns.Problem()
    return problem, [problem.variable("xyzuvw"[k], domain=range(n)) for k, n in enumerate(sizes)]


def allowed(problem):
    """The number of assignments that the compiled problem allows, each by one hidden value."""
    network = problem.compile()
    places = list(itertools.product(*(range(len(x.domain)) for x in problem.declared)))
    found = [network.allows(index) for index in places]
    assert found == [extensions(problem, dict(enumerate(index))) for index in places]
    return sum(found)


def test_element_takes_expressions():
    problem, (x, y) = declare(4, 6)
    problem.add(ns.Element(x, [1, 2, 3, 4], y + 1))
    assert allowed(problem) == 4
    problem, (x, y, z) = declare(4, 6, 6)
    problem.add(ns.Element(x, [y + 1, 3, 3, 3], z))
    assert allowed(problem) == 5 + 3 * 6 == 23
    problem, (x, y) = declare(3, 3)
    problem.add(ns.Element(abs(x - 1), [y == 2, y * y], x > 0))
    wanted = sum([b == 2, b * b][abs(a - 1)] == (a > 0) for a in range(3) for b in range(3))
    assert allowed(problem) == wanted


def test_entries_of_arrays_by_expressions():
    problem, (i, j) = declare(3, 4)
    grid = problem.variables("g", shape=(2, 2), domain=range(2))
    problem.add(grid[i, j - 1] == 1, grid[i, 0] == 0, np.array([5, 7, 9])[1] == 7)
    wanted = sum(
        i < 2 and 0 <= j - 1 < 2 and g[2 * i + j - 1] == 1 and g[2 * i] == 0
        for i, j in itertools.product(range(3), range(4))
        for g in itertools.product(range(2), repeat=4)
    )
    assert allowed(problem) == wanted
    with pytest.raises(ValueError, match="beside integers and slices"):
        grid[i, ...]
    with pytest.raises(ValueError, match="an array of 1 axes has no 2 indices"):
        ns.entry([1, 2], (i, j))
    with pytest.raises(ValueError, match="without entries"):
        ns.entry([], i)


def test_nothing_has_a_truth_value():
    _, (b, c, x) = declare(2, 2, 3)
    for use in (lambda: ns.Implies(b and c, x == 1), lambda: b or c, lambda: not (x + 1)):
        with pytest.raises(TypeError, match=r"write & for 'and', \| for 'or' and ~ for 'not'"):
            use()
    problem, (b, c, x) = declare(2, 2, 3)
    problem.add(ns.Implies(b & c, x == 1))
    assert allowed(problem) == 7 + 3  # that is 12 without two where b and c hold
    problem, (b, c) = declare(2, 2)
    problem.add(b ^ c, ~(b & c), b.implies(~c), b | c)
    assert allowed(problem) == 2


def test_what_takes_variables_takes_expressions_and_constants():
    odd = ns.Automaton(range(5), 0, [1], {(s, v): (s + v) % 2 for s in (0, 1) for v in range(5)})
    for state, says in [
        (lambda x, y: ns.Count([x + 1, y], {1}, "==", 1), lambda a, b: (a == 0) != (b == 1)),
        (lambda x, y: ns.Regular([x + 1, y], odd), lambda a, b: (a + 1 + b) % 2 == 1),
        (lambda x, y: ns.Predicate([x, 3], lambda a, b: a + b > 4), lambda a, b: a > 1),
        (lambda x, y: ns.Table((x + 1, y), [(1, 2), (3, 0), (9, 0)]),
         lambda a, b: (a, b) in ((0, 2), (2, 0))),
        (lambda x, y: ns.AllDifferent([x, 1, y + 1, 2 * x]),
         lambda a, b: len({a, 1, b + 1, 2 * a}) == 4),
    ]:  # fmt: skip
        problem, (x, y) = declare(3, 3)
        problem.add(state(x, y))
        wanted = sum(map(bool, itertools.starmap(says, itertools.product(range(3), repeat=2))))
        assert allowed(problem) == wanted
    for kind in (ns.Count, ns.AllDifferent):
        problem = ns.Problem()
        grid = problem.variables("g", shape=(2, 2), domain=range(4))
        problem.add(kind(grid, {1, 2}, ">=", 3) if kind is ns.Count else kind(grid))
        wanted = 4 * 2**3 * 2 + 2**4 if kind is ns.Count else math.factorial(4)
        assert allowed(problem) == wanted
    problem, (x, y) = declare(3, 3)
    for bad in (
        lambda: ns.Count(3, {1}, "==", 1),
        lambda: ns.Regular([1, 2], odd),
        lambda: ns.Table((1,), [(1,)]),
        lambda: ns.Predicate([[x, y]], lambda a: True),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it is, it is said as a ValueError
            bad()


def test_what_always_holds_is_left_out():
    problem, (x, y) = declare(3, 3)
    problem.add(x - x == 0, x == x, 0 * x <= 1, sum([]) == 0, x <= 2**40, x != 5, [True], ())
    assert allowed(problem) == 9
    assert len(problem.constraints) == 2  # those with a variable
    assert allowed_with(problem, (x == x) | (y == 1)) == 9
    assert allowed_with(problem, (x - x == 1) | (y == 1)) == 3
    assert allowed_with(problem, (x - x == 0).implies(y == 1)) == 3


def allowed_with(problem, constraint):
    """As `allowed`, with a constraint that is not kept."""
    before = list(problem._constraints)
    problem.add(constraint)
    found = allowed(problem)
    problem._constraints[:] = before
    return found


def test_what_never_holds_says_so():
    problem, (x,) = declare(3)
    with pytest.warns(ContradictionWarning, match="1 == 0 never holds"):
        problem.add(x - x + 1 == 0)
    assert allowed(problem) == 0
    assert int(ns.count(problem.compile()).count) == 0
    problem, (x,) = declare(3)
    problem.add(x >= 2**40)
    assert allowed(problem) == 0


def test_lists_generators_and_arrays_of_constraints():
    problem = ns.Problem()
    xs = problem.variables("x", shape=(2, 2), domain=range(4))
    problem.add(xs <= 2, [xs[0] != xs[1], (x >= 1 for x in xs[0])], xs.sum() == 3)
    wanted = sum(
        a != c and b != d and a >= 1 and b >= 1 and a + b + c + d == 3
        for a, b, c, d in itertools.product(range(3), repeat=4)
    )
    assert allowed(problem) == wanted
    problem, (b, c) = declare(2, 2)
    problem.add([b, ~c])
    assert allowed(problem) == 1


def test_comparisons_as_terms():
    problem, (x, y, z) = declare(4, 4, 4)
    problem.add(sum(w * (v == 2) for w, v in zip((5, 4, 3), (x, y, z), strict=True)) <= 8)
    problem.add(2 * (x < y) + (y != z) == 1 + (x == z))
    wanted = sum(
        5 * (a == 2) + 4 * (b == 2) + 3 * (c == 2) <= 8 and 2 * (a < b) + (b != c) == 1 + (a == c)
        for a, b, c in itertools.product(range(4), repeat=3)
    )
    assert allowed(problem) == wanted


def test_a_cryptarithm_of_ten_letters():
    """Sums of ten digits need more than 32 bits."""
    problem = ns.Problem()
    digits = problem.variables("d", shape=10, domain=range(10))
    word = sum(10**k * d for k, d in enumerate(digits))
    problem.add(2 * word == 2 * 9_876_543_210 + 0 * word)
    found = ns.solve(problem.compile(), solutions=2)
    assert int(found.count) == 1
    assert np.asarray(found.assignment)[0].tolist() == list(range(10))


def test_golomb_rulers():
    """All-different over differences, an array comparison and an objective."""
    problem = ns.Problem()
    marks = problem.variables("m", shape=4, domain=range(8))
    pairs = itertools.combinations(marks, 2)
    problem.add(marks[0] == 0, marks[:-1] < marks[1:], ns.AllDifferent([b - a for a, b in pairs]))
    problem.minimize(marks[-1])
    result = ns.optimize(problem.compile())
    assert int(result.objective) == 6
    assert result.status == ns.OptimizeStatus.OPTIMAL


def test_it_is_printed_as_it_was_written():
    problem, (x, y, z) = declare(2, 3, 3)
    array = problem.variables("a", shape=2, domain=range(3))
    written = [
        (x + 2 * y - 1 <= z, "x + 2 * y - 1 <= z"),
        (abs(y - z) == 1, "abs(y - z) == 1"),
        ((y * z) // 2 > z % 2, "(y * z) // 2 > z % 2"),
        (array[x] != y, "[a[0], a[1]][x] != y"),
        ((y < z) | (y == 0), "(y < z) | (y == 0)"),
        (3 * (y == z) + x >= 1, "3 * (y == z) + x >= 1"),
        (ns.maximum(y, z, 1) < 2, "maximum(y, z, 1) < 2"),
    ]
    for constraint, text in written:
        assert str(constraint) == text
    problem.add(constraint for constraint, _ in written)
    lines = str(problem).splitlines()
    assert lines[0] == "x in {0, 1}"
    assert lines[5:] == [text for _, text in written]
