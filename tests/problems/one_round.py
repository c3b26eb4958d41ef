"""One round of pruning, group by group, and what brute force says that it must be."""

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns
from neurosym.bits import lanes as bits
from neurosym.problems.constraints import Constraint
from neurosym.problems.constraints.joint import joined


def random_masks(
    network: ns.Network, rng: np.random.Generator, count: int, least: float = 0.3
) -> np.ndarray:
    """``bool[B, V, D]``: domains of all densities, few of them empty; the declared ones first."""
    declared = np.asarray(network.mask)
    shape = (count, *declared.shape)
    keep = rng.random(shape) < rng.uniform(least, 1, (count, 1, 1))
    keep[0] = True
    return keep & declared


def prune(network: ns.Network, masks: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """``bool[B, V, D]``: what the constraints together leave of the masks after one round."""
    dtype = np.dtype(dtype or bits.lane_dtype(network.size))
    found = masks.copy()

    # One program, since most of the time would go into compiling its parts one by one.
    @jax.jit
    def read(groups, masks):
        lanes = bits.pack(jnp.moveaxis(masks, 0, -1), axis=1, dtype=dtype)
        messages = [group.prune(lanes[group.scope]) for group in groups]
        return lanes, messages, [bits.unpack(message, network.size, axis=2) for message in messages]

    with jax.enable_x64(True):
        lanes, messages, unpacked = read(network.groups, masks)
        for group, message, kept in zip(network.groups, messages, unpacked, strict=True):
            assert message.dtype == dtype
            assert message.shape == (*group.scope.shape, *lanes.shape[1:])
            present = np.asarray(group.present)
            assert (np.asarray(message)[~present] == bits.everything(dtype)).all()
            kept = np.moveaxis(np.asarray(kept), -1, 0)
            for c, k in np.argwhere(present):
                found[:, int(group.scope[c, k])] &= kept[:, c, k]
    return found


def assert_counts(constraint: Constraint) -> None:
    """Total and support in COUNTING are those of brute force, with weights of 1 to 3."""
    relation = joined(constraint)
    rng = np.random.default_rng(0)
    weights = [rng.integers(1, 4, size).astype(np.int32) for size in relation.sizes]
    total, wanted = 0, [np.zeros(size, int) for size in relation.sizes]
    for index in np.ndindex(relation.sizes):
        values = [x.domain[v] for x, v in zip(constraint.scope, index, strict=True)]
        if constraint.check(values):
            factors = [int(w[v]) for w, v in zip(weights, index, strict=True)]
            total += math.prod(factors)
            for k, v in enumerate(index):
                wanted[k][v] += math.prod(factors[:k] + factors[k + 1 :])
    read = jax.jit(lambda w: (relation.total(ns.COUNTING, w), relation.support(ns.COUNTING, w)))
    found, supports = read([jnp.asarray(w) for w in weights])
    assert int(found) == total > 0
    for support, row in zip(supports, wanted, strict=True):
        np.testing.assert_array_equal(support, row)


def supported(constraint: Constraint, masks: np.ndarray) -> np.ndarray:
    """``bool[B, K, D]``: the values of the scope that some allowed assignment within uses."""
    scope = constraint.scope
    rows = np.asarray(
        [
            index
            for index in itertools.product(*(range(len(x.domain)) for x in scope))
            if constraint.check([x.domain[v] for x, v in zip(scope, index, strict=True)])
        ],
        np.int64,
    ).reshape(-1, len(scope))
    variables = [x.index for x in scope]
    alive = masks[:, variables, rows].all(axis=2).astype(np.float32)  # [B, R]
    used = rows[..., None] == np.arange(masks.shape[2])  # [R, K, D]
    return np.einsum("br,rkd->bkd", alive, used.astype(np.float32)) > 0


def assert_exact(constraints: Sequence[Constraint], masks: np.ndarray, found: np.ndarray) -> None:
    """Each constraint, on variables of its own, kept exactly the supported values.

    Where it has no solution at all, it must empty a domain.
    """
    for constraint in constraints:
        variables = [x.index for x in constraint.scope]
        wanted = supported(constraint, masks)
        solvable = wanted.any(axis=(1, 2))
        kept = found[:, variables]
        np.testing.assert_array_equal(kept[solvable], wanted[solvable], repr(constraint))
        assert not kept[~solvable].any(axis=2).all(axis=1).any(), repr(constraint)
    assert (found != masks).any()
