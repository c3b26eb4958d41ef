"""Places of the nodes of graphs: chains, grids, and what a reader of a small picture relies on."""

import itertools

import numpy as np
import pytest

from neurosym.plots.graph_layout import graph_layout


def pairs(count):
    return np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)


def formula(seed):
    """A random formula of 3 to 8 variables as a factor graph: nodes, edges."""
    random = np.random.default_rng(seed)
    variables = int(random.integers(3, 9))
    scopes = [
        random.choice(variables, int(random.integers(1, 4)), replace=False)
        for _ in range(int(random.integers(variables, 1.5 * variables + 2)))
    ]
    edges = [(i, variables + n) for n, scope in enumerate(scopes) for i in scope]
    return variables + len(scopes), np.asarray(edges)


def complete(left, right):
    """Edges from each of the first nodes to each of the others."""
    edges = list(itertools.product(range(left), range(left, left + right)))
    return left + right, np.asarray(edges)


def nearest_foreign_edge(places, edges):
    """The least distance of a node from an edge that does not join it, by sampled points."""
    shares = np.linspace(0, 1, 201)[:, None]
    least = np.inf
    for a, b in edges:
        points = places[a] * (1 - shares) + places[b] * shares
        for node in set(range(len(places))) - {int(a), int(b)}:
            least = min(least, np.linalg.norm(points - places[node], axis=1).min())
    return least


def parts(nodes, edges):
    """A label of each node, the same for those that are joined."""
    label = list(range(nodes))
    for _ in range(nodes):
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    return np.asarray(label)


SMALL = {
    **{f"formula {seed}": formula(seed) for seed in (*range(8), 101, 189)},
    "a sum of digits": complete(1, 5),
    "queens": complete(3, 5),
    "a square with a diagonal": (5, np.asarray([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (2, 4)])),
}


@pytest.fixture(scope="module")
def drawn():
    return {name: graph_layout(nodes, edges) for name, (nodes, edges) in SMALL.items()}


@pytest.mark.parametrize("name", SMALL)
def test_in_a_small_graph_no_edge_runs_under_a_node(drawn, name):
    # A circle has a radius of 0.31, the corner of a box is 0.38 from its middle.
    assert nearest_foreign_edge(drawn[name], SMALL[name][1]) > 0.4


@pytest.mark.parametrize("name", SMALL)
def test_a_small_graph_that_is_not_a_chain_fills_its_picture(drawn, name):
    nodes, edges = SMALL[name]
    label = parts(nodes, edges)
    if len(np.unique(label)) > 1 or np.bincount(edges.ravel()).max() <= 2:
        return
    width, height = np.ptp(drawn[name], axis=0) + 1  # with what the nodes take up
    assert 0.6 < width / height < 2.6


def test_a_graph_always_looks_the_same():
    nodes, edges = SMALL["queens"]
    np.testing.assert_array_equal(graph_layout(nodes, edges), graph_layout(nodes, edges))


def test_a_chain_is_a_straight_line_in_order():
    places = graph_layout(9, pairs(9))
    assert np.ptp(places[:, 1]) < 0.1
    np.testing.assert_allclose(np.diff(places[:, 0]), 1, atol=0.1)


def test_a_long_chain_is_folded_and_stays_joined():
    places = graph_layout(100, pairs(100))
    width, height = np.ptp(places, axis=0)
    assert width < 25
    assert height < 25
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 2.5


def test_a_grid_is_a_grid():
    at = np.arange(12).reshape(3, 4)
    across = np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1)
    down = np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1)
    places = graph_layout(12, np.concatenate([across, down])).reshape(3, 4, 2)
    columns, rows = np.diff(places, axis=1), np.diff(places, axis=0)
    assert (np.abs(columns[..., 1]) < 0.3 * np.abs(columns[..., 0])).all()
    assert (np.abs(rows[..., 0]) < 0.3 * np.abs(rows[..., 1])).all()
    assert len(np.unique(np.sign(columns[..., 0]))) == len(np.unique(np.sign(rows[..., 1]))) == 1


@pytest.mark.parametrize(
    ("nodes", "edges"),
    [
        (1, []),
        (5, []),
        (7, [(0, 1), (2, 3), (3, 4)]),
        (8, [(0, n) for n in range(1, 8)]),
        (30, [(0, n) for n in range(1, 30)]),
        (12, [(a, b) for a in range(6) for b in range(6, 12)]),
    ],
)
def test_no_two_nodes_are_on_top_of_each_other(nodes, edges):
    places = graph_layout(nodes, np.asarray(edges, int))
    assert places.shape == (nodes, 2)
    assert places.min() == 0
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert (apart[~np.eye(nodes, dtype=bool)] > 0.6).all()
    for a, b in edges:
        assert apart[a, b] < 6
