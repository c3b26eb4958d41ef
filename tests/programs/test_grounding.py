"""Grounding: what is read and what is refused, each with its line."""

import pytest

from neurosym.programs import Program, ProgramError, ProgramWarning

REFUSED = [
    ("p(X) :- q.\nq. query(p(_)).", r"1:1: unsafe: X in the head p\(X\)"),
    (
        "p(X) :- q(X).\nq(X) :- r, \\+s(X), t(X). r. s(1). t(1). query(p(_)).",
        r"2:1: unsafe: .*\\\+",
    ),
    ("1.5::a. query(a).", r"1:1: a probability lies in \[0, 1\]; this one is 1.5"),
    ("0.7::a; 0.6::b. query(a).", "sum to 1.3, more than 1"),
    ("P::a(X) :- b(X, P).\nb(1, 2). query(a(1)).", r"1:1: a probability lies in \[0, 1\]"),
    ("r(X*2) :- s(X).\ns(1). query(r(_)).", r"1:1: X\*2 in a head is not computed"),
    ("a :- X > 3, b(X).\nb(1). query(a).", r"1:1: in X > 3: X has no value yet"),
    ("a :- X @< 3, b(X). b(1). query(a).", "terms with unbound variables have no order"),
    ("p(s(X)) :- p(X). p(0). query(p(_)).", "p/1 keeps growing"),
    ("p(X) :- p(s(X)). query(p(0)).", "p/1 keeps growing"),
    ("a :- b, !. b. query(a).", r"the cut \(!\) is not supported"),
    ("a :- (b -> c ; d). b. c. d. query(a).", "if-then-else"),
    ("a :- assertz(b). query(a).", "assertz/1 is not supported"),
    ("a :- X =.. [f], b(X). b(1). query(a).", "=../2 is not supported"),
    ("a :- setof(X, b(X), L). b(1). query(a).", "setof/3 is not supported"),
    ("normal(0, 1)::a. query(a).", "distribution normal is not supported"),
    (":- use_module(library(apply_macros)). a.", "the module"),
    (":- dynamic(b). a.", "the directive"),
    ("a :- sub(1). query(a).", "no clause defines sub/1"),
    ("likes(1). a :- like(1). query(a).", r"did you mean likes/1\?"),
    ("b(1). a :- b(1, 2). query(a).", "there is b/1"),
    ("is(X, 1). query(a).", "is built in"),
    ("0.3::a; b. query(a).", "b has no probability"),
    ("a. query(a, b).", "query has one argument"),
    ("a. evidence(a, maybe).", "evidence is true or false"),
    ("p(1..3, X) :- q(X). p(1, 2..b). q(1). query(p(_, _)).", "integers at both ends"),
    ("nn(net, X, Y, [0]) :: d(X, Y). query(d(1, 0)).", "inputs of nn are a list"),
    ("nn(net, [X], Z, [0]) :: d(X, Y). query(d(1, 0)).", "output of nn is a variable of the atom"),
    ("n(N) :- findall(X, n(X), L), length(L, N). n(0). query(n(_)).", "depends on its own result"),
    ("a :- X is 1 / 0. query(a).", "divides by zero"),
    ("a :- X is foo + 1. query(a).", "foo is not arithmetic"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused(text, message):
    with pytest.raises(ProgramError, match=message):
        Program.parse(text, limit=3000).probabilities()


READ = [
    ("0.4::not_a. q :- not_a.", {"q": 0.4}),
    ("0.5::a. q :- not a. r :- \\+ (a, q ; \\+ a).", {"q": 0.5, "r": 0.5}),
    ("n(1..3). q(X) :- n(X), X mod 2 =:= 1.", {"q(1)": 1, "q(2)": 0, "q(3)": 1}),
    ("q(X) :- between(1, 3, Y), X is max(Y, 2) ** 2.", {"q(4)": 1, "q(9)": 1, "q(1)": 0}),
    ("q(X) :- X = f(Y), Y = 1.", {"q(f(1))": 1}),
    ("q :- f(1) \\= f(2), 1 \\== 1.0, 1 =:= 1.0, abs(-3) =:= 3, -7 // 2 =:= -3.", {"q": 1}),
    ("q :- a @< b, 1 @< a, f(a) @> a, 7 rem -2 =:= 1, -7 mod 2 =:= 1.", {"q": 1}),
    ("'A b'(\"x y\", 'don''t'). q :- 'A b'(\"x y\", 'don\\'t').", {"q": 1}),
    ("exp(-1)::a. log(2)::b. 1/4::c.", {"a": 0.36787944117, "b": 0.69314718056, "c": 0.25}),
    ("0.5::e(1). 0.5::e(2). n(N) :- aggregate_all(count, e(_), N).", {"n(1)": 0.5, "n(2)": 0.25}),
    (
        "0.5::e(1). e(2). l(L) :- findall(X, e(X), L). m(M) :- aggregate_all(max(X), e(X), M).",
        {"l([1, 2])": 0.5, "l([2])": 0.5, "m(2)": 1},
    ),
    ("0.5::e(1). 0.5::e(2). q :- forall(e(X), X < 2).", {"q": 0.5}),
    ("0.5::a(1). a(2). s(S) :- findall(X, a(X), L), sum_list(L, S).", {"s(2)": 0.5, "s(3)": 0.5}),
    ("0.3::a :- b ; c. b. 0.5::c.", {"a": 0.3}),
    ("p([], 0). p([H|T], N) :- p(T, M), N is M + H.", {"p([1, 2, 3], 6)": 1}),
    ("q(X) :- member(X, [1..3]), X > 1. /* a % comment */ % another", {"q(1)": 0, "q(3)": 1}),
    ("0.5::a. a <- b. 0.5::b.", {"a": 0.75}),
    (":- use_module(library(lists)). 0.2::a.", {"a": 0.2}),
    ("0.0::a. 1.0::b. c :- \\+ a, b.", {"a": 0, "b": 1, "c": 1}),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_what_is_read(text, expected):
    found = Program.parse(text).probabilities(list(expected))
    assert found == pytest.approx(expected, abs=1e-9)


def test_queries_may_be_open_and_have_bodies():
    text = "n(1). n(2). 0.5::p(X) :- n(X). query(p(X)) :- n(X), X > 1. 0.1::q(3). query(q(_))."
    assert Program.parse(text).probabilities() == {"p(2)": 0.5, "q(3)": pytest.approx(0.1)}


def test_a_negation_may_be_asked():
    assert Program.parse("0.3::a. query(\\+ a).").probabilities() == {"\\+a": pytest.approx(0.7)}


def test_evidence_that_nothing_defines_is_warned_of():
    program = Program.parse("0.3::a. 0.5::b :- c(1). c(2). query(a).\nevidence(b, false).")
    with pytest.warns(ProgramWarning, match="2:1: the evidence b is not defined: no clause makes"):
        assert program.probabilities() == {"a": pytest.approx(0.3)}
    with pytest.warns(ProgramWarning, match="evidence d is not defined in the program"):
        program.probabilities("a", evidence="\\+ d")


def test_what_is_learned_may_start_at_zero():
    (choice,) = Program.parse("t(0.0)::a. q :- a.").ground("q").choices
    assert choice.probabilities == (0.0, 1.0)
    assert choice.free == (True, True)


def test_open_choices_of_one_clause_are_made_once():
    # Both ways to q use the choice of the same grounding.
    text = "e(1). e(2). 0.5::c(X) :- e(X). a :- c(1). b :- c(1). q :- a, b. r :- c(1), c(2)."
    assert Program.parse(text).probabilities(["q", "r"]) == {"q": 0.5, "r": 0.25}


def test_python_functions_as_predicates():
    program = Program.parse(
        "0.5::at(1). 0.5::at(2). out(Y) :- at(X), double(X, Y). q :- at(X), odd(X). "
        "n(Y) :- at(X), around(X, Y).",
        foreign={
            "double/2": lambda x: 2 * x,
            "odd/1": lambda x: x % 2 == 1,
            "around/2": lambda x: [x - 1, x + 1],
        },
    )
    assert program.probabilities(["out(4)", "q", "n(_)"]) == {
        "out(4)": 0.5,
        "q": 0.5,
        "n(0)": 0.5,
        "n(1)": 0.5,
        "n(2)": 0.5,
        "n(3)": 0.5,
    }
