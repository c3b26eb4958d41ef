"""Semirings over proofs: against all sets of choices, and known answers."""

import itertools
import math

import pytest
import random_programs
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurosym.programs import Program, ProgramError
from neurosym.programs.ground import NO_CHOICE
from neurosym.programs.readings import ProofReader, explanation, read

SHARED = "0.5::f. a :- f. b :- f. q :- a, b. 0.3::g. q :- g."


@pytest.mark.parametrize(
    ("semiring", "value"),
    [
        ("real", 0.65),
        ("log", math.log(0.65)),
        ("max_times", 0.5),  # f is used twice and counts once
        ("min_plus", -math.log(0.5)),
        ("max_min", 0.5),
        ("counting", 2),
        ("add_mult", 0.8),
        ("top_k_proofs:1", 0.5),
        ("top_k_proofs:5", 0.65),
    ],
)
def test_one_program_in_each_semiring(semiring, value):
    assert read(Program.parse(SHARED).compile("q"), semiring) == [pytest.approx(value)]


def test_the_best_proof_and_the_most_probable_world_differ():
    # The proof leaves b open; the world has to say that b holds, or that it does not.
    question = Program.parse("0.4::a. 0.4::b. q :- a. q :- b.").compile("q")
    assert read(question, "max_times") == [pytest.approx(0.4)]
    world = explanation(question, 0)
    assert world.probability == pytest.approx(0.24)


def test_a_disproof_may_be_any_other_value():
    text = "0.5::c(1); 0.3::c(2); 0.2::c(3). q :- \\+c(1)."
    question = Program.parse(text).compile("q")
    assert read(question, "max_times") == [pytest.approx(0.3)]
    assert read(question, "counting") == [2]


def test_a_positive_loop_is_disproved():
    text = "0.5::e. a :- b. b :- a. a :- e. q :- \\+a."
    assert read(Program.parse(text).compile("q"), "max_times") == [pytest.approx(0.5)]


def test_simple_paths_are_counted():
    edges = " ".join(f"0.9::e({a},{b})." for a, b in itertools.permutations(range(4), 2))
    text = f"{edges} p(X,Y) :- e(X,Y). p(X,Y) :- e(X,Z), p(Z,Y)."
    # From 0 to 3: directly, by one of two, by both in either order.
    assert read(Program.parse(text).compile("p(0,3)"), "counting") == [1 + 2 + 2]


@pytest.mark.parametrize("name", ["viterbi!", "top_k_proofs", "top_k_proofs:0", "real:2"])
def test_unknown_names_are_refused(name):
    with pytest.raises(ProgramError):
        read(Program.parse(SHARED).compile("q"), name)


@settings(max_examples=40, deadline=None)
@given(random_programs.programs(), st.integers(1, 3))
def test_proofs_of_random_programs_without_negation(case, k):
    clauses = tuple(
        c._replace(body=tuple(b for b in c.body if b.kind != "neg")) for c in case.clauses
    )
    case = case._replace(clauses=clauses, evidence=())
    question = Program.parse(random_programs.text_of(case)).compile()
    ground = question.ground
    sizes = [sum(x is not None for x in choice.outcomes) for choice in ground.choices]
    assume(math.prod(size + 1 for size in sizes) <= 800)
    reader = ProofReader(question)
    weights = question.plain_weights()
    for number, (_, atom) in enumerate(ground.queries):
        expected = minimal_sets(ground, sizes, atom)
        assert reader.count(number) == len(expected)
        products = sorted(
            (math.prod(ground.choices[c].probabilities[v] for c, v in own) for own in expected),
            reverse=True,
        )
        found = [math.exp(proof.weight) for proof in reader.best(number, weights, k)]
        assert found == pytest.approx(products[:k])
        assert reader.sum_of_products(number, weights) == pytest.approx(sum(products))


def minimal_sets(ground, sizes, atom):
    """The least sets of choices that make an atom true when nothing else is chosen."""
    proofs = []
    options = [[None, *range(size)] for size in sizes]
    for values in itertools.product(*options):
        model = set()
        while True:
            more = {
                rule.head
                for rule in ground.rules
                if (rule.choice == NO_CHOICE or values[rule.choice] == rule.value)
                and all(x - 1 in model for x in rule.body)
            } - model
            if not more:
                break
            model |= more
        if atom in model:
            proofs.append(frozenset((c, v) for c, v in enumerate(values) if v is not None))
    return [own for own in proofs if not any(other < own for other in proofs)]
