"""One constraint of each kind, over small domains."""

import neurosym as ns
from neurosym.problems.constraints import Constraint


def one_of_each(x: list, c: ns.Variable) -> list[Constraint]:
    """Constraints over four variables of domain 0 to 3 and one of two values."""
    automaton = ns.Automaton("ab", "a", "ab", {("a", 0): "b", ("b", 1): "a", ("b", 2): "b"})
    return [
        x[0] + x[1] + x[2] <= 5,
        x[0] + x[1] == x[2],
        x[0] != x[1],
        abs(x[0] - x[2]) == 1,
        ns.AllDifferent(x),
        ns.AllDifferent([x[0] + 1, 2 * x[1]]),
        ns.Table((x[0], x[3]), [(0, 1), (2, 3)]),
        ns.Element(x[0], [x[1], 3, x[2]], x[3]),
        ns.Count(x[:3], {1, 2}, ">=", 2),
        ns.Regular(x[1:], automaton),
        (x[0] == 1) | (x[1] == 2) | (c == 1),
        x[2].isin({0, 3}),
        ns.Predicate((x[0], x[1], c), lambda a, b, z: (a + b) % 2 == z),
        ns.Implies(c, x[0] + x[1] + x[3] == 4),
        ns.Reified(c, x[0] < x[3]),
        ns.Implies(c == 0, ns.AllDifferent(x[1:])),
    ]
