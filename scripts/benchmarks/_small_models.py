"""Sixteen small models as people write them, of 8 to 98 variables, each in two sizes or instances.

The second is another model of the same kinds of constraints and about the same size: what a person
tries next.
"""

import itertools
from collections.abc import Callable

import neurosym as ns


def _queens(size: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("row", shape=size, domain=range(size))
    for offsets in (0, 1, -1):
        problem.add(ns.AllDifferent([x[i] + offsets * i for i in range(size)]))
    return problem


def _words(*words: str) -> ns.Problem:
    problem = ns.Problem()
    letters = sorted(set("".join(words)))
    first = {word[0] for word in words}
    x = {c: problem.variable(c, domain=range(c in first, 10)) for c in letters}
    problem.add(ns.AllDifferent(list(x.values())))
    *parts, total = ([10**k * x[c] for k, c in enumerate(reversed(word))] for word in words)
    problem.add(sum(itertools.chain(*parts)) == sum(total))
    return problem


def _magic(size: int, corner: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("cell", shape=(size, size), domain=range(1, size**2 + 1))
    problem.add(ns.AllDifferent(list(x.ravel())))
    target = size * (size**2 + 1) // 2
    lines = [*x, *x.T, x.diagonal(), x[:, ::-1].diagonal()]
    problem.add(*(line.sum() == target for line in lines), x[0, 0] == corner)
    return problem


def _colouring(edges: str, colours: int) -> ns.Problem:
    problem = ns.Problem()
    pairs = edges.split()
    x = {c: problem.variable(c, domain=range(colours)) for c in sorted(set("".join(pairs)))}
    problem.add(*(x[a] != x[b] for a, b in pairs))
    return problem


def _latin(size: int, diagonal: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("cell", shape=(size, size), domain=range(size))
    problem.add(*(ns.AllDifferent(list(line)) for line in [*x, *x.T]))
    problem.add(*(x[i, i] == diagonal for i in range(size)))
    return problem


def _zebra(shift: int) -> ns.Problem:
    problem = ns.Problem()
    kinds = [problem.variables(name, shape=5, domain=range(5)) for name in "abcde"]
    problem.add(*(ns.AllDifferent(list(kind)) for kind in kinds))
    a, b, c, d, e = kinds
    problem.add(a[0] == b[shift], c[1] == d[0], b[1] == e[2], d[3] == e[4], a[2] == c[4])
    problem.add(abs(a[1] - c[2]) == 1, abs(d[1] - e[0]) == 1, a[3] - b[4] == 1, b[0] == 2)
    return problem


def _knapsack(weights: list[int], least: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("taken", shape=len(weights), domain=range(2))
    worth = [3 * w % 17 + 1 for w in weights]
    problem.add(sum(w * v for w, v in zip(weights, x, strict=True)) <= sum(weights) // 2)
    problem.add(sum(w * v for w, v in zip(worth, x, strict=True)) >= least)
    return problem


def _langford(size: int) -> ns.Problem:
    problem = ns.Problem()
    first = problem.variables("first", shape=size, domain=range(2 * size))
    second = problem.variables("second", shape=size, domain=range(2 * size))
    problem.add(ns.AllDifferent([*first, *second]))
    problem.add(*(second[k] - first[k] == k + 2 for k in range(size)))
    return problem


def _interval_series(size: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("x", shape=size, domain=range(size))
    d = problem.variables("d", shape=size - 1, domain=range(1, size))
    problem.add(ns.AllDifferent(list(x)), ns.AllDifferent(list(d)))
    gaps = [(a, b, abs(a - b)) for a, b in itertools.permutations(range(size), 2)]
    problem.add(*(ns.Table([x[i], x[i + 1], d[i]], gaps) for i in range(size - 1)))
    return problem


def _roster(days: int, nights: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("shift", shape=(4, days), domain="den")
    moves = [("n", "e", "n"), ("n", "n", "t"), ("t", "n", "u"), ("t", "e", "n"), ("u", "e", "n")]
    moves += [(state, "d", "n") for state in "n"]
    rest = ns.Automaton("ntu", "n", "ntu", {(a, v): b for a, v, b in moves})
    problem.add(*(ns.Regular(list(person), rest) for person in x))
    for day in range(days):
        problem.add(ns.Count(list(x[:, day]), ["n"], "==", nights))
        problem.add(ns.Count(list(x[:, day]), ["d"], ">=", 1))
    return problem


def _formula(variables: int, step: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("x", shape=variables, domain=range(2))
    for n in range(3 * variables):
        places = [(n * k * step + k * k + n // 7) % variables for k in (1, 2, 3)]
        if len(set(places)) == 3:
            problem.add(ns.Clause([x[p] == (n >> k) % 2 for k, p in enumerate(places)]))
    return problem


def _tables(length: int, modulus: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("x", shape=length, domain=range(5))
    rows = [
        (a, b, c)
        for a, b, c in itertools.product(range(5), repeat=3)
        if (a + 2 * b) % modulus == c % 3
    ]
    problem.add(*(ns.Table(list(x[i : i + 3]), rows) for i in range(0, length - 2, 2)))
    return problem


def _jobs(lengths: list[int], horizon: int) -> ns.Problem:
    problem = ns.Problem()
    start = [
        problem.variable(f"start{n}", domain=range(horizon - d + 1)) for n, d in enumerate(lengths)
    ]
    for (i, d), (j, e) in itertools.combinations(enumerate(lengths), 2):
        before = problem.variable(f"{i} before {j}", domain=range(2))
        problem.add(ns.Implies(before == 1, start[i] - start[j] <= -d))
        problem.add(ns.Implies(before == 0, start[j] - start[i] <= -e))
    return problem


def _permutation(size: int) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("x", shape=size, domain=range(size))
    y = problem.variables("y", shape=size, domain=range(size))
    problem.add(ns.AllDifferent(list(x)))
    problem.add(*(ns.Element(x[i], list(y), i) for i in range(size)))
    problem.add(*(x[i] != i for i in range(size)))
    return problem


def _sudoku(givens: str) -> ns.Problem:
    problem = ns.Problem()
    x = problem.variables("cell", shape=(4, 4), domain=range(1, 5))
    boxes = [x[r : r + 2, c : c + 2].ravel() for r in (0, 2) for c in (0, 2)]
    problem.add(*(ns.AllDifferent(list(unit)) for unit in [*x, *x.T, *boxes]))
    for cell, given in zip(x.ravel(), givens, strict=True):
        if given != ".":
            problem.add(cell == int(given))
    return problem


def _series(length: int, total: int) -> ns.Problem:
    """Sums of neighbours, as many variables as the largest models of this size have."""
    problem = ns.Problem()
    x = problem.variables("x", shape=length, domain=range(4))
    problem.add(*(x[i] + x[i + 1] <= total for i in range(length - 1)))
    problem.add(*(x[i] != x[i + 2] for i in range(length - 2)))
    return problem


MODELS: dict[str, tuple[Callable[[], ns.Problem], Callable[[], ns.Problem]]] = {
    "letters": (lambda: _words("send", "more", "money"), lambda: _words("base", "ball", "games")),
    "queens": (lambda: _queens(8), lambda: _queens(9)),
    "magic": (lambda: _magic(3, 2), lambda: _magic(3, 4)),
    "colouring": (
        lambda: _colouring("ab ac bc bd cd ce cf de ef fg gh", 3),
        lambda: _colouring("ab ac bd bc cd de df ef ce fh gh", 3),
    ),
    "latin": (lambda: _latin(5, 1), lambda: _latin(5, 3)),
    "zebra": (lambda: _zebra(1), lambda: _zebra(3)),
    "knapsack": (
        lambda: _knapsack([12, 2, 1, 4, 9, 7, 5, 11, 3, 8], 30),
        lambda: _knapsack([6, 13, 2, 9, 4, 10, 7, 1, 5, 12, 3], 33),
    ),
    "langford": (lambda: _langford(7), lambda: _langford(8)),
    "interval_series": (lambda: _interval_series(8), lambda: _interval_series(9)),
    "roster": (lambda: _roster(7, 1), lambda: _roster(6, 1)),
    "formula": (lambda: _formula(40, 5), lambda: _formula(44, 7)),
    "tables": (lambda: _tables(21, 5), lambda: _tables(19, 4)),
    "jobs": (lambda: _jobs([3, 2, 4, 1, 2], 12), lambda: _jobs([2, 3, 3, 1, 2], 11)),
    "permutation": (lambda: _permutation(8), lambda: _permutation(9)),
    "sudoku": (lambda: _sudoku("1...........2..."), lambda: _sudoku(".3......4......1")),
    "series": (lambda: _series(98, 4), lambda: _series(94, 3)),
}
"""Of each name a model and the one that comes after it."""
