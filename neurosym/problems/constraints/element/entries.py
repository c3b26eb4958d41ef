"""`ElementRelation`: an array whose entries are variables, and what prunes it.

    array (a, b, 7), index in {0, 1}, value in {3, 7}, a in {3, 4}, b in {5}
    entry 1 and the value have nothing in common     the index loses 1
    so the index is 0, and the value is what a has   the value loses 7
    and a, which alone is picked, is the value       a loses 4

Entries whose values lie at other positions of their domains than the value's are translated first.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import union_rows
from neurosym.problems.constraints.lowering import DenseLowering, Labels
from neurosym.problems.constraints.propagator import Propagator, shared_length, shared_rows
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.transforms.take import take, take_along

NOWHERE = -1
"""Stands for a position or a value that does not exist."""


@dataclasses.dataclass(frozen=True)
class ElementRelation(Relation):
    """``Element`` over positions: the index, the value if it is a variable, the entries.

    Attributes:
      sizes: the number of values of each position.
      targeted: the value is a variable, not a constant.
      alphabet: the number of values that the value may have; 1 for a constant.
      choices: for each value of the index the position of its entry; `NOWHERE` where
        that is a constant, or lies outside of the array.
      constants: for each value of the index the constant, as a position in the alphabet; `NOWHERE`
        where that has no such value, or the entry is not a constant.
      codes: for each position but the first, its values as positions in the alphabet.
    """

    sizes: tuple[int, ...]
    targeted: bool
    alphabet: int
    choices: tuple[int, ...]
    constants: tuple[int, ...]
    codes: tuple[tuple[int, ...], ...]
    kind: ClassVar[str] = "element"

    def allows(self, assignment: Sequence[int]) -> bool:
        k = self.choices[assignment[0]]
        found = self.constants[assignment[0]] if k == NOWHERE else self._code(k)[assignment[k]]
        return found == (assignment[1] if self.targeted else 0)

    def _code(self, k: int) -> tuple[int, ...]:
        return self.codes[k - 1]

    @property
    def _chosen(self) -> tuple[int, ...]:
        """The positions that the index can pick."""
        return tuple(dict.fromkeys(k for k in self.choices if k != NOWHERE))

    @property
    def aligned(self) -> bool:
        """Whether every entry has its values where the alphabet has them."""
        return all(
            n == v or (n == NOWHERE and v >= self.alphabet)
            for k in self._chosen
            for v, n in enumerate(self._code(k))
        )

    @property
    def bucket(self) -> Hashable:
        return self.aligned, shared_length(len(self.choices))

    @classmethod
    def group(cls, placed: Sequence[Placed[ElementRelation]], size: int) -> Propagator:
        count, words = len(placed), bits.word_count(size)
        length = min(size, shared_length(max(len(relation.choices) for relation, _ in placed)))
        scope = np.zeros((count, 2 + length), np.int32)
        present = np.zeros((count, 2 + length), np.bool_)
        fixed = np.zeros((count, 1 + length, words), np.uint64)
        owners = np.zeros((count, length, words), np.uint64)
        inward = np.zeros((count, length), np.int32)
        outward = np.zeros((count, length), np.int32)
        maps: dict[tuple[int, ...], int] = {}
        for c, (relation, variables) in enumerate(placed):
            scope[c, 0], present[c, 0] = variables[0], True
            if relation.targeted:
                scope[c, 1], present[c, 1] = variables[1], True
            else:
                fixed[c, 0] = bits.single(np.asarray(0), words)
            picked: dict[int, np.ndarray] = {}
            for v, k in enumerate(relation.choices):
                here = bits.single(np.asarray(v), words)
                if k != NOWHERE:
                    picked[k] = picked.get(k, np.uint64(0)) | here
                elif relation.constants[v] != NOWHERE:
                    fixed[c, 1 + v] = bits.single(np.asarray(relation.constants[v]), words)
            for v, k in enumerate(relation.choices):
                if k == NOWHERE:
                    continue
                scope[c, 2 + v], present[c, 2 + v] = variables[k], True
                owners[c, v] = picked[k]
                code = relation._code(k)
                inward[c, v] = maps.setdefault(_inverse(code, size), len(maps))
                padded = code + (NOWHERE,) * (size - len(code))
                outward[c, v] = maps.setdefault(padded, len(maps))
        translation = None
        if not placed[0].relation.aligned:
            table = np.full((shared_rows(len(maps)), size), NOWHERE, np.int32)
            table[: len(maps)] = list(maps)
            translation = Translation(
                jax.device_put(table), jax.device_put(inward), jax.device_put(outward)
            )
        with jax.enable_x64(True):
            return ElementEntries(
                scope=jax.device_put(scope),
                present=jax.device_put(present),
                fixed=jax.device_put(fixed),
                owners=jax.device_put(owners),
                translation=translation,
            )

    def lower(self, private: frozenset[int]) -> DenseLowering:
        """One mask for each entry: where the index picks it, it equals the value."""
        value = (1,) if self.targeted else ()
        labels: list[Labels] = [(0, *value)]
        labels += [(0, k, *value) for k in self._chosen]

        def masks() -> list[np.ndarray]:
            alphabet, choices = np.arange(self.alphabet), np.asarray(self.choices)
            constant = np.asarray(self.constants)[:, None] == alphabet
            found = [constant | (choices != NOWHERE)[:, None]]
            for k in self._chosen:
                equal = np.asarray(self._code(k))[:, None] == alphabet
                found.append(equal | (choices != k)[:, None, None])
            return found if self.targeted else [mask[..., 0] for mask in found]

        return DenseLowering(labels, masks)


@flax.struct.dataclass
class Translation:
    """Maps between positions in domains, of which M are distinct."""

    maps: jax.Array  # int32[M, D]: where each value comes from; NOWHERE
    inward: jax.Array  # int32[C, I]: the map that makes values of the alphabet of an entry's
    outward: jax.Array  # int32[C, I]: and the one back


@flax.struct.dataclass
class ElementEntries:
    """Elements with variables among their entries; see `Propagator`.

    The scope has I + 2 positions: the index, the value, and the entry of each value of the index,
    so a variable that is several entries occurs several times. Absent are a constant value and
    constant entries.
    """

    scope: jax.Array  # int32[C, 2 + I]
    present: jax.Array  # bool[C, 2 + I]
    fixed: jax.Array  # uint64[C, 1 + I, W]: the constants, of the value and the entries
    owners: jax.Array  # uint64[C, I, W]: the values of the index with the same variable as entry
    translation: Translation | None

    @jax.named_scope("element")
    def prune(self, domains: jax.Array) -> jax.Array:
        dtype, words = domains.dtype, domains.shape[2]
        nothing, everything = bits.nothing(dtype), bits.everything(dtype)
        present = self.present[..., None, None]
        fixed = bits.narrow(self.fixed, dtype)[..., None]
        index = domains[:, 0]
        value = jnp.where(present[:, 1], domains[:, 1], fixed[:, 0])
        entries = domains[:, 2:]
        if self.translation is not None:
            entries = _translate(entries, self.translation.maps, self.translation.inward)
        entries = jnp.where(present[:, 2:], entries, fixed[:, 1:])  # [C, I, W, B]
        length = entries.shape[1]
        meets = jnp.any((entries & value[:, None]) != nothing, axis=2)  # [C, I, B]
        picked = meets & bits.unpack(index, length, axis=1)
        alive = bits.pack(picked, axis=1, dtype=dtype)
        alive = jnp.pad(alive, ((0, 0), (0, words - alive.shape[1]), (0, 0)))
        reached = union_rows(jnp.where(picked[:, :, None], entries, nothing), 1)
        others = alive[:, None] & ~bits.narrow(self.owners, dtype)[..., None]
        alone = jnp.all(others == nothing, axis=2, keepdims=True)  # [C, I, 1, B]
        bound = value[:, None]
        if self.translation is not None:
            bound = _translate(bound, self.translation.maps, self.translation.outward)
        messages = jnp.concatenate(
            [alive[:, None], reached[:, None], jnp.where(alone, bound, everything)], axis=1
        )
        return jnp.where(present, messages, everything)


def _translate(lanes: jax.Array, maps: jax.Array, which: jax.Array) -> jax.Array:
    """Lanes ``[C, I or 1, W, B]`` with their members moved, ``[C, I, W, B]``."""
    dtype, word = lanes.dtype, bits.word_bits(lanes)
    source = take(maps, which)  # [C, I, D]
    there = source != NOWHERE
    source = jnp.where(there, source, 0)[..., None]
    if lanes.shape[2] > 1:
        lanes = take_along(lanes, source // word, axis=2)
    member = (lanes >> (source % word).astype(dtype)) & dtype.type(1)  # [C, I, D, B]
    return bits.pack((member != bits.nothing(dtype)) & there[..., None], axis=2, dtype=dtype)


@functools.lru_cache(maxsize=128)
def _inverse(code: tuple[int, ...], size: int) -> tuple[int, ...]:
    """For each of ``size`` values the one that ``code`` takes there."""
    back: Mapping[int, int] = {n: v for v, n in enumerate(code) if n != NOWHERE}
    return tuple(back.get(n, NOWHERE) for n in range(size))
