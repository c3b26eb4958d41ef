"""Small graphs made legible: no edge under a foreign node, few crossings, a picture that is filled.

Distances alone do not see edges. On the left, node 4 is where its distances want it, and yet nobody
can tell whether one edge joins 0 and 2, or two edges join them to 4:

    0 ───── 4 ───── 2        ─▶        0 ───────────── 2
                                              4

So each node in turn tries places around itself and takes the one that costs least, until no node
moves. The cost is the energy of Davidson and Harel 1996, "Drawing graphs nicely using simulated
annealing" (https://doi.org/10.1145/234535.234538), with the stress of `graph_layout` in the place
of repulsion; it is descended greedily, without annealing.
"""

import math
from typing import NamedTuple

import numpy as np

APART = 0.82
"""The least distance of two nodes, where an edge is about 1 long."""

CLEAR = 0.48
"""The least distance of an edge from a node that it does not join."""

_WIDEST, _HIGHEST = 2.0, 1.1  # width by height beyond which a picture costs more, and the reverse
_ROOM = 1.0  # what a node takes up of the picture's width and height
_RINGS = (0.08, 0.25, 0.6, 1.2, 2.2)  # the distances that a node tries
_DIRECTIONS = 12
_ANYWHERE = 8  # places all over the picture that it tries as well
_VISITS = 300  # of nodes, in all
_GAIN = 2e-2  # a lower cost that is not worth a move

# What things cost. The unit is one distance that is twice or half as long as it should be.
_UNDER = 6.0  # an edge through a node; half of it as soon as it is nearer than CLEAR
_CROSSING = 1.5
_TOUCHING = 12.0  # two nodes at one place
_STRETCHED = 6.0  # a picture that is e times as wide or high as it may be


class _Graph(NamedTuple):
    """What the cost of places is made of."""

    edges: np.ndarray  # int[E, 2]
    target: np.ndarray  # float[N, N]: the distances that are wanted


def untangled(positions: np.ndarray, edges: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Moves nodes to places that cost less, until no move helps.

    Args:
      positions: float ``[N, 2]``, where to start.
      edges: int ``[E, 2]``, pairs of nodes.
      target: float ``[N, N]``, the distances that are wanted.

    Returns:
      float ``[N, 2]``.
    """
    graph = _Graph(edges, target)
    random = np.random.default_rng(0)
    positions = positions.copy()
    for _ in range(max(3, _VISITS // len(positions))):
        moved = False
        for node in range(len(positions)):
            places = _places(positions, node, graph, random)
            costs = _costs_of_places(positions, node, places, graph)
            best = int(costs.argmin())
            if costs[best] < costs[0] - _GAIN:
                positions[node] = places[best]
                moved = True
        if not moved:
            break
    return positions


def cost(positions: np.ndarray, edges: np.ndarray, target: np.ndarray) -> float:
    """The cost of places: wrong distances, edges under nodes, crossings, a narrow picture.

    Args:
      positions: float ``[N, 2]``.
      edges: int ``[E, 2]``, pairs of nodes.
      target: float ``[N, N]``, the distances that are wanted.
    """
    nodes = np.arange(len(positions))
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    total = _pair_costs(distances, target)[np.triu_indices(len(nodes), 1)].sum()
    starts, ends = positions[edges[:, 0]], positions[edges[:, 1]]
    foreign = (nodes[:, None] != edges[:, 0]) & (nodes[:, None] != edges[:, 1])
    total += (_under_costs(_from_edges(positions[:, None], starts, ends)) * foreign).sum()
    total += _CROSSING * _cross(starts[:, None], ends[:, None], starts, ends).sum() / 2
    return float(total + _shape_costs(positions.min(axis=0), positions.max(axis=0)))


def _places(
    positions: np.ndarray, node: int, graph: _Graph, random: np.random.Generator
) -> np.ndarray:
    """Where a node might stand, its own place first, ``float[P, 2]``."""
    here = positions[node]
    angles = (np.arange(_DIRECTIONS) + random.random()) * 2 * math.pi / _DIRECTIONS
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = [here + radius * around for radius in _RINGS]
    low, high = positions.min(axis=0) - 1, positions.max(axis=0) + 1
    anywhere = low + random.random((_ANYWHERE, 2)) * (high - low)
    one, other = graph.edges[:, 0], graph.edges[:, 1]
    near = np.concatenate([other[one == node], one[other == node]])
    between = positions[near].mean(axis=0) if len(near) else here
    return np.concatenate([[here], [between], *rings, anywhere])


def _costs_of_places(
    positions: np.ndarray, node: int, places: np.ndarray, graph: _Graph
) -> np.ndarray:
    """Of each place of one node, the costs that depend on where it stands, ``float[P]``."""
    others = np.delete(np.arange(len(positions)), node)
    standing = positions[others]
    distances = np.linalg.norm(places[:, None] - standing, axis=-1)
    costs = _pair_costs(distances, graph.target[node, others]).sum(axis=1)

    own = (graph.edges == node).any(axis=1)
    fixed = graph.edges[~own]
    starts, ends = positions[fixed[:, 0]], positions[fixed[:, 1]]
    costs += _under_costs(_from_edges(places[:, None], starts, ends)).sum(axis=1)

    near = graph.edges[own].sum(axis=1) - node  # the other end of each of its edges
    if len(near):
        places_, near_ = places[:, None, None], positions[near][None, :, None]
        under = _under_costs(_from_edges(standing, places_, near_))
        costs += (under * (others != near[:, None])).sum(axis=(1, 2))
        costs += _CROSSING * _cross(places_, near_, starts, ends).sum(axis=(1, 2))
    low = np.minimum(places, standing.min(axis=0))
    high = np.maximum(places, standing.max(axis=0))
    return costs + _shape_costs(low, high)


def _pair_costs(distances: np.ndarray, target: np.ndarray) -> np.ndarray:
    stress = ((distances - target) / np.maximum(target, 1)) ** 2
    return stress + _TOUCHING * np.maximum(0, 1 - distances / APART)


def _under_costs(distances: np.ndarray) -> np.ndarray:
    """By how far an edge passes a node."""
    return 0.5 * _UNDER * ((distances < CLEAR) + np.maximum(0, 1 - distances / CLEAR))


def _shape_costs(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    size = high - low + _ROOM
    wide = np.log(size[..., 0] / size[..., 1])
    over = np.maximum(wide - math.log(_WIDEST), -wide - math.log(_HIGHEST))
    return _STRETCHED * np.maximum(0, over)


def _from_edges(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How far points are from segments, for axes that broadcast."""
    along, to = ends - starts, points - starts
    share = (to * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-9)
    return np.linalg.norm(to - np.clip(share, 0, 1)[..., None] * along, axis=-1)


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Whether the segments a-b and c-d cross; those that share an end do not."""
    return (_side(a, b, c) * _side(a, b, d) < -1e-9) & (_side(c, d, a) * _side(c, d, b) < -1e-9)


def _side(a: np.ndarray, b: np.ndarray, point: np.ndarray) -> np.ndarray:
    """On which side of the line a-b a point is: positive, negative or, on it, about zero."""
    along, to = b - a, point - a
    return along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
