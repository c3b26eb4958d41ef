"""Places for the nodes of a graph: neighbours near each other, others as far as their path.

Each connected part is laid out by stress majorization (Gansner, Koren and North 2004, "Graph
drawing by stress majorization", https://doi.org/10.1007/978-3-540-31843-9_25) from a start by
classical scaling, turned so that its edges run along the axes where they can, and folded into lines
where it is a long strip. Nodes with one neighbour are put around it at the end, so that they do not
bend the rest. A small part is then untangled (`untangling`) from several starts, and the best
result is kept; a chain stays a line. The random numbers are always the same, and so a graph always
looks the same.
"""

import math

import numpy as np

from neurosym.plots.untangling import APART, cost, untangled

SMALL = 60
"""Nodes of a part that is untangled."""

_STARTS = 8  # of a small part
_WORK = 40  # nodes that are untangled in all: of small parts, several starts
_ROUNDS = 120
_STILL = 2e-3  # a move that nobody sees
_GAP = 1.3  # between lines of a folded strip, and between parts
_LEAVES = 12  # that are put around a node; where there are more, they take part in the stress
_LONGEST = 14.0  # a strip that is wider is folded
_SHAPE = 1.6  # width by height to aim at


def graph_layout(nodes: int, edges: np.ndarray) -> np.ndarray:
    """Where the nodes stand.

    Args:
      nodes: their number N.
      edges: int ``[E, 2]``, pairs of nodes.

    Returns:
      float ``[N, 2]``: x to the right and y downwards, from 0 on; an edge is about 1 long, more
      between nodes of many edges.
    """
    edges = np.asarray(edges, int).reshape(-1, 2)
    parts = _parts(nodes, edges)
    placed = []
    for part in parts:
        inside = edges[np.isin(edges[:, 0], part)]
        placed.append(_place(len(part), np.searchsorted(part, inside)))
    positions = np.zeros((nodes, 2))
    for part, where in zip(parts, _pack(placed), strict=True):
        positions[part] = where
    return positions - positions.min(axis=0, initial=np.inf) if nodes else positions


def _parts(nodes: int, edges: np.ndarray) -> list[np.ndarray]:
    """The nodes of each connected part, in order; the largest part first."""
    label = np.arange(nodes)
    while len(edges):
        least = label.copy()
        np.minimum.at(least, edges[:, 0], label[edges[:, 1]])
        np.minimum.at(least, edges[:, 1], label[edges[:, 0]])
        least = least[least]
        if (least == label).all():
            break
        label = least
    parts = [np.flatnonzero(label == root) for root in np.unique(label)]
    return sorted(parts, key=len, reverse=True)


def _place(nodes: int, edges: np.ndarray) -> np.ndarray:
    """Positions of the nodes of one part."""
    degree = np.bincount(edges.ravel(), minlength=nodes)
    chain = len(edges) == nodes - 1 and degree.max(initial=0) <= 2
    if nodes > SMALL or chain:
        return _drawn(nodes, edges, seed=0)
    target = _distances(nodes, edges)
    starts = [_drawn(nodes, edges, seed) for seed in range(_STARTS)]
    starts.sort(key=lambda start: cost(start, edges, target))
    found = [untangled(start, edges, target) for start in starts[: max(1, _WORK // nodes)]]
    return min(found, key=lambda positions: cost(positions, edges, target))


def _drawn(nodes: int, edges: np.ndarray, seed: int) -> np.ndarray:
    """Positions by distances alone, from the start that has this number."""
    host = _hosts(nodes, edges)
    core = np.flatnonzero(host < 0)
    between = edges[(host[edges] < 0).all(axis=1)]
    pairs = np.searchsorted(core, between)
    positions = np.zeros((nodes, 2))
    gap = _GAP + (1.5 if nodes - len(core) > 2 else 0)  # the two ends of a chain take no room
    positions[core] = _fold(_turn(_spread(len(core), pairs, seed), pairs), gap)
    for node in np.unique(host[host >= 0]):
        near = np.concatenate(
            [between[between[:, 0] == node, 1], between[between[:, 1] == node, 0]]
        )
        leaves = np.flatnonzero(host == node)
        positions[leaves] = positions[node] + _around(
            positions[near] - positions[node], len(leaves)
        )
    return _push_apart(positions)


def _hosts(nodes: int, edges: np.ndarray) -> np.ndarray:
    """The only neighbour of each node that is put around it, -1 of all others."""
    degree = np.bincount(edges.ravel(), minlength=nodes)
    host = np.full(nodes, -1)
    if nodes > 2:
        for one, other in ((0, 1), (1, 0)):
            leaf = degree[edges[:, one]] == 1
            host[edges[leaf, one]] = edges[leaf, other]
    crowd = np.bincount(host[host >= 0], minlength=nodes)
    host[(host >= 0) & (crowd[host] > _LEAVES)] = -1
    return host


def _around(taken: np.ndarray, count: int) -> np.ndarray:
    """So many directions, far from those taken and from each other, float ``[count, 2]``."""
    if not len(taken):
        taken, count = np.asarray([[-1.0, 0.0]]), count - 1
        return np.concatenate([taken, _around(taken, count)]) if count else taken
    angles = np.sort(np.arctan2(taken[:, 1], taken[:, 0]))
    gaps = np.diff(angles, append=angles[0] + 2 * math.pi)
    shares = np.zeros(len(gaps), int)
    for _ in range(count):
        shares[np.argmax(np.round(gaps / (shares + 1), 6))] += 1
    found = [
        start + gap * np.arange(1, share + 1) / (share + 1)
        for start, gap, share in zip(angles, gaps, shares, strict=True)
    ]
    directions = np.concatenate(found)
    reach = max(1.0, float((APART * (shares + 1) / gaps).max()))
    return reach * np.stack([np.cos(directions), np.sin(directions)], axis=1)


def _spread(nodes: int, edges: np.ndarray, seed: int) -> np.ndarray:
    """Positions of the nodes of one part whose distances are about those in the graph; the start 0
    is a classical scaling, all others are random.
    """
    if nodes == 1:
        return np.zeros((1, 2))
    target = _distances(nodes, edges)
    weights = 1 / np.where(target > 0, target, np.inf) ** 2
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.inv(laplacian + 1 / nodes)
    positions = np.random.default_rng(seed).normal(size=(nodes, 2))
    positions = positions * math.sqrt(nodes) if seed else _scaled(target) + 1e-3 * positions
    wanted = weights * target
    for _ in range(_ROUNDS):
        now = _apart(positions)
        np.fill_diagonal(now, 1)
        ratio = wanted / np.maximum(now, 1e-9)
        pull = ratio.sum(axis=1)[:, None] * positions - ratio @ positions
        before, positions = positions, inverse @ pull
        if np.abs(positions - before).max() < _STILL:
            break
    return _push_apart(positions)


def _push_apart(positions: np.ndarray) -> np.ndarray:
    """No two nodes on top of each other."""
    positions = positions.copy()
    for _ in range(_ROUNDS):
        now = _apart(positions)
        one, other = np.nonzero(np.triu(now < APART - _STILL, 1))
        if not len(one):
            break
        between = positions[one] - positions[other]
        lacking = (APART - now[one, other]) / np.maximum(now[one, other], 1e-9)
        push = 0.5 * lacking[:, None] * between
        np.add.at(positions, one, push)
        np.add.at(positions, other, -push)
    return positions


def _apart(positions: np.ndarray) -> np.ndarray:
    """The distance of every two positions, ``[N, N]``."""
    points = positions[:, 0] + 1j * positions[:, 1]
    return np.abs(points[:, None] - points[None])


def _distances(nodes: int, edges: np.ndarray) -> np.ndarray:
    """The length of the shortest path between every two nodes; busy nodes have longer edges."""
    degree = np.bincount(edges.ravel(), minlength=nodes)
    length = np.maximum(1, np.sqrt(degree[edges].max(axis=1)) / 2)
    found = np.full((nodes, nodes), np.inf)
    found[edges[:, 0], edges[:, 1]] = found[edges[:, 1], edges[:, 0]] = length
    np.fill_diagonal(found, 0)
    for over in range(nodes):
        np.minimum(found, found[:, over, None] + found[over], out=found)
    return found


def _scaled(target: np.ndarray) -> np.ndarray:
    """Classical scaling: a plane in which the distances are kept well.

    The second axis of a long strip is often its first one bent; then the axis that says most apart
    from the first takes its place. Of a few nodes every axis is a curve of the first; they do not
    make a strip, and the second axis is taken.
    """
    squares = target**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    axes = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :10]
    bent = np.polynomial.chebyshev.chebvander(
        axes[:, 0] / np.abs(axes[:, 0]).max(), min(6, len(target) // 4)
    )
    rest = axes - bent @ np.linalg.lstsq(bent, axes, rcond=None)[0]
    across = np.argmax(np.linalg.norm(rest, axis=0))
    return np.stack([axes[:, 0], rest[:, across]], axis=1)


def _turn(positions: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Along the axes, wider than high, the first node to the left and above."""
    if len(positions) == 1:
        return positions
    positions = positions - positions.mean(axis=0)
    _, _, axes = np.linalg.svd(positions, full_matrices=False)
    positions = positions @ axes.T
    along = positions[edges[:, 1]] - positions[edges[:, 0]]
    turns = np.exp(4j * np.arctan2(along[:, 1], along[:, 0])).mean()
    if abs(turns) > 0.4:  # most edges agree on two directions at a right angle
        angle = -np.angle(turns) / 4
        rotation = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        positions = positions @ np.asarray(rotation).T
        if np.ptp(positions[:, 0]) < np.ptp(positions[:, 1]) - 1e-6:
            positions = positions[:, ::-1]
    positions = positions * np.where(positions[0] > 1e-6, -1, 1)
    return positions - positions.min(axis=0)


def _fold(positions: np.ndarray, gap: float) -> np.ndarray:
    """A long strip in lines, every other one from right to left."""
    width, height = np.ptp(positions, axis=0)
    row_height = height + gap
    if width <= max(_LONGEST, 3 * row_height):
        return positions
    rows = max(2, round(math.sqrt(width / (_SHAPE * row_height))))
    reach = (width + 1e-6) / rows
    row, along = np.divmod(positions[:, 0], reach)
    x = np.where(row % 2 == 1, reach - along, along)
    return np.stack([x, positions[:, 1] + row * row_height], axis=1)


def _pack(placed: list[np.ndarray]) -> list[np.ndarray]:
    """Parts in rows below each other, without overlap."""
    sizes = [np.ptp(positions, axis=0) + _GAP for positions in placed]
    area = sum(float(width * height) for width, height in sizes)
    widest = max([math.sqrt(_SHAPE * area), *(size[0] for size in sizes)], default=0.0) + 1e-6
    x = y = row_height = 0.0
    found = []
    for positions, (width, height) in zip(placed, sizes, strict=True):
        if x + width > widest:
            x, y, row_height = 0.0, y + row_height, 0.0
        found.append(positions - positions.min(axis=0) + (x, y))
        x, row_height = x + width, max(row_height, height)
    return found
