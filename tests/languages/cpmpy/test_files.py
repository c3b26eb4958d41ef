"""XCSP3, weighted clauses and pseudo-Boolean files, against predicates in Python."""

import builtins
import importlib.util
import itertools
import re
import types

import pytest

pytest.importorskip("cpmpy", reason="CPMpy is not installed")

from extensions import extensions

import neurosym as ns
from neurosym.io import FormatError, Text
from neurosym.languages.cpmpy.files import opb_model, wcnf_model, xcsp3_model

# It is not imported here: its import puts a `dir` of its own in the place of Python's.
needs_pycsp3 = pytest.mark.skipif(
    importlib.util.find_spec("pycsp3") is None, reason="pycsp3 is not installed"
)

INSTANCE = """<instance format="XCSP3" type="CSP">
  <variables>
    <array id="x" size="[4]"> 0..3 </array>
  </variables>
  <constraints>
    {}
  </constraints>
</instance>
"""

CONSTRAINTS = {
    "intension": (
        "<intension> or(lt(x[0],x[1]),eq(mul(x[2],x[3]),6)) </intension>",
        lambda a, b, c, d: a < b or c * d == 6,
    ),
    "intension with functions": (
        "<intension> eq(dist(x[0],x[1]),mod(add(x[2],1),3)) </intension>",
        lambda a, b, c, d: abs(a - b) == (c + 1) % 3,
    ),
    "extension": (
        "<extension> <list> x[0] x[1] </list> <supports> (0,1)(2,3)(3,3) </supports> </extension>",
        lambda a, b, c, d: (a, b) in {(0, 1), (2, 3), (3, 3)},
    ),
    "extension with stars": (
        "<extension> <list> x[0] x[1] x[2] </list> <supports> (0,*,1)(2,3,*) </supports>"
        " </extension>",
        lambda a, b, c, d: (a, c) == (0, 1) or (a, b) == (2, 3),
    ),
    "conflicts": (
        "<extension> <list> x[0] x[1] </list> <conflicts> (0,1)(2,3) </conflicts> </extension>",
        lambda a, b, c, d: (a, b) not in {(0, 1), (2, 3)},
    ),
    "regular": (
        "<regular> <list> x[] </list> <transitions> (a,0,a)(a,1,b)(b,2,b)(b,3,a) </transitions>"
        " <start> a </start> <final> b </final> </regular>",
        lambda *x: re.fullmatch("(0*12*3)*0*12*", "".join(map(str, x))) is not None,
    ),
    "all different": (
        "<allDifferent> x[] </allDifferent>",
        lambda *x: len(set(x)) == 4,
    ),
    "all different except": (
        "<allDifferent> <list> x[] </list> <except> 0 </except> </allDifferent>",
        lambda *x: len({v for v in x if v}) == sum(v > 0 for v in x),
    ),
    "all equal": ("<allEqual> x[0] x[1] x[2] </allEqual>", lambda a, b, c, d: a == b == c),
    "ordered": (
        "<ordered> <list> x[] </list> <operator> lt </operator> </ordered>",
        lambda a, b, c, d: a < b < c < d,
    ),
    "lex": (
        "<lex> <list> x[0] x[1] </list> <list> x[2] x[3] </list> <operator> le </operator> </lex>",
        lambda a, b, c, d: (a, b) <= (c, d),
    ),
    "sum": (
        "<sum> <list> x[] </list> <coeffs> 1 2 -1 3 </coeffs> <condition> (le,x[0]) </condition>"
        " </sum>",
        lambda a, b, c, d: a + 2 * b - c + 3 * d <= a,
    ),
    "count": (
        "<count> <list> x[] </list> <values> 1 2 </values> <condition> (ge,3) </condition>"
        " </count>",
        lambda *x: sum(v in (1, 2) for v in x) >= 3,
    ),
    "number of values": (
        "<nValues> <list> x[] </list> <condition> (eq,x[0]) </condition> </nValues>",
        lambda *x: len(set(x)) == x[0],
    ),
    "cardinality": (
        "<cardinality> <list> x[] </list> <values closed='true'> 0 1 2 </values>"
        " <occurs> 1 2 1 </occurs> </cardinality>",
        lambda *x: sorted(x) == [0, 1, 1, 2],
    ),
    "maximum": (
        "<maximum> <list> x[0] x[1] x[2] </list> <condition> (eq,x[3]) </condition> </maximum>",
        lambda a, b, c, d: max(a, b, c) == d,
    ),
    "minimum": (
        "<minimum> <list> x[] </list> <condition> (gt,1) </condition> </minimum>",
        lambda *x: min(x) > 1,
    ),
    "element": (
        "<element> <list> x[0] x[1] x[2] </list> <index> x[3] </index> <value> 2 </value>"
        " </element>",
        lambda *x: x[3] < 3 and x[x[3]] == 2,
    ),
    "channel": (
        "<channel> <list> x[0] x[1] </list> <list> x[2] x[3] </list> </channel>",
        lambda a, b, c, d: (a, b, c, d) in {(0, 1, 0, 1), (1, 0, 1, 0)},
    ),
    "no overlap": (
        "<noOverlap> <origins> x[0] x[1] </origins> <lengths> 2 1 </lengths> </noOverlap>",
        lambda a, b, c, d: a + 2 <= b or b + 1 <= a,
    ),
    "cumulative": (
        "<cumulative> <origins> x[0] x[1] x[2] </origins> <lengths> 2 1 2 </lengths>"
        " <heights> 1 2 1 </heights> <condition> (le,2) </condition> </cumulative>",
        lambda a, b, c, d: all(
            sum(h for s, n, h in ((a, 2, 1), (b, 1, 2), (c, 2, 1)) if s <= t < s + n) <= 2
            for t in range(6)
        ),
    ),
    "instantiation": (
        "<instantiation> <list> x[0] x[3] </list> <values> 2 1 </values> </instantiation>",
        lambda a, b, c, d: (a, d) == (2, 1),
    ),
    "group": (
        "<group> <intension> le(%0,%1) </intension> <args> x[0] x[1] </args>"
        " <args> x[2] x[3] </args> </group>",
        lambda a, b, c, d: a <= b and c <= d,
    ),
    "slide": (
        "<slide> <list> x[] </list> <intension> ne(%0,%1) </intension> </slide>",
        lambda a, b, c, d: a != b and b != c and c != d,
    ),
    "precedence": (
        "<precedence> <list> x[] </list> <values> 0 1 </values> </precedence>",
        lambda *x: 1 not in x or (0 in x and x.index(0) < x.index(1)),
    ),
}


def text(content, name="model.xml"):
    return Text(name, content.encode())


@needs_pycsp3
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_of_xcsp3(name):
    snippet, holds = CONSTRAINTS[name]
    # A sum over all variables makes each of them a variable of the model, whatever else it names.
    every = "<sum> <list> x[] </list> <condition> (le,12) </condition> </sum>"
    problem = ns.Problem.from_cpmpy(xcsp3_model(text(INSTANCE.format(snippet + every))))
    rows = [next(v.index for v in problem.declared if v.name == f"x[{k}]") for k in range(4)]
    counted = 0
    for x in itertools.product(range(4), repeat=4):
        found = extensions(problem, dict(zip(rows, x, strict=True)))
        assert found == bool(holds(*x)), x
        counted += found
    assert counted > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (INSTANCE[:120], r"model.xml:5:\d+: the XML is cut short"),
        ("<instance>", r"model.xml:1:\d+: the XML is cut short"),
        ("<model/>", "<model> is not an XCSP3 instance"),
        (INSTANCE.format("<sets> x[] </sets>"), "model.xml:6:5: <sets> is not a constraint"),
        (
            INSTANCE.replace('id="x"', 'id="x" type="set"'),
            "model.xml:3:5: variable x is of type set",
        ),
        (INSTANCE.replace("0..3", ""), "model.xml:3:5: the domain of variable x is empty"),
        (INSTANCE.replace('CSP"', 'WCSP"'), "instances are CSP or COP, not WCSP"),
    ],
)
def test_what_is_wrong_with_an_instance(content, message):
    with pytest.raises(FormatError, match=message):
        xcsp3_model(text(content))


def assignments(model):
    """Every assignment of a model's variables, with its truth and its objective, by CPMpy."""
    from cpmpy.expressions.utils import argval
    from cpmpy.transformations.get_variables import get_variables

    users = get_variables([*model.constraints, model.objective_])
    for values in itertools.product((False, True), repeat=len(users)):
        for variable, value in zip(users, values, strict=True):
            variable._value = value
        named = {u.name: int(v) for u, v in zip(users, values, strict=True)}
        yield named, all(argval(c) for c in model.constraints), argval(model.objective_)


@pytest.mark.parametrize(
    "content",
    [
        "c a comment\nh 1 2 0\nh -1 -3 0\n3 -1 0\n4 -2 3 0\n",
        "p wcnf 3 4 9\n9 1 2 0\n9 -1 -3 0\n3 -1 0\n4 -2 3 0\n",
    ],
)
def test_weighted_clauses(content):
    for x, holds, cost in assignments(wcnf_model(text(content, "f.wcnf"))):
        a, b, c = (bool(x[f"x{n}"]) for n in (1, 2, 3))
        assert holds == ((a or b) and not (a and c))
        assert cost == 3 * a + 4 * (b and not c)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("h 1 2 0\n3 -1\n", "f.wcnf:2:1: the file is cut short: a clause ends with 0"),
        ("p wcnf 2 3 9\n9 1 2 0\n3 -1 0\n", "f.wcnf:3:.*: the file is cut short: 2 of 3 clauses"),
        ("h 1 x 0\n", "f.wcnf:1:1: 'x' is not a weight or a literal"),
        ("-3 1 0\n", "the weight of a clause is positive, not -3"),
        ("p cnf 2 1\n", "the header is"),
    ],
)
def test_what_is_wrong_with_weighted_clauses(content, message):
    with pytest.raises(FormatError, match=message):
        wcnf_model(text(content, "f.wcnf"))


OPB = """* #variable= 3 #constraint= 2
min: +2 x1 -3 x2 ~x3 ;
+1 x1 +1 ~x2 +2 x1 x3 >= 2 ;
1 x2 x3 = 0 ;
"""


def test_pseudo_boolean_constraints():
    for x, holds, cost in assignments(opb_model(text(OPB, "f.opb"))):
        a, b, c = (x[f"x{n}"] for n in (1, 2, 3))
        assert holds == (a + (1 - b) + 2 * a * c >= 2 and b * c == 0)
        assert cost == 2 * a - 3 * b * (1 - c)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OPB[:-3], "f.opb:4:1: the file is cut short: a constraint ends with ;"),
        (OPB.rsplit("1 x2", 1)[0], "f.opb:3:1: the file is cut short: 1 of 2 constraints"),
        (OPB.replace("+1 ~x2", "~x2"), None),
        (OPB.replace(">= 2", ">= y"), "a constraint is terms"),
        (OPB.replace("+1 x1 +1", "x1 +1"), "a term begins with a coefficient"),
        (OPB.partition("\n")[2], "the first line is"),
    ],
)
def test_what_is_wrong_with_pseudo_boolean_constraints(content, message):
    if message is None:  # a literal more in the term before it
        assert len(opb_model(text(content, "f.opb")).constraints) == 2
        return
    with pytest.raises(FormatError, match=message):
        opb_model(text(content, "f.opb"))


@needs_pycsp3
def test_reading_xcsp3_leaves_python_as_it_was():
    # pycsp3 puts a `dir` of its own in the place of Python's, and later has lists of its own too.
    xcsp3_model(text(INSTANCE.format(CONSTRAINTS["precedence"][0])))
    assert isinstance(builtins.dir, types.BuiltinFunctionType)
    methods = (list.__contains__, list.__mul__, tuple.__contains__, range.__contains__)
    assert all(isinstance(method, types.WrapperDescriptorType) for method in methods)
