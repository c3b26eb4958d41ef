"""Programs from Python: neural predicates, batches, gradients, semirings, estimators, problems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.programs import Program, ProgramError
from neurosym.programs.readings import read

# DeepProbLog's own text.
ADDITION = """
nn(mnist_net,[X],Y,[0,1,2,3,4,5,6,7,8,9]) :: digit(X,Y).
addition(X,Y,Z) :- digit(X,X2), digit(Y,Y2), Z is X2+Y2.
"""
MULTI_ADDITION = """
nn(mnist_net,[X],Y,[0,1,2]) :: digit(X,Y).

number([],Result,Result).
number([H|T],Acc,Result) :- digit(H,Nr), Acc2 is Nr+10*Acc, number(T,Acc2,Result).
number(X,Y) :- number(X,0,Y).

multi_addition(X,Y,Z) :- number(X,X2), number(Y,Y2), Z is X2+Y2.
"""


def beliefs(*shape, seed=0):
    return jax.nn.log_softmax(jax.random.normal(jax.random.key(seed), shape))


def test_addition_as_program_and_as_problem():
    program = Program.parse(ADDITION)
    log_probs = beliefs(4, 2, 10)
    labels = jnp.array([3, 18, 0, 9])
    problem = ns.Problem()
    digits = problem.variables("digit", shape=2, domain=range(10))
    total = problem.variable("total", domain=range(19))
    problem.add(digits.sum() == total)
    reasoning = ns.nn.Reasoning(problem.compile(), total)

    def by_program(x):
        found = program.query("addition(a, b, Z)", mnist_net=x)
        return -jnp.take_along_axis(found, labels[:, None], 1).mean()

    def by_problem(x):
        return -jnp.take_along_axis(reasoning(x), labels[:, None], 1).mean()

    normalised = [lambda x, f=f: f(jax.nn.log_softmax(x)) for f in (by_program, by_problem)]
    ours, theirs = (jax.jit(jax.value_and_grad(f))(log_probs) for f in normalised)
    assert np.allclose(ours[0], theirs[0], atol=1e-5)
    assert np.allclose(ours[1], theirs[1], atol=1e-5)


def test_a_circuit_of_a_question_is_a_module():
    question = Program.parse(ADDITION).compile("addition(a, b, Z)")
    log_probs = beliefs(4, 2, 10)
    found = ns.nn.Reasoning(question.circuit)(log_probs)
    assert np.allclose(found, question(mnist_net=log_probs), atol=1e-5)


def test_a_question_as_a_problem_has_the_same_distribution():
    program = Program.parse(ADDITION.replace("3,4,5,6,7,8,9", "3"))
    log_probs = beliefs(2, 4)
    problem = program.problem("addition(a, b, Z)")
    network = problem.compile()
    weights = jnp.zeros((3, 7)).at[:2, :4].set(log_probs)
    found = ns.query(network, weights, target="answer")
    assert np.allclose(found, program.query("addition(a, b, Z)", mnist_net=log_probs), atol=1e-5)
    with pytest.raises(ProgramError, match="in some world no answer holds"):
        program.problem("addition(a, b, 3)")
    with pytest.raises(ProgramError, match="hold in one world"):
        program.problem(["addition(a, b, Z)", "digit(a, 0)"])


def test_numbers_of_several_digits_against_enumeration():
    program = Program.parse(MULTI_ADDITION)
    log_probs = beliefs(4, 3)
    query = "multi_addition([a,b],[c,d],Z)"
    question = program.compile(query)
    assert question.inputs("mnist_net") == [("a",), ("b",), ("c",), ("d",)]
    expected = {}
    for digits in np.ndindex(3, 3, 3, 3):
        total = 10 * (digits[0] + digits[2]) + digits[1] + digits[3]
        weight = float(jnp.exp(sum(log_probs[n, d] for n, d in enumerate(digits))))
        expected[total] = expected.get(total, 0) + weight
    found = jnp.exp(program.query(query, mnist_net=log_probs))
    names = [f"multi_addition([a, b], [c, d], {total})" for total in sorted(expected)]
    assert list(question.answers) == names
    assert np.allclose(found, [expected[total] for total in sorted(expected)], atol=1e-5)
    plain = program.probabilities(query, mnist_net=log_probs)
    assert np.allclose(found, list(plain.values()), atol=1e-5)


def test_batches_are_loops_and_jit_changes_nothing():
    program = Program.parse(ADDITION)
    log_probs = beliefs(2, 3, 2, 10)
    whole = program.query("addition(a, b, Z)", mnist_net=log_probs)
    assert whole.shape == (2, 3, 19)

    def one(x):
        return program.query("addition(a, b, Z)", mnist_net=x)

    assert np.allclose(whole[1, 2], one(log_probs[1, 2]), atol=1e-5)
    assert np.allclose(whole, jax.jit(jax.vmap(jax.vmap(one)))(log_probs), atol=1e-5)


def test_boolean_networks_beside_facts_and_evidence():
    text = """nn(sees, [X]) :: cat(X).  nn(hears, [X], Y) :: purrs(X, Y).
    0.9::real :- cat(a). q :- real, purrs(a, 1)."""
    program = Program.parse(text)
    sees = jnp.log(jnp.array([[0.7, 0.3]]))
    hears = jnp.log(jnp.array([[0.6, 0.4]]))  # of 0 and of 1
    found = program.query("q", sees=sees, hears=hears)
    assert np.allclose(jnp.exp(found), [0.7 * 0.9 * 0.4])
    found = program.query("cat(a)", evidence="\\+ real", sees=sees)
    assert np.allclose(jnp.exp(found), [0.07 / (0.07 + 0.3)])


def test_learnable_probabilities_are_arguments():
    program = Program.parse("t(0.2)::f(X) :- n(X). n(1). n(2). q :- f(1). q :- f(2).")
    question = program.compile("q")
    initial = question.initial_parameters()
    assert list(initial) == ["1:1"]
    assert np.allclose(jnp.exp(question()), [1 - 0.8**2])

    def probability(log_p):
        parameters = {"1:1": jnp.stack([log_p, jnp.log1p(-jnp.exp(log_p))])}
        return jnp.exp(question(parameters=parameters))[0]

    # d/dp of 1 - (1 - p)^2, times p for the logarithm.
    gradient = jax.grad(probability)(jnp.log(0.5))
    assert np.allclose(gradient, 2 * 0.5 * 0.5, atol=1e-5)


@pytest.mark.parametrize("name", ["max_times", "min_plus", "max_min", "counting", "top_k_proofs:2"])
def test_semirings_agree_with_plain_python(name):
    text = "0.5::f. a :- f. b :- f. q :- a, b. 0.3::g. q :- g. 0.9::h :- \\+ g."
    question = Program.parse(text).compile(["q", "h"])
    found = question(semiring=name)
    if name.startswith("top_k"):
        found = jnp.exp(ns.TOP_K_PROOFS(2, 3).to_log(found))
    found = jnp.exp(found) if name == "max_times" else found
    assert np.allclose(found, read(question, name), atol=1e-5)


def test_estimators_ask_a_program():
    program = Program.parse(
        ADDITION.replace("3,4,5,6,7,8,9", "3") + "0.9::ok. s(Z) :- ok, addition(a, b, Z)."
    )
    reasoner = program.reasoner("s(Z)")
    answer = reasoner.question.answers.index("s(4)")
    logits = beliefs(2, 4)
    exact = ns.bridge.exact(reasoner)(ns.reasoning.Question(logits, evidence=answer))
    expected = program.query("s(4)", mnist_net=logits)
    assert np.allclose(exact[0], expected[0], atol=1e-5)
    marginals = reasoner.marginals(logits, answer)
    gradient = jax.grad(lambda x: program.query("s(4)", mnist_net=x)[0])(logits)
    assert np.allclose(marginals, gradient, atol=1e-5)
    best = reasoner.best(logits, answer)
    assert int(best.sum()) == 4
    assert bool(reasoner.holds(best, answer))
    assert not bool(reasoner.holds(jnp.array([0, 3]), answer))


def test_wrong_networks_are_refused():
    program = Program.parse(ADDITION)
    x = beliefs(2, 10)
    for networks, message in [
        ({}, "the network mnist_net is missing"),
        ({"mnist_net": x[:, :9]}, "has 10 outputs for each of 2 inputs"),
        ({"mnist_net": x[0]}, r"are \[..., 2, 10\], not \[10\]"),
        ({"mnist_net": x, "other": x}, "asks no network 'other'"),
    ]:
        with pytest.raises(ProgramError, match=message):
            program.query("addition(a, b, Z)", **networks)
