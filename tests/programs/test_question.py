"""Questions without answers, or without choices: what every reading says of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.circuits import pysdd
from neurosym.programs import Program, ProgramError
from neurosym.programs.bounds import bounds
from neurosym.programs.explaining import explained
from neurosym.programs.readings import PLAIN, ProofReader, read
from neurosym.semirings.algebra.provenance import proofs_log_probability

REACH = """0.5::edge(1, 2). 0.6::edge(2, 3). edge(4, 5).
reach(X, Y) :- edge(X, Y). reach(X, Y) :- reach(X, Z), edge(Z, Y).
nn(net, [I], D, [0, 1])::digit(I, D).
"""
NAMES = [name + ":3" * (name == "top_k_proofs") for name in PLAIN]
NOTHING = "reach(0, Y)"


@pytest.fixture(scope="module")
def program():
    return Program.parse(REACH)


@pytest.mark.parametrize("semiring", [*NAMES, "boolean", "lukasiewicz"])
def test_a_query_without_answers_has_no_rows(program, semiring):
    found = program.query(NOTHING, semiring=semiring)
    assert {x.shape[0] for x in jax.tree.leaves(found)} == {0}
    some = program.query("reach(1, Y)", semiring=semiring)  # like elements, but for how many
    for own, other in zip(jax.tree.leaves(found), jax.tree.leaves(some), strict=True):
        assert own.dtype == other.dtype
        assert own.ndim == other.ndim
    if semiring in NAMES:
        assert read(program.compile(NOTHING), semiring) == []


@pytest.mark.parametrize("semiring", ["log", "max_min", "counting"])
def test_a_query_without_answers_keeps_the_batch_of_its_evidence(program, semiring):
    def ask(net):
        return program.query(NOTHING, evidence="digit(a, 1)", semiring=semiring, net=net)

    logits = jnp.log(jnp.full((5, 1, 2), 0.5))
    assert ask(logits).shape == (5, 0)
    assert jax.jit(ask)(logits).shape == (5, 0)
    if semiring != "counting":
        slope = jax.grad(lambda net: ask(net).sum())(logits)
        np.testing.assert_array_equal(slope, np.zeros((5, 1, 2)))


def test_a_query_without_answers_in_every_other_reading(program):
    question = program.compile(NOTHING)
    assert question.answers == ()
    assert question.probabilities() == {}
    assert question.log_probabilities() == {}
    assert explained(question, ProofReader(question), 3) == {}
    assert bounds(question, seconds=1.0) == []
    assert bounds(question, seconds=1.0, try_exact=False) == []
    assert program.query([NOTHING, "reach(1, 2)"], semiring="real").tolist() == [0.5]


def test_a_query_without_answers_is_not_a_problem(program):
    with pytest.raises(ProgramError, match="in some world no answer holds"):
        program.problem(NOTHING)


def test_a_query_without_answers_by_a_compiler_of_clauses(program):
    pytest.importorskip("pysdd")
    question = program.compile(NOTHING, compiler=pysdd())
    assert question.probabilities() == {}
    assert question(semiring="real").shape == (0,)


def test_proofs_of_what_is_certain_and_of_what_is_false(program):
    question = program.compile(["reach(4, 5)", "reach(5, 4)"])
    assert not question.ground.choices
    proofs = question(semiring="top_k_proofs:3")
    assert np.exp(proofs_log_probability(proofs)).tolist() == [1, 0]
    assert read(question, "top_k_proofs:3") == [1, 0]
