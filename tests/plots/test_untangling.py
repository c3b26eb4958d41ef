"""Untangling: what it takes away, and that the cost of a move is the difference of two costs."""

import itertools

import numpy as np
import pytest

from neurosym.plots.untangling import _costs_of_places, _Graph, cost, untangled

SQUARE = np.asarray([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (2, 4)])


def meet(a, b, c, d):
    """Whether segments cross, by solving for the point where their lines do."""
    try:
        s, t = np.linalg.solve(np.stack([b - a, c - d], axis=1), c - a)
    except np.linalg.LinAlgError:
        return False
    return 0 < s < 1 and 0 < t < 1


def foreign_edges(places, edges):
    """How far each node is from each edge that does not join it, by points along the edge."""
    shares = np.linspace(0, 1, 201)[:, None]
    for a, b in edges:
        along = places[a] * (1 - shares) + places[b] * shares
        for node in set(range(len(places))) - {int(a), int(b)}:
            yield np.linalg.norm(along - places[node], axis=1).min()


def crossings(places, edges):
    pairs = itertools.combinations(edges, 2)
    return sum(meet(*places[[*e, *f]]) for e, f in pairs if not set(e) & set(f))


@pytest.mark.parametrize("seed", range(4))
def test_edges_come_out_from_under_nodes_and_from_each_other(seed):
    wanted = np.full((5, 5), 1.5)
    tangled = np.random.default_rng(seed).random((5, 2))
    tangled[4] = tangled[[0, 2]].mean(axis=0)  # under the diagonal
    found = untangled(tangled, SQUARE, wanted)
    assert cost(found, SQUARE, wanted) < cost(tangled, SQUARE, wanted)
    assert min(foreign_edges(tangled, SQUARE)) < 0.01
    assert min(foreign_edges(found, SQUARE)) > 0.4
    assert crossings(found, SQUARE) == 0


def test_places_that_are_good_stay():
    wanted = np.asarray([[0.0, 2, 2], [2, 0, 2], [2, 2, 0]])
    good = np.asarray([[0, 0], [2, 0], [1, np.sqrt(3)]])
    np.testing.assert_array_equal(untangled(good, np.asarray([(0, 1), (1, 2)]), wanted), good)


def test_a_line_is_wide_and_costs_more_than_a_ring():
    edges = np.stack([np.arange(8), np.roll(np.arange(8), -1)], axis=1)
    apart = np.abs(np.arange(8)[:, None] - np.arange(8))
    wanted = np.minimum(apart, 8 - apart).astype(float)
    angles = np.arange(8) / 8 * 2 * np.pi
    ring = 1.3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    line = ring * (2.0, 0.05)
    assert cost(ring, edges, wanted) < 0.5 * cost(line, edges, wanted)


@pytest.mark.parametrize("seed", range(3))
def test_the_cost_of_a_move_is_the_difference_of_two_costs(seed):
    random = np.random.default_rng(seed)
    edges = np.asarray([(i, 5 + n) for n in range(4) for i in random.permutation(5)[:3]])
    wanted = 1 + random.random((9, 9))
    wanted = wanted + wanted.T
    places = 2 * random.random((9, 2))
    for node in range(9):
        tried = 2 * random.random((5, 2))
        told = _costs_of_places(places, node, tried, _Graph(edges, wanted))
        moved = [np.concatenate([places[:node], [p], places[node + 1 :]]) for p in tried]
        whole = np.asarray([cost(m, edges, wanted) for m in moved])
        np.testing.assert_allclose(told - told[0], whole - whole[0], atol=1e-9)
