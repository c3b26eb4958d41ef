"""`BinaryRelation`: a compiled constraint on two variables, a mask of supports for each value.

Pruning is exact (arc consistency; Lecoutre and Vion 2008, "Enforcing arc consistency using bitwise
operations"): the other side may take the union of the supports of the values that one side still
has. Equal matrices are held once, however many constraints share them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.problems.constraints.lowering import DenseLowering
from neurosym.problems.constraints.propagator import Propagator, padded_scopes, shared_rows
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.rounding import is_rounding
from neurosym.transforms.take import take

BLOCK = 32
"""Values whose supports are united in one step. Longer reductions compile to slow code on a CPU,
and the step bounds what is held at a time."""

MAX_PAIRS = 2**24
"""Pairs of values that one matrix may list: two domains of 4,096 values."""

MANY = 42
"""Matrices of a group that there is room for in any case, where sizes are rounded."""


@dataclasses.dataclass(frozen=True)
class BinaryRelation(Relation):
    """Pairs of value indices.

    Made by `from_mask`.

    Attributes:
      sizes: the number of values of each position.
      pairs: the matrix of allowed pairs as bits: value ``i`` of position 0 goes with value ``j`` of
        position 1 if bit ``n % 8`` of byte ``n // 8`` is set, ``n = i * sizes[1] + j``.
        Bytes remember their hash, and the largest matrix takes 2 MiB of them.
    """

    sizes: tuple[int, int]
    pairs: bytes
    kind: ClassVar[str] = "binary"

    @classmethod
    def from_mask(cls, mask: np.ndarray) -> BinaryRelation:
        """The relation of the allowed pairs ``bool[D_0, D_1]``."""
        pairs = np.packbits(mask, axis=None, bitorder="little").tobytes()
        return cls(sizes=(mask.shape[0], mask.shape[1]), pairs=pairs)

    @property
    def mask(self) -> np.ndarray:
        """``bool[D_0, D_1]``: the allowed pairs."""
        packed = np.frombuffer(self.pairs, np.uint8)
        count = self.sizes[0] * self.sizes[1]
        pairs = np.unpackbits(packed, count=count, bitorder="little")
        return pairs.astype(np.bool_).reshape(self.sizes)

    def allows(self, assignment: Sequence[int]) -> bool:
        n = int(assignment[0]) * self.sizes[1] + int(assignment[1])
        return bool(self.pairs[n // 8] >> (n % 8) & 1)

    @property
    def bucket(self) -> Hashable:
        return ()

    @classmethod
    def group(cls, placed: Sequence[Placed[BinaryRelation]], size: int) -> Propagator:
        blocks = -(-size // BLOCK)
        rows = size if blocks == 1 else blocks * BLOCK
        matrices: list[np.ndarray] = []  # uint64[rows, W]
        known: dict[bytes, int] = {}

        def matrix_of(mask: np.ndarray) -> int:
            padded = np.zeros((rows, bits.word_count(size) * bits.WORD), np.bool_)
            padded[: mask.shape[0], : mask.shape[1]] = mask
            packed = np.packbits(padded, axis=1, bitorder="little")
            matrix = known.setdefault(packed.tobytes(), len(matrices))
            if matrix == len(matrices):
                matrices.append(packed.view("<u8").astype(np.uint64))
            return matrix

        both: dict[BinaryRelation, tuple[int, int]] = {}
        for relation, _ in placed:
            if relation not in both:
                both[relation] = matrix_of(relation.mask.T), matrix_of(relation.mask)
        sources = [both[relation] for relation, _ in placed]
        # Where sizes are rounded, there is room for as many as there may well be.
        possible = min(2 * len(placed), MANY) if is_rounding() else 1
        count = shared_rows(max(len(matrices), possible))
        supports = np.zeros((count, *matrices[0].shape), np.uint64)
        supports[: len(matrices)] = matrices
        supports = supports.reshape(len(supports), blocks, -1, supports.shape[-1])
        scope, present = padded_scopes([scope for _, scope in placed], 2)
        with jax.enable_x64(True):
            return BinarySupports(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                supports=jax.device_put(np.moveaxis(supports, 1, 0)),
                sources=jax.device_put(np.asarray(sources, np.int32)),
            )

    def lower(self, private: frozenset[int]) -> DenseLowering:
        return DenseLowering([(0, 1)], lambda: [self.mask])


@flax.struct.dataclass
class BinarySupports:
    """Binary relations; see `Propagator`.

    A matrix has a row for each value of one side: the values of the other side that go with it.
    There are M distinct ones, cut into N blocks of L rows each.
    """

    scope: jax.Array  # int32[C, 2]
    present: jax.Array  # bool[C, 2]
    supports: jax.Array  # uint64[N, M, L, W]
    sources: jax.Array  # int32[C, 2]: the matrix that leads to each side from the other one

    @jax.named_scope("binary")
    def prune(self, domains: jax.Array) -> jax.Array:
        dtype = domains.dtype
        nothing = bits.nothing(dtype)
        others = domains[:, ::-1]
        blocks, _, rows, _ = self.supports.shape
        steps_a_word = bits.word_bits(domains) // rows if blocks > 1 else 1
        positions = jnp.arange(rows, dtype=dtype)

        def unite(found: jax.Array, block: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            supports, n = block
            word = jax.lax.dynamic_index_in_dim(others, n // steps_a_word, axis=2)
            bit = dtype.type(1) << ((n % steps_a_word * rows).astype(dtype) + positions)
            there = (word & bit[:, None]) != nothing  # [C, 2, L, B]
            masks = take(supports, self.sources)  # [C, 2, L, W]
            chosen = jnp.where(there[:, :, :, None], masks[..., None], nothing)
            return found | jax.lax.reduce(chosen, nothing, jax.lax.bitwise_or, (2,)), None

        supports = bits.narrow(self.supports, dtype)
        start = jnp.zeros_like(domains)
        if blocks == 1:
            return unite(start, (supports[0], jnp.int32(0)))[0]
        return jax.lax.scan(unite, start, (supports, jnp.arange(blocks)))[0]
