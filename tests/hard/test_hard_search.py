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


def queens(size: int) -> ns.Network:
    problem = ns.Problem()
    columns = problem.variables("queen", shape=size, domain=range(size))
    for sign in (-1, 0, 1):
        problem.add(ns.AllDifferent([c + sign * row for row, c in enumerate(columns)]))
    return problem.compile()


def comb(teeth: int) -> ns.Network:
    """A search in the given order goes ``teeth`` deep before it finds anything out.

    The value 1 of a tooth fails at once, but only once it is tried; at the end three variables over
    0, 1 and, where the domains leave it, 2 are to differ.
    """
    problem = ns.Problem()
    x = problem.variables("x", shape=teeth, domain=range(2))
    y = problem.variable("y", domain=range(2))
    z = problem.variables("z", shape=3, domain=range(3))
    for tooth in x:
        problem.add((tooth == 0) | (y == 0), (tooth == 0) | (y == 1))
    problem.add(*(a != b for a, b in itertools.combinations(z, 2)))
    return problem.compile()


def comb_domains(network: ns.Network, teeth: int) -> np.ndarray:
    """``bool[3, V, D]``: without a solution, with 2 · 6 of them, and without any tooth to try."""
    masks = np.stack([np.asarray(network.mask)] * 3)
    masks[0, -3:, 2] = False
    masks[2, :teeth, 1] = False
    return masks


def test_a_full_pool_says_so_and_is_retried_outside_of_a_trace():
    network = comb(20)
    masks = jnp.asarray(comb_domains(network, 20))
    small = {"heuristic": GIVEN_ORDER, "width": 1}

    def search(masks, capacity=None):
        return ns.solve(network, masks, solutions=20, capacity=capacity, **small)

    solved, counted = search(masks), ns.count(network, masks, **small)
    for tally in (solved, counted):
        assert tally.status.tolist() == [UNSATISFIABLE, SOLVED, SOLVED]
        assert tally.count.tolist() == [0, 12, 12]
    found = set(map(tuple, solved.assignment[1, :12].tolist()))
    assert len(found) == 12
    assert all(network.allows(row) for row in found)
    for inside in (jax.jit(search)(masks), jax.vmap(search)(masks), search(masks, 16)):
        assert CAPACITY in inside.status.tolist()
        for status, count, wanted in zip(inside.status, inside.count, (0, 12, 12), strict=True):
            ended = SOLVED if wanted else UNSATISFIABLE
            assert int(status) in (CAPACITY, ended)
            assert int(count) == wanted if int(status) == ended else int(count) <= wanted


def test_node_limits():
    network = queens(6)
    masks = jnp.broadcast_to(network.mask, (4, 6, 6)).at[3, 0, 1:].set(False)

    @jax.jit
    def search(limit):
        first = ns.solve(network, masks, solutions=1, node_limit=limit, width=4)
        every = ns.count(network, masks, node_limit=limit, width=4)
        return first, every

    every = search(None)[1]
    assert every.count.tolist() == [4, 4, 4, 0]
    assert every.status.tolist() == [SOLVED, SOLVED, SOLVED, UNSATISFIABLE]
    for tally in search(0):
        assert tally.status.tolist() == [LIMIT] * 4
        assert tally.count.tolist() == tally.nodes.tolist() == [0] * 4
    last = np.zeros(4, int)
    for limit in (1, 2, 5, 8, 16, 64, 256):
        first, tally = search(limit)
        assert (tally.nodes < limit + 4).all()  # a step takes as many nodes as the width
        assert (tally.count >= last).all()
        last = np.asarray(tally.count)
        cut = tally.status == LIMIT
        assert (cut == (tally.nodes < every.nodes)).all()
        assert (tally.count <= every.count).all()
        assert (first.status[:3] != UNSATISFIABLE).all()
        assert (first.count[first.status == SOLVED] == 1).all()
        assert (first.count[first.status == LIMIT] == 0).all()
    assert not cut.any()
    assert ns.count(network, node_limit=3, width=1).nodes == 3


def test_how_many_solutions_are_wanted():
    network = queens(5)
    for wanted in (0, 7, 12):
        result = ns.solve(network, solutions=wanted, width=4)
        assert result.assignment.shape == (wanted, 5)
        assert int(result.status) == SOLVED
        assert int(result.count) == min(wanted, 10)
        found = result.assignment.tolist()
        assert all(network.allows(row) for row in found[:10])
        assert len(set(map(tuple, found[:10]))) == min(wanted, 10)
        assert found[10:] == [[-1] * 5] * max(0, wanted - 10)
    for at_most in (0, 1, 7, 10, 12, None):
        tally = ns.count(network, at_most=at_most, width=4)
        assert int(tally.count) == min(10, 10 if at_most is None else at_most)
        assert int(tally.status) == SOLVED
    none = ns.count(network, at_most=0, width=4)
    assert int(none.nodes) == 0


@pytest.mark.parametrize(
    ("heuristic", "weighted"),
    [*((heuristic, False) for heuristic in HEURISTICS.values()), (FAILURE_WEIGHTED, True)],
)
def test_any_order_of_variables_and_values_finds_all_solutions(heuristic, weighted):
    network = queens(6)
    masks = np.stack([np.asarray(network.mask)] * 3)
    masks[1, 2, 3:] = False
    masks[2, 0, 1:] = False
    wanted = [
        sum(
            network.allows(row) and all(m[i, v] for i, v in enumerate(row))
            for row in itertools.permutations(range(6))
        )
        for m in masks
    ]
    weights = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
    weights[3] = 0
    weights[4, 2], weights[4, 3], weights[5] = np.inf, np.nan, -np.inf
    result = ns.solve(
        network,
        jnp.asarray(masks),
        solutions=5,
        heuristic=heuristic,
        value_weights=weights if weighted else None,
        width=8,
    )
    assert result.count.tolist() == wanted
    for rows, mask in zip(result.assignment.tolist(), masks, strict=True):
        rows = [tuple(row) for row in rows if row[0] >= 0]
        assert len(set(rows)) == len(rows)
        assert all(network.allows(row) for row in rows)
        assert all(mask[i, v] for row in rows for i, v in enumerate(row))
    assert wanted[0] == 4
    assert wanted[2] == 0


def test_value_weights_say_which_value_comes_first():
    problem = ns.Problem()
    x = problem.variables("x", shape=3, domain=range(70))
    problem.add(x[0] < x[1])
    network = problem.compile()
    weights = np.zeros((3, 70), np.float32)
    weights[0, 40], weights[1, 66], weights[2, 69] = 1, 1, 1
    result = ns.solve(network, value_weights=weights, heuristic=GIVEN_ORDER, width=1)
    assert result.assignment.tolist() == [[40, 66, 69]]
    plain = ns.solve(network, heuristic=GIVEN_ORDER, width=1)
    assert plain.assignment.tolist() == [[0, 1, 0]]


def test_the_smallest_domain_and_the_given_order_come_first():
    problem = ns.Problem()
    x = problem.variable("x", domain=range(4))
    y = problem.variable("y", domain=range(2))
    problem.add(ns.Predicate((x, y), lambda a, b: (a + b) % 2 == 0 or a == 3))
    network = problem.compile()
    # In the given order x = 0 decides y; with the smaller domain first, y = 0 leaves x open.
    deep = ns.solve(network, heuristic=GIVEN_ORDER, width=1)
    assert (deep.assignment.tolist(), int(deep.nodes)) == ([[0, 0]], 2)
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
    network = queens(6)
    masks = np.stack([np.asarray(network.mask)] * 3)
    masks[0, :2] = np.arange(6) == 3
    masks[1, 2] = False
    masks[2] = np.arange(6) == np.asarray([1, 3, 5, 0, 2, 4])[:, None]
    result = ns.solve(network, jnp.asarray(masks), width=4)
    assert result.status.tolist() == [UNSATISFIABLE, UNSATISFIABLE, SOLVED]
    assert result.assignment[2].tolist() == [[1, 3, 5, 0, 2, 4]]
    assert (result.assignment[:2] == -1).all()
    assert result.nodes.tolist() == [1, 1, 1]
    problem = ns.Problem()
    problem.variables("x", shape=3, domain=["only"])
    alone = ns.solve(problem.compile(), solutions=2)
    assert alone.assignment.tolist() == [[0, 0, 0], [-1, -1, -1]]
    assert (int(alone.count), int(alone.status)) == (1, SOLVED)


def test_problems_without_constraints_or_variables():
    problem = ns.Problem()
    problem.variable("x", domain=range(3))
    problem.variable("y", domain="ab")
    network = problem.compile()
    result = ns.solve(network, solutions=8, width=4)
    rows = result.assignment.tolist()
    assert sorted(rows[:6]) == [list(row) for row in itertools.product(range(3), range(2))]
    assert (int(result.count), int(result.status)) == (6, SOLVED)
    assert int(ns.count(network, width=4).count) == 6
    assert ns.propagate(network).domains.mask.astype(int).tolist() == [[1, 1, 1], [1, 1, 0]]
    best = ns.solve_best(network, None, np.asarray([[1, 3, 2], [0.5, 0.25, 9]], np.float32))
    assert (best.assignment.tolist(), float(best.objective)) == ([1, 0], 3.5)
    with pytest.raises(ValueError, match="without variables"):
        ns.Problem().compile()


@pytest.mark.parametrize("batch", [(0,), (2, 0), (0, 3)])
def test_a_batch_of_no_instances(batch):
    network = queens(4)
    masks = jnp.zeros((*batch, 4, 4), bool)

    def everything(masks):
        return (
            ns.solve(network, masks, solutions=2, width=2),
            ns.count(network, masks, width=2),
            ns.solve_best(network, masks, jnp.zeros((4, 4)), width=2),
            ns.propagate(network, masks),
        )

    for run in (everything, jax.jit(everything)):
        solved, counted, best, propagated = run(masks)
        assert solved.assignment.shape == (*batch, 2, 4)
        assert counted.count.shape == solved.status.shape == counted.nodes.shape == batch
        assert best.assignment.shape == (*batch, 4)
        assert best.objective.shape == best.bound.shape == batch
        assert best.objective.dtype == jnp.float32
        assert propagated.domains.lanes.shape == (*batch, 4, 1)


@pytest.mark.parametrize("values", [1, 2, 63, 64, 65, 200, 4096])
def test_domains_of_any_size(values):
    """In every width of lanes, from one narrow word to 64 wide ones."""
    gap = min(3, values - 1)
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(values))
    problem.add(abs(x - y) == gap, z >= values // 2)
    network = problem.compile()
    masks = np.ones((3, 3, values), bool)
    masks[:, 2] = np.arange(values) == values - 1
    masks[1, 0, 1:-1] = False
    masks[2, 2] = np.arange(values) < values // 2
    kept = min(2 * values, 400)
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
    network = queens(4)
    masks = jnp.ones((4, 4), bool)
    for arguments, message in [
        ({"solutions": -1}, "solutions to find is not negative: -1"),
        ({"node_limit": -1}, "limit on nodes is not negative: -1"),
        ({"width": 0}, "width of a search is positive, not 0"),
        ({"width": 8, "capacity": 31}, "a pool of width 8 holds at least 32 nodes"),
        ({"value_weights": jnp.zeros((4, 5))}, r"\[V, D\] = \[4, 4\], not \[4, 5\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            ns.solve(network, masks, **arguments)
    with pytest.raises(ValueError, match="count to stop at is not negative: -2"):
        ns.count(network, masks, at_most=-2)
    for wrong in (jnp.ones((4, 5), bool), jnp.ones((2, 3, 4), bool)):
        with pytest.raises(ValueError, match=r"\[V, D\] = \[4, 4\]"):
            ns.solve(network, wrong)
    with pytest.raises(ValueError, match=r"a domain mask is bool\[V, D\], not float32\[4, 4\]"):
        ns.count(network, jnp.ones((4, 4)))
    # The smallest pool is enough where the search is not deep.
    assert int(ns.count(network, masks, width=8, capacity=32).count) == 2
