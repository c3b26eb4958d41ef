"""The catalogue: every constraint against what it says in plain Python, negated and as a number."""

import itertools

import pytest
from extensions import extensions

import neurosym as ns
from neurosym.problems.constraints import tabulated

pytestmark = pytest.mark.filterwarnings("ignore::neurosym.problems.problem.ContradictionWarning")


def declare(sizes=(3, 3, 3, 3)):
    problem = ns.Problem()
    return problem, [
        problem.variable("abcd"[k], domain=range(size)) for k, size in enumerate(sizes)
    ]


def distinct(values):
    return len(set(values)) == len(values)


def tour(successors):
    here, seen = 0, []
    while here not in seen:
        seen.append(here)
        here = successors[here]
    return len(seen) == len(successors) and here == 0


def subtour(successors):
    if not distinct(successors):
        return False
    cycles = set()
    for i in range(len(successors)):
        cycle, here = {i}, successors[i]
        while here != i:
            cycle.add(here)
            here = successors[here]
        cycles.add(frozenset(cycle))
    return sum(len(cycle) > 1 for cycle in cycles) <= 1


def cumulative(starts, durations, demands, capacity):
    tasks = list(zip(starts, durations, demands, strict=True))
    return all(sum(n for s, d, n in tasks if s <= t < s + d) <= capacity for t in range(-5, 20))


def apart(s, d, u, e):
    return s + d <= u or u + e <= s


# Each: what is stated of four variables, and what it says of their values.
KINDS = {
    "increasing": (lambda x: ns.Increasing(x), lambda v: list(v) == sorted(v)),
    "strictly": (lambda x: ns.Increasing(x[:3], True), lambda v: v[0] < v[1] < v[2]),
    "decreasing": (lambda x: ns.Decreasing([*x[:3], 1]), lambda v: v[0] >= v[1] >= v[2] >= 1),
    "equal": (lambda x: ns.AllEqual([x[0], x[1], 2 - x[2]]), lambda v: v[0] == v[1] == 2 - v[2]),
    "lex": (lambda x: ns.LexLess(x[:2], x[2:]), lambda v: v[:2] < v[2:]),
    "lex equal": (lambda x: ns.lex_less_equal(x[:2], x[2:]), lambda v: v[:2] <= v[2:]),
    "lex again": (lambda x: ns.LexLess([x[0], x[1], 1], [x[1], x[0], x[2]]),
                  lambda v: [v[0], v[1], 1] < [v[1], v[0], v[2]]),
    "lex chain": (lambda x: ns.LexChain([[x[0], 1], [x[1], x[2]], [2, x[3]]]),
                  lambda v: [v[0], 1] < [v[1], v[2]] < [2, v[3]]),
    "precede": (lambda x: ns.Precede(x, (2, 0)),
                lambda v: 0 not in v or (2 in v and v.index(2) < v.index(0))),
    "cardinality": (lambda x: ns.GlobalCardinality(x[:3], (0, 2, 7), (1, x[3], 0)),
                    lambda v: v[:3].count(0) == 1 and v[:3].count(2) == v[3]),
    "closed": (lambda x: ns.GlobalCardinality(x, (0, 1), (x[0] + 1, 2), closed=True),
               lambda v: v.count(0) == v[0] + 1 and v.count(1) == 2 and 2 not in v),
    "nvalue": (lambda x: ns.NValue(x[:3], "<=", x[3]), lambda v: len(set(v[:3])) <= v[3]),
    "nvalue exact": (lambda x: ns.NValue([*x, 5], "==", 3), lambda v: len({*v, 5}) == 3),
    "xor": (lambda x: ns.Xor([x[0] == 1, x[1] < x[2], x[3] != 0]),
            lambda v: ((v[0] == 1) + (v[1] < v[2]) + (v[3] != 0)) % 2 == 1),
    "except": (lambda x: ns.AllDifferentExcept(x), lambda v: distinct([n for n in v if n])),
    "channel": (lambda x: ns.Channel([x[0] == 1, x[1] == 1, x[2] == 0], x[3] + 1, start=1),
                lambda v: all((c == w) == (v[3] == n)
                              for n, (c, w) in enumerate(zip(v, (1, 1, 0), strict=False)))),
    "tour": (lambda x: ns.Tour(x[:3]), lambda v: tour(v[:3])),
    "subtour": (lambda x: ns.SubTour(x[:3]), lambda v: subtour(v[:3])),
    "cumulative": (lambda x: ns.Cumulative(x, [2, 1, 3, 1], [1, 2, 1, 1], 2),
                   lambda v: cumulative(v, [2, 1, 3, 1], [1, 2, 1, 1], 2)),
    "cumulative of variables": (
        lambda x: ns.Cumulative([x[0], 1, x[1]], [x[2], 2, 1], [1, x[3], 1], 2),
        lambda v: cumulative([v[0], 1, v[1]], [v[2], 2, 1], [1, v[3], 1], 2)),
    "no overlap": (lambda x: ns.NoOverlap([x[0], x[1] + 1, x[2]], [1, 1, x[3]]),
                   lambda v: apart(v[0], 1, v[1] + 1, 1) and apart(v[0], 1, v[2], v[3])
                   and apart(v[1] + 1, 1, v[2], v[3])),
    "boxes": (lambda x: ns.NoOverlap2D(x[:2], x[2:], (2, 1), (1, 2)),
              lambda v: apart(v[0], 2, v[1], 1) or apart(v[2], 1, v[3], 2)),
    "packing": (lambda x: ns.BinPacking(x, (3, 2, 2, 1), (4, 3)),
                lambda v: 2 not in v and all(
                    sum(s for s, b in zip((3, 2, 2, 1), v, strict=True) if b == n) <= c
                    for n, c in enumerate((4, 3)))),
    "loads": (lambda x: ns.BinPacking(x[:3], (1, 1, 2), (x[3], 2, 1), loads=True),
              lambda v: all(sum(s for s, b in zip((1, 1, 2), v, strict=False) if b == n) == c
                            for n, c in enumerate((v[3], 2, 1)))),
    "short": (lambda x: ns.ShortTable(x, [(0, "*", {1, 2}, "*"), ("*", 1, 1, 0), (0, 0, 2, 2)]),
              lambda v: (v[0] == 0 and v[2] in (1, 2)) or (v[1:] == [1, 1, 0])),
    "diagram": (lambda x: ns.DecisionDiagram(
        x[:3], [("r", 0, "a"), ("r", 1, "b"), ("a", 1, "c"), ("b", 1, "c"), ("b", 2, "c"),
                ("c", 0, "t"), ("c", 2, "t")]),
        lambda v: (v[0], v[1]) in ((0, 1), (1, 1), (1, 2)) and v[2] in (0, 2)),
    "different": (lambda x: ns.AllDifferent([x[0] * x[1], x[2] + 1, x[3], x[3] + 1, 5]),
                  lambda v: distinct([v[0] * v[1], v[2] + 1, v[3], v[3] + 1, 5])),
    "squares": (lambda x: ns.AllDifferent([(x[0] - 1) * (x[0] - 1), (x[1] - 1) ** 2, x[2]]),
                lambda v: distinct([(v[0] - 1) ** 2, (v[1] - 1) ** 2, v[2]])),
    "element": (lambda x: ns.Element(x[0] + x[1] - 1, [x[2], 2 * x[3], x[1] == 1], x[0]),
                lambda v: 0 <= v[0] + v[1] - 1 < 3
                and [v[2], 2 * v[3], v[1] == 1][v[0] + v[1] - 1] == v[0]),
    "count": (lambda x: ns.Count([x[0] + 1, x[1], 2], {1, 2}, "==", x[2] + x[3]),
              lambda v: sum(n in (1, 2) for n in (v[0] + 1, v[1], 2)) == v[2] + v[3]),
    "table": (lambda x: ns.Table((x[0] + x[1], x[2], 1), [(0, 1, 1), (3, 2, 1), (9, 0, 1)]),
              lambda v: (v[0] + v[1], v[2]) in ((0, 1), (3, 2))),
    "regular": (lambda x: ns.Regular([x[0] + x[1], x[2], 1], "[0-2]* 1"),
                lambda v: v[0] + v[1] <= 2),
    "predicate": (lambda x: ns.Predicate([x[0] * x[1], 3, x[2]], lambda a, b, c: a + c > b),
                  lambda v: v[0] * v[1] + v[2] > 3),
}  # fmt: skip


@pytest.fixture(params=["listed", "over auxiliary variables"])
def listing(request, monkeypatch):
    if request.param != "listed":
        monkeypatch.setattr(tabulated, "FEW", 0)
        monkeypatch.setattr(tabulated, "PAIRS", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_it_allows_what_it_says(kind, listing):
    """By itself, negated, implied, and as a number in a sum."""
    state, says = KINDS[kind]
    forms = [
        (state, says),
        (lambda x: ~state(x), lambda v: not says(v)),
        (lambda x: (x[3] == 1).implies(state(x)), lambda v: v[3] != 1 or says(v)),
        (lambda x: state(x) + x[0] >= 2, lambda v: says(v) + v[0] >= 2),
    ]
    for form, meaning in forms:
        problem, x = declare()
        problem.add(form(x))
        network = problem.compile()
        for values in itertools.product(range(3), repeat=4):
            right = bool(meaning(list(values)))
            assert network.allows(values) == right, (kind, values)
            # Exactly one value of each hidden variable: else a solution would count several times.
            assert extensions(problem, dict(enumerate(values))) == right, (kind, values)


@pytest.mark.parametrize("kind", KINDS)
def test_check_says_the_same(kind):
    state, says = KINDS[kind]
    _, x = declare()
    constraint = state(x)
    for values in itertools.product(range(3), repeat=4):
        given = dict(zip(x, values, strict=True))
        if all(variable in given for variable in constraint.scope):
            scope = [given[variable] for variable in constraint.scope]
            assert constraint.check(scope) == bool(says(list(values)))


EXACT = ["increasing", "decreasing", "lex", "precede", "short", "diagram", "boxes"]
WEAKER = [kind for kind in KINDS if kind not in EXACT]


@pytest.mark.parametrize(
    "kind",
    [
        *("lex", "short"),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in EXACT[:2] + EXACT[3:4]),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in EXACT[5:]),
    ],
)
def test_law_of_exact_ones(kind):
    _, x = declare()
    ns.testing.check_constraint(KINDS[kind][0](x), semirings=(ns.LOG,))


@pytest.mark.parametrize(
    "kind",
    [
        *("cumulative", "tour"),
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in WEAKER
            if kind not in ("cumulative", "tour")
        ),
    ],
)
def test_law_of_weaker_ones(kind):
    _, x = declare()
    ns.testing.check_constraint(KINDS[kind][0](x), exact=False, semirings=(ns.LOG,))


def test_no_kind_is_forgotten_here():
    public = {
        kind
        for kind in vars(ns.problems).values()
        if isinstance(kind, type) and ".catalogue." in kind.__module__
    }
    assert public <= {type(state(declare()[1])) for state, _ in KINDS.values()}


def test_known_counts():
    problem = ns.Problem()
    successors = problem.variables("next", shape=5, domain=range(5))
    problem.add(ns.Tour(successors))
    assert int(ns.count(problem.compile()).count) == 24
    problem = ns.Problem()
    successors = problem.variables("next", shape=4, domain=range(4))
    problem.add(ns.SubTour(successors))
    # Nobody moves, or 2, 3 or 4 positions in a cycle.
    assert int(ns.count(problem.compile()).count) == 1 + 6 + 4 * 2 + 6


def test_what_is_refused():
    _, x = declare()
    for make, message in [
        (lambda: ns.Increasing([1, 2]), "Increasing needs at least one variable"),
        (lambda: ns.LexLess(x[:2], x[:1]), "as many of each, not 2 first, 1 second"),
        (lambda: ns.Precede(x, [1]), "two or more"),
        (lambda: ns.NValue(x, "=<", 2), "no relation '=<'"),
        (lambda: ns.Tour([x[0], x[0]]), "names a variable twice"),
        (lambda: ns.Tour([x[0], x[1] + 1]), "are variables, not"),
        (lambda: ns.BinPacking(x, (1, 2, 3, 1.5), (4,)), r"are integers, not 1\.5"),
        (lambda: ns.Cumulative(x, [1, 2], 1, 3), "not 4 starts, 2 durations"),
        (lambda: ns.ShortTable(x, [(1, 2)]), r"the row \(1, 2\) of 2"),
        (lambda: ns.DecisionDiagram(x, []), "at least one transition"),
        (lambda: ns.GlobalCardinality(x, (1, 2), (1,)), "not 2 values, 1 counts"),
        (lambda: ns.Channel(x, 3), "index of a channel is an expression"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()
