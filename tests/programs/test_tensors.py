"""The tensor road against the other road wherever both mean the same, and against brute force."""

import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.programs import ProgramError
from neurosym.semirings import BOOLEAN, COUNTING, MAX_MIN, MAX_TIMES, MIN_PLUS, REAL

REACH = "reach(X, Y) :- edge(X, Y).\nreach(X, Y) :- reach(X, Z), edge(Z, Y).\n"
NODES = 6


def edges(seed, *, acyclic=False, count=9):
    """Facts of a random graph, as text and as probabilities [N, N]; all nodes are mentioned."""
    chance = np.random.default_rng(seed)
    pairs = [(a, b) for a, b in itertools.permutations(range(NODES), 2) if a < b or not acyclic]
    weights = np.zeros((NODES, NODES))
    for n in chance.permutation(len(pairs))[:count]:
        weights[pairs[n]] = chance.integers(1, 10) / 10
    lines = [f"{weights[a, b]}::edge({a}, {b})." for a, b in np.argwhere(weights > 0) if a != b]
    lines.append(f"0.0::edge(0, {NODES - 1}). 0.0::edge({NODES - 1}, 0). ")
    lines += [f"0.0::edge({a}, {a})." for a in range(NODES)]
    return "\n".join(lines) + "\n" + REACH, weights


def walked(weights, product, best, start):
    """Brute force: the best of products along all walks without a cycle, from one node."""
    found = {}

    def go(node, value, seen):
        for to in np.flatnonzero(weights[node] > 0).tolist():
            now = product(value, weights[node, to])
            found[to] = best(found.get(to, now), now)
            if to not in seen:
                go(to, now, seen | {to})

    go(start, None, {start})
    return found


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_where_both_roads_mean_the_same(seed):
    text, weights = edges(seed)
    program = ns.Program.parse(text)
    question = program.tensors("reach(0, Y)", domains={"edge/2": (NODES, NODES)})
    strongest = walked(weights, lambda x, y: y if x is None else min(x, y), max, 0)
    likeliest = walked(weights, lambda x, y: y if x is None else x * y, max, 0)
    for name, semiring, reference in (
        ("max_min", MAX_MIN, strongest),
        ("max_times", MAX_TIMES, {k: np.log(v) for k, v in likeliest.items()}),
    ):
        found = question(semiring=semiring)
        values = dict(zip(question.answers, np.asarray(found.value), strict=True))
        assert int(found.status) == 0
        other = program.query("reach(0, Y)", semiring=name)
        circuit = dict(zip(program.answers("reach(0, Y)"), np.asarray(other), strict=True))
        for to in range(NODES):
            wanted = reference.get(to, semiring.zero)
            answer = f"reach(0, {to})"
            np.testing.assert_allclose(values[answer], wanted, rtol=1e-5)
            if to in reference:
                np.testing.assert_allclose(values[answer], circuit[answer], rtol=1e-5)
    holds = np.asarray(question(semiring=BOOLEAN).value)
    np.testing.assert_array_equal(holds, [to in strongest for to in range(NODES)])


def test_one_row_of_a_relation_is_enough():
    text, _ = edges(1)
    program = ns.Program.parse(text)
    domains = {"edge/2": (NODES, NODES)}
    whole = program.tensors("reach(X, Y)", domains=domains)
    table = np.asarray(whole(semiring=MIN_PLUS).value).reshape(NODES, NODES)
    row = program.tensors("reach(2, Y)", domains=domains)
    assert all("reach of" in name or name == "edge/2" for name in row.domains)
    np.testing.assert_array_equal(row(semiring=MIN_PLUS).value, table[2])
    assert row.answers == tuple(f"reach(2, {n})" for n in range(NODES))


def test_counts_and_sums_of_derivations():
    text, weights = edges(0, acyclic=True)
    question = ns.Program.parse(text).tensors("reach(X, Y)", domains={"edge/2": (NODES, NODES)})
    step = (weights > 0).astype(int)
    powers = [np.linalg.matrix_power(step, n) for n in range(1, NODES)]
    counts = question(semiring=COUNTING)
    np.testing.assert_array_equal(
        np.asarray(counts.value).reshape(NODES, NODES), np.sum(powers, axis=0)
    )
    powers = [np.linalg.matrix_power(weights, n) for n in range(1, NODES)]
    sums = np.asarray(question(semiring=REAL).value).reshape(NODES, NODES)
    np.testing.assert_allclose(sums, np.sum(powers, axis=0), rtol=1e-5)


def test_gradients_of_an_open_relation():
    """Shortest paths by Floyd and Warshall, and the gradient by differences."""
    program = ns.Program.parse("t(_)::edge(X, Y).\n" + REACH)
    question = program.tensors("reach(0, Y)", domains={"edge/2": (NODES, NODES)})
    assert question.open == {"edge": (NODES, NODES)}
    costs = np.random.default_rng(0).uniform(1, 2, (NODES, NODES)).astype(np.float32)
    costs[0, 1:3] += 9

    def total(costs):
        return question(semiring=MIN_PLUS, edge=costs).value.sum()

    def reference(costs):
        best = costs.astype(float).copy()
        for k in range(NODES):
            best = np.minimum(best, best[:, k, None] + best[None, k])
        return best[0].sum()

    value, gradient = jax.jit(jax.value_and_grad(total))(jnp.asarray(costs))
    assert value == pytest.approx(reference(costs), rel=1e-5)
    differences = np.zeros_like(costs)
    for place in np.ndindex(*costs.shape):
        moved = costs.astype(float).copy()
        moved[place] += 1e-4
        differences[place] = (reference(moved) - reference(costs)) / 1e-4
    np.testing.assert_allclose(gradient, differences, atol=1e-3)


def test_same_generation_constants_comparisons_and_weights():
    text = """
        parent(a, c). parent(a, d). parent(b, e). parent(c, f). parent(d, g). parent(e, h).
        0.5::parent(b, c). 0.5::parent(b, c).
        same(X, Y) :- parent(P, X), parent(P, Y), X \\= Y.
        same(X, Y) :- parent(P, X), same(P, Q), parent(Q, Y).
        0.25::special(f) :- same(f, X).
        special(X) :- same(X, g).
    """
    program = ns.Program.parse(text)
    question = program.tensors("same(X, Y)")
    found = np.asarray(question(semiring=BOOLEAN).value)
    derived = {text for text, own in zip(question.answers, found, strict=True) if own}
    pairs = ("cd", "fg", "ce", "fh")
    assert derived == {f"same({x}, {y})" for p in pairs for x, y in (p, p[::-1])}
    own = program.tensors("special(f)")
    for name, semiring in (("max_min", MAX_MIN), ("max_times", MAX_TIMES)):
        other = program.query("special(f)", semiring=name)
        same = program.query("special(f)", semiring=name, road="tensors")
        np.testing.assert_array_equal(own(semiring=semiring).value, same)
        np.testing.assert_allclose(own(semiring=semiring).value, other, rtol=1e-5)
    twice = program.tensors("parent(b, c)")
    assert float(twice(semiring=REAL).value[0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.5::a(1). q(X) :- a(X), \\+ b(X). b(2).", "not not"),
        ("0.5::a(1); 0.5::a(2). q(X) :- a(X).", "annotated disjunctions"),
        ("a(1). q(X) :- a(_).", "X of the head is not bound"),
        ("a(1). q(X) :- a(X), Y > 1.", "Y of"),
        ("a(1). b(1, 1). q(X) :- b(X, X).", "stands once"),
        ("t(_)::a(X). q(X) :- a(X).", "a is open"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ProgramError, match=message):
        ns.Program.parse(text).tensors("q(X)")(semiring=BOOLEAN)


def test_roads_that_are_not_there():
    program = ns.Program.parse("0.5::a(1). q(X) :- a(X). evidence(a(1)).")
    with pytest.raises(ProgramError, match="no evidence"):
        program.query("q(X)", road="tensors")
    with pytest.raises(ProgramError, match="circuits"):
        program.query("q(X)", road="rail")


def test_relations_that_do_not_fit():
    question = ns.Program.parse("t(_)::a(X). q(X) :- a(X).").tensors("q(X)", domains={"a/1": (3,)})
    with pytest.raises(ProgramError, match="no open relation 'b'"):
        question(semiring=BOOLEAN, a=np.ones(3, bool), b=np.ones(3, bool))
    with pytest.raises(ProgramError, match=r"a is \[3\] over its domains, not \[4\]"):
        question(semiring=BOOLEAN, a=np.ones(4, bool))
    with pytest.raises(ProgramError, match="domains are given by"):
        ns.Program.parse("a(1). q(X) :- a(X).").tensors("q(X)", domains={"a": (3,)})
    with pytest.raises(ProgramError, match="7 is outside of the domain"):
        ns.Program.parse("a(7). q(X) :- a(X).").tensors("q(X)", domains={"a/1": (3,)})


@pytest.mark.slow
def test_a_hundred_thousand_facts_load_in_seconds():
    chance = np.random.default_rng(0)
    pairs = np.unique(chance.integers(0, 1000, (110_000, 2)), axis=0)[:100_000]
    text = "\n".join(f"edge({a},{b})." for a, b in pairs.tolist()) + "\n" + REACH
    start = time.perf_counter()
    question = ns.Program.parse(text).tensors("reach(0, Y)")
    assert np.asarray(question(semiring=BOOLEAN).value).sum() == 1000
    assert time.perf_counter() - start < 60
