"""Which engine answers, why, and that every one of them answers right; against brute force."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.circuits import trace_elimination
from neurosym.reasoning import Method, NetworkReasoner, Status, automatic
from neurosym.reasoning.automatic import METHODS
from neurosym.reasoning.protocols import HasMarginals, HasTotal
from neurosym.soft.elimination import eliminate_within

SIZES = (3, 4, 3, 2)
EXACT = METHODS[:-1]


@functools.cache
def network():
    """A ring of inequalities: not a tree, and propagation alone decides little."""
    problem = ns.Problem()
    x = [problem.variable(f"x{n}", domain=range(size)) for n, size in enumerate(SIZES)]
    problem.add(*(x[n] != x[n - 1] for n in range(4)))
    return problem.compile()


def tree():
    problem = ns.Problem()
    x = [problem.variable(f"x{n}", domain=range(size)) for n, size in enumerate(SIZES)]
    problem.add(x[0] != x[1], x[1] != x[2], x[2] < x[3])
    return problem.compile()


def instance(seed):
    rng = np.random.default_rng(seed)
    exists = np.arange(4) < np.asarray(SIZES)[:, None]
    allowed = exists & (rng.uniform(size=exists.shape) < 0.8)
    return rng.normal(size=(4, 4)).astype(np.float32), allowed


def brute(problem, weights, allowed):
    """The log-total and the marginals, by all assignments."""
    total, table = 0.0, np.zeros((4, 4))
    for x in itertools.product(*map(range, SIZES)):
        if problem.allows(x) and all(allowed[i, v] for i, v in enumerate(x)):
            weight = np.exp(sum(float(weights[i, v]) for i, v in enumerate(x)))
            total += weight
            table[np.arange(4), list(x)] += weight
    with np.errstate(divide="ignore"):
        return np.log(total), table / (total or 1)


@pytest.mark.parametrize("method", [*EXACT, Method.MESSAGES], ids=lambda m: m.name)
def test_every_engine_answers_right(method):
    problem = tree() if method is Method.MESSAGES else network()
    weights, allowed = instance(1)
    choice = automatic(problem, allowed, methods=[method], tolerance=1e-7)
    assert choice.method is method
    assert choice.exact == (method is not Method.MESSAGES)
    log_total, table = brute(problem, weights, allowed)
    assert np.isfinite(log_total)
    status = Status.EXACT if choice.exact else Status.ESTIMATED
    batch = jnp.stack([jnp.asarray(weights), jnp.zeros((4, 4))])
    total, marginals = (jax.jit(jax.vmap(f)) for f in (choice.total, choice.marginals))
    query = jax.jit(jax.vmap(lambda w: choice.query(w, target="x3")))
    for n, own in enumerate((weights, np.zeros((4, 4)))):
        log_total, table = brute(problem, own, allowed)
        found = total(batch)
        np.testing.assert_allclose(found.value[n], log_total, rtol=1e-4)
        assert found.status[n] == status
        found = marginals(batch)
        np.testing.assert_allclose(found.value[n], table, atol=1e-4)
        assert found.status[n] == status
        found = query(batch)
        np.testing.assert_allclose(np.exp(found.value[n]), table[3, : SIZES[3]], atol=1e-4)
        assert found.status[n] == status
    if not choice.exact:
        assert found.statistics["rounds"][0] > 0
    gradient = jax.grad(lambda w: choice.total(w).value)(jnp.asarray(weights))
    np.testing.assert_allclose(gradient, brute(problem, weights, allowed)[1], atol=1e-3)


def test_the_first_that_is_affordable_is_taken_and_says_why():
    plan = eliminate_within(network(), bytes_each=4, effort=ns.Effort())
    bytes_whole = 4 * plan.element_count
    whole, small = (
        automatic(network(), methods=[m]) for m in (Method.ELIMINATION, Method.RESTRICTED)
    )
    assert whole.why == f"elimination: {bytes_whole} bytes an instance"
    _, allowed = instance(2)
    few = allowed & np.array([[1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], bool)
    few |= np.arange(4) == 0
    assert bytes_whole > 64
    options = {"memory_limit": bytes_whole - 1, "max_slices": 1}
    choice = automatic(network(), few, effort=ns.Effort(**options))
    assert choice.method is Method.RESTRICTED
    assert choice.why.startswith("elimination: too wide, ")
    assert "; restricted elimination: " in choice.why
    tiny = ns.Effort(memory_limit=4, max_slices=1)
    choice = automatic(network(), few, effort=tiny)
    assert choice.method is Method.CIRCUIT
    assert choice.why.count("too wide") == 2
    assert choice.why.endswith(" products")
    few_terms = functools.partial(trace_elimination, max_terms=2)
    choice = automatic(network(), few, effort=tiny, compile_circuit=few_terms)
    assert choice.method is Method.MESSAGES
    assert "circuit: eliminating the variables takes more than 2 products" in choice.why
    assert small.method is Method.RESTRICTED
    assert small.why == f"restricted elimination: {bytes_whole} bytes an instance"
    choice = automatic(network(), effort=tiny)
    assert choice.method is Method.CIRCUIT
    assert "; restricted elimination: propagation ruled nothing out; " in choice.why
    with pytest.raises(ns.TooWideError, match="too wide for exact elimination"):
        automatic(network(), few, effort=tiny, compile_circuit=few_terms, methods=EXACT)


def test_what_cannot_be_is_said():
    problem = network()
    weights, _ = instance(0)
    single = np.zeros((4, 4), bool)
    single[:, 0] = True  # neighbours are equal
    choice = automatic(problem, single)
    assert choice.method is Method.PROPAGATION
    assert choice.why == "propagation comes to a contradiction"
    for answer, value in (
        (choice.total(weights), -np.inf),
        (choice.marginals(weights), 0),
        (choice.query(weights, target="x3"), -np.inf),
    ):
        np.testing.assert_array_equal(answer.value, value)
        assert answer.status == Status.IMPOSSIBLE
    # Weights may forbid what domains do not.
    forbidden = jnp.where(jnp.asarray(single), 0.0, -jnp.inf)
    for method in METHODS:
        found = automatic(problem, methods=[method]).marginals(forbidden)
        assert found.status == Status.IMPOSSIBLE, method
        assert not found.value.any()


def test_messages_that_do_not_come_to_rest_are_said_to():
    weights, allowed = instance(1)
    choice = automatic(network(), allowed, methods=[Method.MESSAGES], rounds=1, tolerance=1e-9)
    found = choice.marginals(jnp.asarray(weights))
    assert found.status == Status.UNSETTLED
    assert found.statistics["rounds"] == 1


def test_a_compiler_of_ones_own_and_the_reasoner_may_be_taken_out():
    asked = []

    def compile_circuit(left):
        asked.append(left.size)
        return trace_elimination(left)

    weights, allowed = instance(3)
    choice = automatic(
        network(), allowed, methods=[Method.CIRCUIT], compile_circuit=compile_circuit
    )
    assert asked == [choice.reasoner.small.size]
    assert isinstance(choice.reasoner, HasTotal)
    assert isinstance(choice.reasoner, HasMarginals)
    estimator = ns.bridge.exact(choice.reasoner)
    wanted = ns.bridge.exact(NetworkReasoner(network()))
    logits = jnp.asarray(weights)
    found = estimator(logits, allowed).log_likelihood
    np.testing.assert_allclose(found, wanted(logits, allowed).log_likelihood, rtol=1e-5)
    for semiring in (ns.MAX_TIMES, ns.REAL):
        np.testing.assert_allclose(
            choice.reasoner.total(logits, allowed, semiring=semiring),
            NetworkReasoner(network()).total(logits, allowed, semiring=semiring),
            rtol=1e-5,
        )


@pytest.mark.slow
def test_a_sudoku_is_too_wide_until_its_givens_are_propagated():
    text = (
        "53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79"
    )
    board = np.asarray([0 if c == "." else int(c) for c in text.replace(" ", "")])
    board[[0, 4, 12, 79]] = 0  # 26 givens: several solutions
    sudoku = ns.puzzles.sudoku_problem(9).compile()
    domains = ns.puzzles.sudoku_masks(board)
    choice = automatic(sudoku, domains)
    assert choice.method in (Method.RESTRICTED, Method.CIRCUIT)
    assert choice.why.startswith("elimination: too wide")
    found = ns.solve(sudoku, jnp.asarray(domains), solutions=4096)
    solutions = np.asarray(found.assignment)[: int(found.count)]
    assert 1 < len(solutions) < 4096
    table = (solutions[:, :, None] == np.arange(9)).mean(0)
    answer = choice.marginals(jnp.zeros((81, 9)))
    assert answer.status == Status.EXACT
    np.testing.assert_allclose(answer.value, table, atol=1e-5)
    np.testing.assert_allclose(
        choice.total(jnp.zeros((81, 9))).value, np.log(len(solutions)), rtol=1e-5
    )


def test_wrong_use_is_answered_in_words():
    with pytest.raises(ValueError, match="methods are some of"):
        automatic(network(), methods=[])
    with pytest.raises(ValueError, match="methods are some of"):
        automatic(network(), methods=["elimination"])
    with pytest.raises(ValueError, match="domains are concrete"):
        jax.jit(lambda d: automatic(network(), d).total(jnp.zeros((4, 4))).value)(network().mask)
    with pytest.raises(ValueError, match="no variable 'y'"):
        automatic(network()).query(jnp.zeros((4, 4)), target="y")
    assert dataclasses.is_dataclass(automatic(network()))
