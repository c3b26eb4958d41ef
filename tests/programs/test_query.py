"""Probabilities of programs: against world enumeration, ProbLog, and known answers."""

import importlib.util
import math
import sys
import warnings

import pytest
import random_programs
from hypothesis import assume, given, settings

from neurosym.circuits import d4, pysdd
from neurosym.programs import Program, ProgramError
from neurosym.programs.compilation import compile_program
from neurosym.programs.question import ProgramQuery

# Evidence of drawn programs need not be defined.
pytestmark = pytest.mark.filterwarnings("ignore::neurosym.programs.ProgramWarning")

METHODS = ["tp", "sweep", "pysdd"]
CASES = {
    "annotated disjunctions": (
        """0.6::likes(a,tea); 0.4::likes(a,milk). 0.3::likes(b,tea); 0.7::likes(b,milk).
        agree :- likes(a,X), likes(b,X). dis :- \\+likes(a,tea). dis :- \\+likes(b,tea).""",
        {"agree": 0.46, "dis": 0.82},
    ),
    "positive cycle": (
        "0.3::a. 0.2::b. 0.5::a :- b. 0.4::b :- a. both :- a, b.",
        {"a": 0.37, "b": 0.296, "both": 0.226},
    ),
    "unfounded cycle": (
        "0.5::a :- b. 0.4::b :- a. both :- a, b.",
        {"a": 0, "b": 0, "both": 0},
    ),
    "negation": (
        """dom(1). dom(2). 0.5::p(1). 0.5::p(2). d :- dom(X), \\+p(X).
        0.4::g(1,2). 0.5::g(1,1). sink(X) :- dom(X), \\+g(X,_).""",
        {"d": 0.75, "sink(1)": 0.3, "sink(2)": 1},
    ),
    "one choice of three": (
        """0.2::o(l). 0.5::o(r). 0.4::crash :- o(l), act(l). 0.4::crash :- o(r), act(r).
        0.3::act(l); 0.6::act(r); 0.1::act(n).""",
        {"crash": 0.144},
    ),
    "three facts": (
        """0.2::o(l). 0.5::o(r). 0.4::crash :- o(l), act(l). 0.4::crash :- o(r), act(r).
        0.3::act(l). 0.6::act(r). 0.1::act(n).""",
        {"crash": 0.14112},
    ),
    "a variable of the body": ("val(a). val(b). 0.4::snow :- val(A).", {"snow": 0.64}),
    "probabilities from facts": (
        """person(1). person(2). fr(1,2,0.4). fr(2,1,0.9). 0.2::fp(X) :- person(X).
        P::inf(X,Y) :- fr(X,Y,P). s(X) :- fp(X). s(X) :- s(Y), inf(X,Y).""",
        {"s(1)": 0.264, "s(2)": 0.344},
    ),
    "the same fact twice": ("0.3::a. 0.3::a.", {"a": 0.51}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_reports_of_users(name, method):
    text, expected = CASES[name]
    ground = Program.parse(text).ground(list(expected))
    found = ProgramQuery(ground, compile_program(ground, method=method)).probabilities()
    assert found == pytest.approx(
        {key.replace(",", ", "): value for key, value in expected.items()}, abs=1e-12
    )


def test_a_probability_of_10_to_the_minus_400():
    facts = "".join(f"0.01::f({n}). " for n in range(200))
    everything = ", ".join(f"f({n})" for n in range(200))
    text = f"{facts} all :- {everything}. 0.5::g. q :- g, all."
    program = Program.parse(text)
    assert program.compile("all").log_probabilities()["all"] == pytest.approx(200 * math.log(0.01))
    assert program.probabilities("q", evidence="all") == {"q": pytest.approx(0.5)}


def test_negation_in_a_cycle_is_refused_with_the_cycle_and_its_lines():
    program = Program.parse("0.5::a :- \\+b.\n0.5::b :- a.\n")
    with pytest.raises(ProgramError, match=r"1:1: .*a needs \\\+ b \(line 1\), b needs a \(line 2"):
        program.probabilities("a")


def test_a_loop_that_is_possible_only_in_the_text_is_not_refused():
    text = "move(a,b). move(b,c). 0.5::move(c,d). win(X) :- move(X,Y), \\+win(Y)."
    found = Program.parse(text).probabilities("win(a)")
    assert found == {"win(a)": pytest.approx(0.5)}


@settings(max_examples=40, deadline=None)
@given(random_programs.programs())
def test_random_programs_against_worlds(case):
    check(case)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(random_programs.programs())
def test_many_random_programs_against_worlds(case):
    check(case)


def check(case):
    try:
        expected = random_programs.world_probabilities(case)
    except OverflowError:
        assume(False)
    text = random_programs.text_of(case)
    program = Program.parse(text)
    ground = program.ground()
    for method in METHODS:
        if expected is None:
            with pytest.raises(ProgramError, match="inconsistent"):
                ProgramQuery(ground, compile_program(ground, method=method)).probabilities()
            continue
        found = ProgramQuery(ground, compile_program(ground, method=method)).probabilities()
        for query, value in zip(case.queries, expected, strict=True):
            own = found[random_programs.atom_text(*query)]
            assert own == pytest.approx(value, abs=1e-9), (method, query, text)


def problog_probabilities(text):
    """What ProbLog makes of a text, by query as it is written."""
    before = sys.getrecursionlimit()  # the import changes it as well
    problog = pytest.importorskip("problog", reason="ProbLog is the second opinion: extra test")
    from problog.errors import ProbLogError
    from problog.program import PrologString

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = problog.get_evaluatable().create_from(PrologString(text)).evaluate()
    except ProbLogError as error:
        return type(error).__name__
    finally:
        sys.setrecursionlimit(before)
    return {str(key).replace(" ", ""): value for key, value in found.items()}


def check_against_problog(case):
    text = random_programs.text_of(case)
    theirs = problog_probabilities(text)
    if isinstance(theirs, str):
        assert theirs == "InconsistentEvidenceError", (theirs, text)
        with pytest.raises(ProgramError, match="inconsistent"):
            Program.parse(text).probabilities()
        return
    ours = Program.parse(text).probabilities()
    assert {key.replace(" ", ""): value for key, value in ours.items()} == pytest.approx(
        theirs, abs=1e-6
    ), text


@settings(max_examples=25, deadline=None)
@given(random_programs.programs())
def test_random_programs_against_problog(case):
    check_against_problog(case)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(random_programs.programs())
def test_many_random_programs_against_problog(case):
    check_against_problog(case)


@pytest.mark.parametrize(
    "name", ["annotated disjunctions", "positive cycle", "one choice of three"]
)
def test_compilers_of_clauses(name):
    text, expected = CASES[name]
    program = Program.parse(text)
    compilers = [pysdd()]
    if importlib.util.find_spec("py_d4"):
        compilers.append(d4())
    for compiler in compilers:
        query = list(expected)[-1]
        question = program.compile(query, compiler=compiler)
        assert question.probabilities() == {query: pytest.approx(expected[query])}


@settings(max_examples=15, deadline=None)
@given(random_programs.programs())
def test_random_programs_by_clauses(case):
    try:
        expected = random_programs.world_probabilities(case)
    except OverflowError:
        assume(False)
    assume(expected is not None)
    program = Program.parse(random_programs.text_of(case))
    found = program.compile(compiler=pysdd(minimize=False)).probabilities()
    names = [random_programs.atom_text(*query) for query in case.queries]
    assert [found[name] for name in names] == pytest.approx(expected, abs=1e-9)
