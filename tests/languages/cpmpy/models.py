"""Small CPMpy expressions of every kind, each as a function of fresh variables."""

import cpmpy as cp


def variables():
    """Three integers and three Booleans, with names of their own."""
    x = cp.intvar(-1, 3, shape=3, name="x")
    b = cp.boolvar(shape=3, name="b")
    return x, b


DIAGRAM = [
    ("a", 0, "b"),
    ("a", 3, "c"),
    ("b", 1, "d"),
    ("b", 2, "e"),
    ("c", 2, "e"),
    ("c", -1, "d"),
]
DIAGRAM += [("d", 1, "f"), ("e", 0, "f"), ("e", 3, "f")]
"""Of three values; from b on, of two."""

EXPRESSIONS = {
    "comparison": lambda x, b: x[0] < x[1],
    "linear": lambda x, b: 2 * x[0] - x[1] + 3 * b[0] >= 2,
    "linear of a negated Boolean": lambda x, b: x[0] + 2 * ~b[0] == 3,
    "sum": lambda x, b: cp.sum(x) != 4,
    "comparisons as terms": lambda x, b: cp.sum([x[0] > 1, x[1] > 1, b[0], ~b[1]]) == 2,
    "or": lambda x, b: b[0] | ~b[1] | b[2],
    "or of comparisons": lambda x, b: (x[0] > 2) | (x[1] == x[2]),
    "and under or": lambda x, b: (b[0] & (x[0] == 1)) | (x[1] + x[2] <= 0),
    "xor": lambda x, b: b[0] ^ b[1] ^ (x[0] > 0),
    "not": lambda x, b: ~((x[0] == 1) & b[0]),
    "implies": lambda x, b: (x[0] < x[1]).implies(x[2] == 3),
    "equivalence": lambda x, b: (x[0] <= 1) == (b[0] | b[1]),
    "unequal conditions": lambda x, b: (x[0] <= 1) != b[0],
    "a Boolean as a number": lambda x, b: x[0] == b[0] + b[1],
    "abs": lambda x, b: abs(x[0] - x[1]) == 2,
    "abs in a condition": lambda x, b: b[0] == (abs(x[0]) > 1),
    "product": lambda x, b: x[0] * x[1] >= 3,
    "square": lambda x, b: x[0] * x[0] == x[1],
    "product in a sum": lambda x, b: x[0] * b[0] + x[1] * x[2] == 2,
    "quotient": lambda x, b: x[0] // x[1] == 1,
    "undefined quotient in a condition": lambda x, b: b[0] == (x[0] // x[1] <= 0),
    "remainder": lambda x, b: x[0] % 3 == x[1],
    "remainder by a variable": lambda x, b: (x[0] % x[1] == 1) | b[0],
    "power": lambda x, b: x[0] ** 3 < x[1],
    "max": lambda x, b: cp.max(x) == 2,
    "min in a condition": lambda x, b: b[0].implies(cp.min(x) > 0),
    "max of expressions": lambda x, b: cp.max([x[0] + x[1], 2 * x[2]]) <= 3,
    "element": lambda x, b: cp.cpm_array([3, 1, 2])[x[0]] == x[1],
    "element of variables": lambda x, b: x[x[0]] >= 2,
    "element of an expression": lambda x, b: cp.cpm_array([3, x[2], 2])[x[0] + 1] == x[1],
    "undefined element in a condition": lambda x, b: b[0] == (cp.cpm_array([3, 1])[x[0]] == 1),
    "element in two dimensions": lambda x, b: cp.cpm_array([[1, 2], [3, 0]])[x[0], x[1]] >= 2,
    "all different": lambda x, b: cp.AllDifferent(x),
    "all different expressions": lambda x, b: cp.AllDifferent(x[0] + 1, 2 * x[1], x[2], 1),
    "not all different": lambda x, b: ~cp.AllDifferent(x),
    "all different in a condition": lambda x, b: b[0] == cp.AllDifferent(x),
    "all different except 0": lambda x, b: cp.AllDifferentExcept0(x),
    "all different except values": lambda x, b: cp.AllDifferentExceptN(x, [1, 2]),
    "all equal": lambda x, b: cp.AllEqual(x),
    "all equal except": lambda x, b: cp.AllEqualExceptN(x, 1),
    "circuit": lambda x, b: cp.Circuit(x),
    "not a circuit": lambda x, b: ~cp.Circuit(x),
    "inverse": lambda x, b: cp.Inverse(x, [x[0], 2, 1]),
    "inverse in a condition": lambda x, b: b[0] == cp.Inverse(x, [1, 0, 2]),
    "table": lambda x, b: cp.Table(x, [(0, 1, 2), (3, 3, -1), (1, 1, 1), (9, 9, 9)]),
    "table in a condition": lambda x, b: b[0] == cp.Table([x[0], x[1]], [(0, 1), (2, 2)]),
    "table of expressions": lambda x, b: cp.Table([x[0] + 1, b[0]], [(1, 1), (2, 0)]),
    "negative table": lambda x, b: cp.NegativeTable([x[0], x[1]], [(0, 1), (2, 2)]),
    "short table": lambda x, b: cp.ShortTable(x, [(0, "*", 2), ("*", 3, "*")]),
    "regular": lambda x, b: cp.Regular(
        x, [("a", 0, "a"), ("a", 1, "b"), ("b", 1, "b"), ("b", 2, "a")], "a", ["b"]
    ),
    "regular in a condition": lambda x, b: (
        b[0] == cp.Regular(x, [(0, 1, 1), (1, 2, 1), (1, 1, 0)], 0, [1])
    ),
    "in a domain": lambda x, b: cp.InDomain(x[0], [0, 2, 7]),
    "in a domain in a condition": lambda x, b: b[0] == cp.InDomain(x[0] + x[1], [0, 2]),
    "if then else": lambda x, b: cp.IfThenElse(b[0], x[0] > 1, x[1] > 1),
    "global xor": lambda x, b: cp.Xor([b[0], b[1], x[0] > 2, True]),
    "cumulative": lambda x, b: cp.Cumulative(x, [2, 1, 2], demand=[1, 2, 1], capacity=2),
    "cumulative with ends": lambda x, b: cp.Cumulative([x[0], 0], [1, 2], [x[1], x[2]], [1, 1], 1),
    "no overlap": lambda x, b: cp.NoOverlap(x, [1, 2, 1]),
    "no overlap in a condition": lambda x, b: b[0] == cp.NoOverlap(x[:2], [2, 2]),
    "reservoir": lambda x, b: cp.Reservoir(x, [1, 2, -2], 0, 2),
    "precedence": lambda x, b: cp.Precedence(x, [0, 1]),
    "cardinalities": lambda x, b: cp.GlobalCardinalityCount(x, [0, 1], [x[0], 1]),
    "closed cardinalities": lambda x, b: cp.GlobalCardinalityCount(x, [0, 1], [1, 2], closed=True),
    "increasing": lambda x, b: cp.Increasing(x),
    "decreasing": lambda x, b: cp.Decreasing(x),
    "strictly increasing": lambda x, b: cp.IncreasingStrict(x),
    "not strictly decreasing": lambda x, b: ~cp.DecreasingStrict(x),
    "lexicographic": lambda x, b: cp.LexLess([x[0], x[1]], [x[1], x[2]]),
    "lexicographic or equal in a condition": lambda x, b: (
        b[0] == cp.LexLessEq([x[0], x[1]], [x[2], 1])
    ),
    "chain": lambda x, b: cp.LexChainLess([[x[0], b[0]], [x[1], b[1]], [x[2], 0]]),
    "not all different except 0": lambda x, b: ~cp.AllDifferentExcept0(x),
    "all different except, with one twice": lambda x, b: (
        b[0] == cp.AllDifferentExceptN([x[0], x[1], x[0], 1], [1, 2])
    ),
    "not all equal": lambda x, b: ~cp.AllEqual(x),
    "all equal to themselves": lambda x, b: b[0] == cp.AllEqual([x[0], x[0], x[1], 2]),
    "all equal is one": lambda x, b: cp.AllEqual([x[0]]) & b[0],
    "circuit in a condition": lambda x, b: b[0] == cp.Circuit(x),
    "circuit with numbers": lambda x, b: cp.Circuit([x[0], 2, x[1], 0]),
    "circuit that names one twice": lambda x, b: b[0] == cp.Circuit([x[0], x[0], 1]),
    "circuit of expressions": lambda x, b: cp.Circuit([x[0] + 1, 2 - x[1], x[2]]),
    "short table in a condition": lambda x, b: (
        b[0] == cp.ShortTable([x[0], x[1], x[0]], [(0, "*", 0), ("*", 3, 1), (2, 2, 2)])
    ),
    "not a short table": lambda x, b: ~cp.ShortTable(x, [(0, "*", 2), ("*", 3, "*")]),
    "decision diagram": lambda x, b: cp.MDD(x, DIAGRAM),
    "decision diagram in a condition": lambda x, b: b[0] == cp.MDD([x[0], x[1], x[0]], DIAGRAM),
    "not a decision diagram from a root": lambda x, b: ~cp.MDD(x[:2], DIAGRAM, start="b"),
    "not a global xor": lambda x, b: ~cp.Xor([b[0], b[1], ~b[2], x[0] > 2]),
    "global xor in a condition": lambda x, b: (x[0] > 1) == cp.Xor([*b, ~b[0], False]),
    "global xor of one and itself": lambda x, b: (x[0] > 1) == cp.Xor([b[0], b[1], b[1], True]),
    "global xor of opposites": lambda x, b: cp.Xor([b[0], ~b[0], x[0] == 2, x[0] == 2]),
    "not cumulative": lambda x, b: ~cp.Cumulative(x, [2, 1, 2], demand=[1, 2, 1], capacity=2),
    "cumulative in a condition": lambda x, b: (
        b[0] == cp.Cumulative(x[:2], [x[1], 2], demand=[1, 1 + b[1]], capacity=2)
    ),
    "not cumulative with ends": lambda x, b: ~cp.Cumulative(x[:2], [1, 2], [x[2], 3], 1, 1),
    "cumulative of numbers": lambda x, b: (
        b[0] == cp.Cumulative([0, 1], [2, 2], demand=1, capacity=x[0])
    ),
    "not no overlap": lambda x, b: ~cp.NoOverlap(x, [1, 2, 1]),
    "no overlap with ends": lambda x, b: cp.NoOverlap([x[0], 1], [1, x[1]], [x[2], 3]),
    "no overlap with ends in a condition": lambda x, b: (
        b[0] == cp.NoOverlap([x[0], 1], [1, x[1]], [x[2], 3])
    ),
    "no overlap of tasks that take no time": lambda x, b: cp.NoOverlap(x, [0, 3, 0]),
    "no overlap of durations that vary": lambda x, b: b[0] == cp.NoOverlap([x[0], 1], [x[1], x[2]]),
    "no overlap of one with itself": lambda x, b: b[0] == cp.NoOverlap([x[0], x[0]], [x[1], x[2]]),
    "no overlap of numbers": lambda x, b: cp.NoOverlap([0, 2], [x[0], 1]),
    "precedence of three in a condition": lambda x, b: b[0] == cp.Precedence(x, [2, 0, 1]),
    "precedence of a value to itself": lambda x, b: (
        b[0] == cp.Precedence([x[0], x[1], 0], [0, 1, 1])
    ),
    "precedence of one value": lambda x, b: cp.Precedence(x, [1]) & b[0],
    "not the precedence": lambda x, b: ~cp.Precedence(x, [0, 1]),
    "not the cardinalities": lambda x, b: ~cp.GlobalCardinalityCount(x, [0, 1], [x[0], 1]),
    "closed cardinalities in a condition": lambda x, b: (
        b[0]
        == cp.GlobalCardinalityCount([x[0], x[1], x[0]], [0, 1, 9], [1, b[1] + 1, 0], closed=True)
    ),
    "cardinalities of a value given twice": lambda x, b: (
        b[0] == cp.GlobalCardinalityCount(x, [1, 1, 2], [1, x[0], 1])
    ),
    "increasing in a condition": lambda x, b: b[0] == cp.Increasing([x[0], 1, x[1], x[1]]),
    "strictly increasing, with one twice": lambda x, b: (
        b[0] == cp.IncreasingStrict([x[0], x[1], x[1]])
    ),
    "not increasing": lambda x, b: ~cp.Increasing(x),
    "decreasing of expressions in a condition": lambda x, b: (
        b[0] == cp.Decreasing([x[0] + x[1], 2 * x[1], b[1]])
    ),
    "strictly decreasing": lambda x, b: cp.DecreasingStrict([3, x[0], x[1]]),
    "not lexicographic": lambda x, b: ~cp.LexLess([x[0], x[1]], [x[1], x[2]]),
    "lexicographic with a pair of the same": lambda x, b: (
        b[0] == cp.LexLess([x[0], x[1], b[1]], [x[0], 2, 1])
    ),
    "lexicographic to itself": lambda x, b: b[0] == cp.LexLessEq([x[0], x[1]], [x[0], x[1]]),
    "lexicographic of three": lambda x, b: cp.LexLessEq([x[0], b[0], x[1]], [1, b[1], 2]),
    "chain in a condition": lambda x, b: (
        b[2] == cp.LexChainLess([[x[0], b[0]], [x[1], 0], [x[1], 1]])
    ),
    "chain or equal": lambda x, b: cp.LexChainLessEq([[x[0], 1], [x[1], b[1]], [2, b[0]]]),
    "not a chain or equal": lambda x, b: ~cp.LexChainLessEq([[x[0], 1], [x[1], b[1]], [2, b[0]]]),
    "number of values in a condition": lambda x, b: b[0] == (cp.NValue([*x, 1]) > 2),
    "number of values of them and itself": lambda x, b: cp.NValue([*x, x[0]]) == x[0],
    "an undefined part of a global in a condition": lambda x, b: (
        b[0] == cp.Increasing([2 // x[1], x[2]])
    ),
    "an undefined part of a negated global": lambda x, b: (
        ~cp.AllEqual([cp.cpm_array([1, 2])[x[0]], x[1]]) | b[0]
    ),
    "count": lambda x, b: cp.Count(x, 1) == 2,
    "count of a variable's value": lambda x, b: cp.Count([x[0], x[1], 2], x[2]) >= 1,
    "count against a variable": lambda x, b: cp.Count(x, 0) > x[0],
    "count in a condition": lambda x, b: b[0] == (cp.Count([x[0], x[1]], 3) < 1),
    "among": lambda x, b: cp.Among(x, [1, 2, 9]) == b[0] + b[1],
    "number of values": lambda x, b: cp.NValue(x) == 2,
    "number of values except": lambda x, b: cp.NValueExcept(x, 0) <= 1,
    "any and all": lambda x, b: cp.any(b) & ~cp.all(b),
    "true": lambda x, b: [cp.BoolVal(True), x[0] == x[1]],
    "always true": lambda x, b: (x[0] - x[0] == 0) | b[0],
    "beyond the range": lambda x, b: b[0] == (x[0] <= 2**40),
    "nested functions": lambda x, b: abs(cp.max(x[:2]) - 2) * x[2] == b[0] + 1,
}
"""By what they show; each over ``x``, three integers from -1 to 3, and ``b``, three Booleans."""
