"""How a search ends, what its arguments do, and what it refuses."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.hard import FAILURE_WEIGHTED, GIVEN_ORDER, HEURISTICS, SMALLEST_DOMAIN
from neurosym.hard.enumeration import MOST, Enumeration
from neurosym.hard.nodes import Layout, to_columns
from neurosym.hard.pool import Front

SOLVED, UNSATISFIABLE, LIMIT, CAPACITY = ns.SearchStatus


SIZE = 5
KEPT = 8
BATCH = 4
WIDTH = 4
USUAL = {"width": WIDTH, "node_limit": 10**6}


def queens() -> ns.Network:
    problem = ns.Problem()
    columns = problem.variables("queen", shape=SIZE, domain=range(SIZE))
    for sign in (-1, 0, 1):
        problem.add(ns.AllDifferent([c + sign * row for row, c in enumerate(columns)]))
    return problem.compile()


def solve(masks, **arguments) -> ns.hard.Solutions:
    """Always the same program, unless the arguments make another one necessary."""
    masks = jnp.broadcast_to(jnp.asarray(masks), (BATCH, SIZE, SIZE))
    return ns.solve(queens(), masks, **(USUAL | {"solutions": KEPT} | arguments))


def count(masks, **arguments) -> ns.hard.Tally:
    masks = jnp.broadcast_to(jnp.asarray(masks), (BATCH, SIZE, SIZE))
    return ns.count(queens(), masks, **(USUAL | arguments))


EVERYWHERE = np.ones((SIZE, SIZE), bool)


def some_masks() -> tuple[np.ndarray, list[set[tuple[int, ...]]]]:
    """Sub-domains, and the solutions in each: all ten, some, one, none."""
    network = queens()
    rows = [row for row in itertools.permutations(range(SIZE)) if network.allows(row)]
    masks = np.stack([EVERYWHERE] * BATCH)
    masks[1, 0, 2:] = False
    masks[2] = np.arange(SIZE) == np.asarray(rows[3])[:, None]
    masks[3, :2] = np.arange(SIZE) == 1
    inside = [{row for row in rows if all(m[i, v] for i, v in enumerate(row))} for m in masks]
    assert [len(found) for found in inside] == [10, 4, 1, 0]
    return masks, inside


def comb(teeth: int) -> ns.Network:
    """A search in the given order goes ``teeth`` deep before it finds anything out.

    The value 1 of a tooth fails at once, but only once it is tried; at the end of it two variables
    have no values that fit, unless the last one is 1. ``off`` is 0.
    """
    problem = ns.Problem()
    x = problem.variables("x", shape=teeth, domain=range(2))
    y, off, p, q, last = (problem.variable(name, domain=range(2)) for name in "yopql")
    for tooth in x:
        problem.add(*((tooth == 0) | (y == value) | (off == 1) for value in range(2)))
    problem.add(*((p == a) | (q == b) | (last == 1) for a in range(2) for b in range(2)))
    return problem.compile()


def test_a_full_pool_says_so_and_is_retried_outside_of_a_trace():
    teeth = 20
    network = comb(teeth)
    masks = np.stack([np.asarray(network.mask)] * 3)
    masks[:, teeth + 1, 1] = False
    masks[0, -1, 1] = masks[1, -1, 0] = masks[2, -1, 0] = False  # no solution, or 2 · 4 of them
    masks[2, :teeth, 1] = False  # no tooth to try
    wanted = (0, 8, 8)
    small = {"heuristic": GIVEN_ORDER, "width": 1}

    def search(masks, capacity=None):
        return ns.solve(network, masks, solutions=10, capacity=capacity, **small)

    solved, counted = search(masks), ns.count(network, masks, **small)
    for tally in (solved, counted):
        assert tally.status.tolist() == [UNSATISFIABLE, SOLVED, SOLVED]
        assert tally.count.tolist() == list(wanted)
    found = set(map(tuple, solved.assignment[1, :8].tolist()))
    assert len(found) == 8
    assert all(network.allows(row) for row in found)
    for inside in (jax.vmap(search)(masks), search(masks, 16)):
        assert CAPACITY in inside.status.tolist()
        for status, number, most in zip(inside.status, inside.count, wanted, strict=True):
            ended = SOLVED if most else UNSATISFIABLE
            assert int(status) in (CAPACITY, ended)
            assert int(number) == most if int(status) == ended else int(number) <= most


def test_node_limits():
    masks, _ = some_masks()
    every = count(masks)
    last = np.zeros(BATCH, int)
    for limit in (0, 1, 2, 5, 8, 16, 256):
        tally = count(masks, node_limit=limit)
        cut = tally.status == LIMIT
        assert (tally.nodes < max(1, limit + WIDTH)).all()  # a step takes several nodes
        assert (tally.count >= last).all()
        assert (tally.count <= every.count).all()
        assert (cut == (tally.nodes < every.nodes)).all()
        np.testing.assert_array_equal(tally.count[~cut], every.count[~cut])
        np.testing.assert_array_equal(tally.status[~cut], every.status[~cut])
        last = np.asarray(tally.count)
        if limit == 0:
            assert cut.all()
            assert tally.nodes.tolist() == tally.count.tolist() == [0] * BATCH
    assert not cut.any()


def test_how_many_solutions_are_wanted():
    masks, inside = some_masks()
    result = solve(masks)
    assert result.assignment.shape == (BATCH, KEPT, SIZE)
    assert result.count.tolist() == [8, 4, 1, 0]
    assert result.status.tolist() == [SOLVED] * 3 + [UNSATISFIABLE]
    for rows, found, wanted in zip(result.assignment, result.count, inside, strict=True):
        listed = set(map(tuple, rows[: int(found)].tolist()))
        assert len(listed) == int(found)
        assert listed <= wanted
        assert (rows[int(found) :] == -1).all()
    for at_most in (0, 1, 7, 10, 12, None):
        tally = count(masks, at_most=at_most)
        most = 10 if at_most is None else at_most
        assert tally.count.tolist() == [min(most, n) for n in (10, 4, 1, 0)]
        assert tally.status.tolist()[:3] == [SOLVED] * 3
        assert int(tally.status[3]) == (UNSATISFIABLE if most else SOLVED)
    assert count(masks, at_most=0).nodes.tolist() == [0] * BATCH
    none = solve(masks, solutions=0)
    assert none.assignment.shape == (BATCH, 0, SIZE)
    assert none.count.tolist() == [0] * BATCH


@pytest.mark.parametrize(
    ("heuristic", "weighted"),
    [(SMALLEST_DOMAIN, False), (FAILURE_WEIGHTED, False), (GIVEN_ORDER, True)],
)
def test_any_order_of_variables_and_values_finds_all_solutions(heuristic, weighted):
    assert heuristic in HEURISTICS.values()
    masks, inside = some_masks()
    weights = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    weights[1, 2], weights[2, 3], weights[3], weights[4] = np.inf, np.nan, -np.inf, 0
    value_weights = weights if weighted else None
    result = solve(masks, heuristic=heuristic, value_weights=value_weights)
    assert result.count.tolist() == [8, 4, 1, 0]
    for rows, wanted in zip(result.assignment.tolist(), inside, strict=True):
        rows = [tuple(row) for row in rows if row[0] >= 0]
        assert len(set(rows)) == len(rows)
        assert set(rows) <= wanted


def test_value_weights_say_which_value_comes_first():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(70))
    problem.add(x[0] < x[1])
    network = problem.compile()
    weights = np.zeros((3, 70), np.float32)
    weights[0, 40], weights[1, 66], weights[2, 69] = 1, 1, 1
    result = ns.solve(network, value_weights=weights, heuristic=GIVEN_ORDER, width=1)
    assert result.assignment.tolist() == [[40, 66, 69]]


def test_the_smallest_domain_comes_first():
    problem = ns.Problem()
    x = problem.variable("x", domain=range(4))
    y = problem.variable("y", domain=range(2))
    problem.add(ns.Predicate((x, y), lambda a, b: (a + b) % 2 == 0 or a == 3))
    network = problem.compile()
    # In the given order x = 0 would decide y at once; y = 0 leaves x open.
    flat = ns.solve(network, heuristic=SMALLEST_DOMAIN, width=1)
    assert (flat.assignment.tolist(), int(flat.nodes)) == ([[0, 0]], 3)


def test_failures_guide_the_search():
    """What fails is decided first, so an unsolvable part is not met again and again."""
    problem = ns.Problem()
    x = problem.variables("x", shape=12, domain=range(4))
    pigeons = problem.variables("pigeon", shape=4, domain=range(4))
    holes = [pigeon.isin(range(3)) for pigeon in pigeons]
    problem.add(*(a != b for a, b in itertools.pairwise(x)))
    problem.add(*holes, *(a != b for a, b in itertools.combinations(pigeons, 2)))
    network = problem.compile()
    nodes = {}
    for heuristic in (FAILURE_WEIGHTED, GIVEN_ORDER):
        result = ns.solve(network, heuristic=heuristic, node_limit=4000, width=8)
        nodes[heuristic] = int(result.nodes)
        assert int(result.status) == (LIMIT if heuristic == GIVEN_ORDER else UNSATISFIABLE)
    assert nodes[FAILURE_WEIGHTED] < 1000


def test_contradictory_domains_and_domains_of_one_value():
    masks = np.stack([EVERYWHERE] * BATCH)
    masks[0, :2] = np.arange(SIZE) == 3
    masks[1, 2] = False
    masks[2] = np.arange(SIZE) == np.asarray([0, 2, 4, 1, 3])[:, None]
    masks[3] = np.arange(SIZE) == np.asarray([0, 2, 4, 3, 1])[:, None]
    result = solve(masks)
    assert result.status.tolist() == [UNSATISFIABLE, UNSATISFIABLE, SOLVED, UNSATISFIABLE]
    assert result.assignment[2, 0].tolist() == [0, 2, 4, 1, 3]
    assert result.count.tolist() == [0, 0, 1, 0]
    assert result.nodes.tolist() == [1, 1, 1, 1]


def test_problems_without_constraints_or_variables():
    problem = ns.Problem()
    problem.variable("x", domain=range(3))
    problem.variable("y", domain="ab")
    network = problem.compile()
    result = ns.solve(network, solutions=8, width=4)
    rows = result.assignment.tolist()
    assert sorted(rows[:6]) == [list(row) for row in itertools.product(range(3), range(2))]
    assert (int(result.count), int(result.status)) == (6, SOLVED)
    assert ns.propagate(network).domains.mask.astype(int).tolist() == [[1, 1, 1], [1, 1, 0]]
    best = ns.solve_best(network, None, np.asarray([[1, 3, 2], [0.5, 0.25, 9]], np.float32))
    assert (best.assignment.tolist(), float(best.objective)) == ([1, 0], 3.5)
    with pytest.raises(ValueError, match="without variables"):
        ns.Problem().compile()


@pytest.mark.parametrize("batch", [(0,), (2, 0), (0, 3)])
def test_a_batch_of_no_instances(batch):
    network = queens()
    masks = jnp.zeros((*batch, SIZE, SIZE), bool)

    def everything(masks):
        return (
            ns.solve(network, masks, solutions=2, width=2),
            ns.count(network, masks, width=2),
            ns.solve_best(network, masks, jnp.zeros((SIZE, SIZE)), width=2),
            ns.propagate(network, masks),
        )

    for run in (everything, jax.jit(everything)):
        solved, counted, best, propagated = run(masks)
        assert solved.assignment.shape == (*batch, 2, SIZE)
        assert counted.count.shape == solved.status.shape == counted.nodes.shape == batch
        assert best.assignment.shape == (*batch, SIZE)
        assert best.objective.shape == best.bound.shape == batch
        assert best.objective.dtype == jnp.float32
        assert propagated.domains.lanes.shape == (*batch, SIZE, 1)


@pytest.mark.parametrize(
    "values", [1, 2, 63, 64, 65, 200, pytest.param(4096, marks=pytest.mark.slow)]
)
def test_domains_of_any_size(values):
    """In every width of lanes, from one narrow word to 64 wide ones."""
    gap = min(3, values - 1)
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(values))
    problem.add(abs(x - y) == gap, z.isin(range(values // 2, values)))
    network = problem.compile()
    masks = np.ones((3, 3, values), bool)
    masks[:, 2] = np.arange(values) == values - 1
    masks[1, 0, 1:-1] = False
    masks[2, 2] = np.arange(values) < values // 2
    kept = 128
    result = ns.solve(network, jnp.asarray(masks), solutions=kept, width=16)
    pairs = {(a, a + d) for a in range(values) for d in (gap, -gap) if 0 <= a + d < values}
    ends = {(a, b) for a, b in pairs if a in (0, values - 1)}
    for n, wanted in enumerate((pairs, ends, set())):
        found = int(result.count[n])
        assert found == min(len(wanted), kept)
        assert int(result.status[n]) == (SOLVED if wanted else UNSATISFIABLE)
        rows = result.assignment[n].tolist()
        assert all(row == [-1, -1, -1] for row in rows[found:])
        listed = {(a, b) for a, b, _ in rows[:found]}
        assert len(listed) == found
        assert listed <= wanted
        assert all(c == values - 1 for _, _, c in rows[:found])


def test_scopes_that_repeat_a_variable():
    """Every kind that allows it, against its meaning in plain Python."""
    automaton = ns.Automaton(
        range(3), 0, [0, 2], {(s, v): (s + v) % 3 for s in range(3) for v in range(4) if s != v}
    )

    def accepted(*word):
        state = 0
        for value in word:
            if state == value:
                return False
            state = (state + value) % 3
        return state != 1

    cases = [
        (lambda x, y, z: ns.Linear((x, x, y), (1, 1, -1), "==", 2), lambda x, y, z: 2 * x - y == 2),
        (lambda x, y, z: x + y - x >= 2 * z, lambda x, y, z: y >= 2 * z),
        (lambda x, y, z: abs(x - y - x) == 3, lambda x, y, z: y == 3),
        (lambda x, y, z: (x == 1) | (x == 3) | (y == 0), lambda x, y, z: x in (1, 3) or y == 0),
        (
            lambda x, y, z: ns.Count([x, x, y], {2, 3}, "==", z),
            lambda x, y, z: 2 * (x > 1) + (y > 1) == z,
        ),
        (
            lambda x, y, z: ns.Predicate((x, z, x), lambda a, b, c: a + c == b + 1),
            lambda x, y, z: 2 * x == z + 1,
        ),
        (lambda x, y, z: ns.Regular([z, y, z], automaton), lambda x, y, z: accepted(z, y, z)),
        (lambda x, y, z: ns.Element(x, [y, x, z, 1], y), lambda x, y, z: [y, x, z, 1][x] == y),
        (lambda x, y, z: ns.Implies(x == 1, x + z <= 2), lambda x, y, z: x != 1 or z <= 1),
        (
            lambda x, y, z: ns.Reified(x >= 2, x + x + y >= z + 4),
            lambda x, y, z: (x >= 2) == (2 * x + y >= z + 4),
        ),
    ]
    problem = ns.Problem()
    triples = [list(p) for p in itertools.product(range(4), repeat=3)]
    wanted = [[p for p in triples if holds(*p)] for _, holds in cases]
    masks = np.ones((len(cases), len(cases), 3, 4), bool)
    for n, (declare, _) in enumerate(cases):
        problem.add(declare(*problem.variables(f"x{n}", shape=3, domain=range(4))))
        assert 0 < len(wanted[n]) < 64
        masks[:, n] = np.arange(4) == np.asarray(wanted[n][0])[:, None]
        masks[n, n] = True  # the others are held to a solution of theirs
    network = problem.compile()
    result = ns.solve(network, masks.reshape(len(cases), -1, 4), solutions=64, width=32)
    for n, rows in enumerate(np.asarray(result.assignment)):
        found = rows[: result.count[n], 3 * n : 3 * n + 3]
        assert sorted(found.tolist()) == wanted[n]


def test_counts_saturate():
    layout = Layout(3, 1, "uint8")
    goal = Enumeration(layout, 4, jnp.int32(MOST), 0)
    with jax.enable_x64(True):
        lanes = jnp.ones((3, 1, 4), jnp.uint8)
        owner = jnp.asarray([0, 1, 1, 2], jnp.int32)
        front = Front(lanes, to_columns(layout, lanes), owner, jnp.ones(4, bool))
        start = goal.start(3)
        start = start._replace(number=jnp.asarray([MOST, MOST - 1, 5], jnp.int32))
        after = goal.record(start, front, None, jnp.asarray([True, True, True, True]))
    assert after.number.tolist() == [MOST, MOST, 6]
    assert not goal.wanted(after, jnp.asarray([0, 1])).any()


def test_what_is_refused():
    for arguments, message in [
        ({"solutions": -1}, "solutions to find is .*-1"),
        ({"node_limit": -1}, "limit on nodes is .*-1"),
        ({"width": 0}, "width of a search is .* 0"),
        ({"width": 8, "capacity": 31}, "a pool of width 8 holds at least 32 nodes"),
        ({"value_weights": jnp.zeros((5, 6))}, r"\[V, D\] = \[5, 5\], not \[5, 6\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            solve(EVERYWHERE, **arguments)
    with pytest.raises(ValueError, match=r"count to stop at is .*-2"):
        count(EVERYWHERE, at_most=-2)
    for wrong in (jnp.ones((5, 6), bool), jnp.ones((2, 4, 5), bool)):
        with pytest.raises(ValueError, match=r"\[V, D\] = \[5, 5\]"):
            ns.solve(queens(), wrong)
    with pytest.raises(ValueError, match=r"a domain mask is bool\[V, D\], not float32\[5, 5\]"):
        ns.count(queens(), jnp.ones((5, 5)))
    # The smallest pool is enough where the search is not deep.
    assert int(ns.count(queens(), width=8, capacity=32).count) == 10
