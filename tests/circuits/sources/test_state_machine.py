"""Circuits of state machines, with many roots: against the words themselves."""

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from random_problems import random_weights

import neurosym as ns
from neurosym.circuits import from_state_machine
from neurosym.semirings.algebra.k_best import assignments, candidates

SIZES = (3, 2, 3, 3, 2)


def words_by_answer(domains, start, step, answer):
    """The words, as indices of values, that lead to each answer."""
    found = {}
    for length in range(len(domains) + 1):
        for word in itertools.product(*(range(len(domain)) for domain in domains[:length])):
            state = start
            for position, v in enumerate(word):
                state = step(state, position, domains[position][v])
                if state is None:
                    break
            else:
                given = answer(state, length)
                if given is not None:
                    found.setdefault(given, []).append(word)
    return found


def random_machine(seed, lengths):
    """Seven states, moves that may be missing, answers at some lengths."""
    rng = np.random.default_rng(seed)
    moves = rng.integers(-2, 7, (len(SIZES), 7, 3))
    replies = rng.integers(-1, 4, (len(SIZES) + 1, 7))

    def step(state, position, value):
        after = int(moves[position, state, value])
        return after if after >= 0 else None

    def answer(state, position):
        reply = int(replies[position, state])
        return (position, reply) if position in lengths and reply >= 0 else None

    return [range(size) for size in SIZES], 0, step, answer


SLOW = [pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)]


@pytest.fixture(scope="module", params=[0, *SLOW])
def machine(request):
    given = random_machine(request.param, {3, 5})
    circuit = from_state_machine(*given)
    words = words_by_answer(*given)
    assert len(words) > 4
    assert {len(word[0]) for word in words.values()} == {3, 5}
    return circuit, words


def test_the_answers_are_those_that_words_have(machine):
    circuit, words = machine
    assert set(circuit.answers) == set(words)
    assert circuit.shape == (5, 3)


@pytest.mark.parametrize("semiring", [ns.COUNTING, ns.LOG, ns.MAX_TIMES], ids=lambda s: s.name)
def test_totals_and_supports_of_every_root(semiring, machine):
    circuit, words = machine
    rng = np.random.default_rng(3)
    cases = np.stack([random_weights(semiring.name, circuit.shape, rng) for _ in range(2)])
    cases[:, SIZES.index(2), 2] = np.nan if semiring is not ns.COUNTING else -7  # in no domain

    @jax.jit
    @jax.vmap
    def read(w):
        return circuit.query(w, semiring=semiring)

    count = len(circuit.answers)
    pairs = np.stack(np.meshgrid(range(2), range(count), indexing="ij"), -1).reshape(-1, 2)

    @jax.jit
    @jax.vmap
    def read_one(w, root):  # every instance asks for a root of its own
        return (
            circuit.total(w, root=root, semiring=semiring),
            circuit.support(w, root=root, semiring=semiring),
        )

    queried = read(cases)
    totals, supports = read_one(cases[pairs[:, 0]], pairs[:, 1])
    for (case, root), total, support in zip(pairs, totals, supports, strict=True):
        own = words[circuit.answers[root]]
        wanted, outer = oracles.total_and_support(semiring.name, cases[case], own)
        np.testing.assert_allclose(np.float64(total), np.float64(wanted), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(queried[case, root], total, rtol=1e-6)
        np.testing.assert_allclose(np.float64(support), np.float64(outer), rtol=1e-5, atol=1e-6)


def log_total_and_gradient(weights, words):
    """Both by the words, in the semiring of logarithms."""
    scores = [sum(weights[i, v] for i, v in enumerate(word)) for word in words]
    total = np.logaddexp.reduce(scores)
    gradient = np.zeros(weights.shape)
    for score, word in zip(scores, words, strict=True):
        for i, v in enumerate(word):
            gradient[i, v] += np.exp(score - total)
    return total, gradient


def test_gradients_of_one_root_and_of_all(machine):
    circuit, words = machine
    weights = np.random.default_rng(5).normal(size=circuit.shape).astype(np.float32)
    truth = [log_total_and_gradient(weights, words[answer]) for answer in circuit.answers]
    roots = jnp.arange(len(truth))
    one = jax.vmap(jax.value_and_grad(lambda w, root: circuit.total(w, root=root)), (None, 0))
    jacobians = jax.jit(
        lambda w: (*one(w, roots), jax.jacrev(circuit.query)(w), jax.jacfwd(circuit.query)(w))
    )(weights)
    np.testing.assert_allclose(jacobians[0], [total for total, _ in truth], rtol=1e-5)
    for found in jacobians[1:]:
        np.testing.assert_allclose(found, [gradient for _, gradient in truth], atol=1e-5)


def test_ties_are_shared_evenly_among_the_words(machine):
    circuit, words = machine
    weights = jnp.zeros(circuit.shape)
    root = max(range(len(circuit.answers)), key=lambda n: len(words[circuit.answers[n]]))

    def best(w):
        return circuit.total(w, root=root, semiring=ns.MAX_TIMES)

    def of_all(w):
        return circuit.query(w, semiring=ns.MAX_TIMES)[root]

    for read in (best, of_all):
        gradient = np.asarray(jax.jit(jax.grad(read))(weights))
        spoken = len(words[circuit.answers[root]][0])
        np.testing.assert_allclose(gradient[:spoken].sum(1), 1, rtol=1e-5)
        assert (gradient >= 0).all()
        assert not gradient[spoken:].any()


def test_marginals_speak_of_the_positions_of_their_root(machine):
    circuit, words = machine
    weights = np.random.default_rng(6).normal(size=circuit.shape).astype(np.float32)
    root = next(n for n, answer in enumerate(circuit.answers) if answer[0] == 3)
    found = circuit.marginals(weights, root=root)
    wanted = log_total_and_gradient(weights, words[circuit.answers[root]])[1]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_best_words(machine):
    circuit, words = machine
    weights = np.random.default_rng(7).normal(size=circuit.shape).astype(np.float32)
    semiring = ns.K_BEST(3)
    weighted = candidates(semiring, jnp.asarray(weights), SIZES)
    found = jax.jit(lambda w: circuit.query(w, semiring=semiring))(weighted)
    root = max(range(len(circuit.answers)), key=lambda n: len(words[circuit.answers[n]]))
    own = words[circuit.answers[root]]
    scores = np.asarray([sum(weights[i, v] for i, v in enumerate(word)) for word in own])
    best = np.argsort(scores)[::-1][:3]
    assert len(best) == 3
    np.testing.assert_allclose(found.weights[root], scores[best], rtol=1e-5)
    read = assignments(found.keys[root], SIZES)[:, : len(own[0])]
    np.testing.assert_array_equal(read, [own[n] for n in best])
    alone = jax.jit(lambda w: circuit.total(w, root=root, semiring=semiring))(weighted)
    np.testing.assert_array_equal(alone.keys, found.keys[root])


@pytest.mark.slow
def test_hessians_of_one_root(machine):
    circuit, words = machine
    weights = np.random.default_rng(8).normal(size=circuit.shape).astype(np.float32)
    own = words[circuit.answers[1]]

    def by_words(w):
        scores = [sum(w[i, v] for i, v in enumerate(word)) for word in own]
        return jax.nn.logsumexp(jnp.stack(scores))

    wanted = jax.jit(jax.hessian(by_words))(weights)
    found = jax.jit(jax.hessian(lambda w: circuit.total(w, root=1)))(weights)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def sum_of_digits(count):
    return from_state_machine(
        [range(10)] * count,
        0,
        lambda total, position, digit: total + digit,
        lambda total, position: total if position == count else None,
    )


def test_sums_of_digits_are_those_of_a_linear_constraint():
    circuit = sum_of_digits(3)
    p = np.random.default_rng(0).dirichlet(np.ones(10), 3).astype(np.float32)
    found = np.exp(circuit.query(jnp.log(p)))
    convolved = np.convolve(np.convolve(p[0], p[1]), p[2])
    order = [circuit.answers.index(total) for total in range(28)]
    np.testing.assert_allclose(found[order], convolved, rtol=1e-4)
    problem = ns.Problem()
    digits = problem.variables("digit", shape=3, domain=range(10))
    total = problem.variable("total", domain=range(28))
    problem.add(digits.sum() == total)
    weights = jnp.zeros((4, 28)).at[:3, :10].set(jnp.log(p))
    linear = ns.query(problem.compile(), weights, target=total)
    np.testing.assert_allclose(found[order], np.exp(linear), rtol=1e-4)


def test_a_regular_language_is_that_of_the_constraint():
    moves = {
        ("out", 0): "out",
        ("out", 1): "in",
        ("in", 1): "in",
        ("in", 2): "out",
        ("in", 0): "in",
    }
    circuit = from_state_machine(
        [range(3)] * 6,
        "out",
        lambda state, position, value: moves.get((state, value)),
        lambda state, position: True if position == 6 and state == "out" else None,
    )
    assert len(circuit.answers) == 1
    problem = ns.Problem()
    letters = list(problem.variables("letter", shape=6, domain=range(3)))
    problem.add(ns.Regular(letters, ns.Automaton(("out", "in"), "out", {"out"}, moves)))
    weights = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    wanted = ns.total(problem.compile(), weights)
    np.testing.assert_allclose(circuit.total(weights), wanted, rtol=1e-5)
    count = circuit.total(jnp.ones((6, 3), int), semiring=ns.COUNTING)
    words = itertools.product(range(3), repeat=6)
    accepted = [w for w in words if ns.Automaton(("out", "in"), "out", {"out"}, moves).accepts(w)]
    assert int(count) == len(accepted)


def test_states_with_the_same_future_are_merged():
    # The whole word is remembered, and only its parity asked for.
    circuit = from_state_machine(
        [range(2)] * 8,
        (),
        lambda word, position, bit: (*word, bit),
        lambda word, position: sum(word) % 2 if position == 8 else None,
    )
    assert circuit.rows < 40
    np.testing.assert_array_equal(
        circuit.query(jnp.ones((8, 2), int), semiring=ns.COUNTING), [128, 128]
    )


def test_words_are_cut_where_one_answer_costs_least():
    """Products of fractions: many answers, of which each needs few words."""
    digits = (1, 2, 3, 5, 7)
    domains: list = [digits, "*/", digits, "*/", digits]

    def step(state, position, value):
        if position % 2:
            return (state, value)
        if position == 0:
            return Fraction(value)
        number, operator = state
        return number * value if operator == "*" else number / value

    def answer(state, position):
        return state if position == 5 else None

    words = words_by_answer(domains, None, step, answer)
    circuit = from_state_machine(domains, None, step, answer)
    roots = circuit.tables.roots
    shared = circuit.terms - roots.left.shape[0]
    longest = max(map(len, words.values()))
    assert 1 < roots.longest <= longest
    # Read forward only, every state before the last digit would be shared by all answers.
    before = {
        step(step(step(step(None, 0, a), 1, x), 2, b), 3, y)
        for a, x, b, y in itertools.product(*domains[:4])
    }
    assert shared + roots.longest < len(before) * len(digits)
    counts = circuit.query(jnp.ones((5, 5), int), semiring=ns.COUNTING)
    assert {a: int(n) for a, n in zip(circuit.answers, counts, strict=True)} == {
        a: len(own) for a, own in words.items()
    }


def test_machines_that_are_no_machines():
    def add(total, position, digit):
        return total + digit

    bits = [range(2)] * 3
    with pytest.raises(ValueError, match="length 1 and of length 2 share the answer 0"):
        from_state_machine(bits, 0, add, lambda total, position: total if position else None)
    with pytest.raises(ValueError, match="never answers"):
        from_state_machine(bits, 0, add, lambda total, position: None)
    with pytest.raises(ValueError, match="never answers"):
        from_state_machine(bits, 0, lambda *_: None, lambda total, p: 1 if p == 3 else None)
    with pytest.raises(ValueError, match="position 1 is empty or repeats a value"):
        from_state_machine([[0], [1, 1]], 0, add, lambda total, p: total if p == 2 else None)
    with pytest.raises(ValueError, match="more than 5 moves by position 1"):
        from_state_machine(bits, 0, add, lambda total, p: total if p == 3 else None, max_moves=5)


def test_roots_that_do_not_exist():
    circuit = sum_of_digits(1)
    weights = jnp.zeros((1, 10))
    with pytest.raises(ValueError, match=r"10 roots: say which, as root=circuit.answers.index"):
        circuit.total(weights)
    with pytest.raises(ValueError, match="no root 10; the circuit has 10"):
        circuit.marginals(weights, root=10)
    with pytest.raises(ValueError, match="one integer"):
        circuit.support(weights, root=jnp.arange(2))
    with pytest.raises(ValueError, match="no answer 'ten'"):
        circuit.answers.index("ten")


def test_graph_lists_the_roots_last():
    circuit = sum_of_digits(2)
    values = [0, 1, *[1] * len(circuit.leaves)]
    for terms in circuit.graph():
        values.append(sum(values[a] * values[b] for a, b in terms))
    wanted = np.convolve(np.ones(10, int), np.ones(10, int))
    found = dict(zip(circuit.answers, values[-19:], strict=True))
    assert [found[total] for total in range(19)] == wanted.tolist()


def test_rows_of_a_machine_with_a_single_answer():
    circuit = from_state_machine(
        [range(3)] * 4,
        0,
        lambda total, position, digit: total + digit,
        lambda total, position: True if position == 4 and total == 4 else None,
    )
    values = [0, 1, *[1] * len(circuit.leaves)]
    for terms in circuit.row_terms():
        values.append(sum(values[a] * values[b] for a, b in terms))
    assert values[circuit.root] == values[-1] == 19  # of 81 words
    assert int(circuit.total(jnp.ones((4, 3), int), semiring=ns.COUNTING)) == 19
