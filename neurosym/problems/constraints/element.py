"""`Element`: an array indexed by a variable, ``array[index] == value``.

The entries of the array are constants, variables, or both. An array of constants is a table of
(index, value) pairs. With variables among the entries pruning is exact too (Van Hentenryck and
Carillon 1988): an index stays while its entry and the value have a value in common, a value stays
while some possible entry has it, and an entry is bound to the value once the index picks it alone.

Values are compared as values, not by their positions in the domains: the entries are translated
into the positions of the value's domain first, unless they agree already.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import union_rows
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.lowering import DenseLowering, Labels
from neurosym.problems.constraints.predicate import (
    MAX_COMBINATIONS,
    count_combinations,
    relation_of_mask,
    tabulate,
)
from neurosym.problems.constraints.propagator import Propagator, power_of_two
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.variable import Variable

NOWHERE = -1
"""Stands for a position or a value that does not exist."""


@dataclasses.dataclass(frozen=True, eq=False)
class Element(Constraint):
    """``array[index] == value``.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> day = problem.variable("day", domain=range(3))
    >>> price = problem.variable("price", domain=(10, 20, 30))
    >>> problem.add(Element(day, [20, 10, 20], price))
    >>> problem.compile().allows([1, 0])
    True

    A variable may be several entries of the array. One that is also the index or the value is
    allowed where all combinations of values can be listed.

    Attributes:
      index: its domain holds integers. Positions count from 0; a value of the domain that is no
        position of the array is not allowed.
      array: constants (hashable values) and variables.
      value: a variable or a constant.
      scope: the distinct variables: the index, the value, the entries.

    Raises:
      ValueError: for an index that is no variable over integers, an empty array, a constant that
        cannot be hashed, or a variable in two of the three roles where the combinations of values
        are too many to list.
    """

    index: Variable
    array: Sequence[Hashable]
    value: Hashable
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.index, Variable):
            raise ValueError(f"the index of an element constraint is a variable, not {self.index}")
        array = tuple(self.array)
        for position in self.index.domain:
            if not isinstance(position, numbers.Integral):
                raise ValueError(
                    f"variable {self.index.name!r} is an index, so its domain holds integers, "
                    f"not {position!r}"
                )
        if not array:
            raise ValueError(f"the array that variable {self.index.name!r} indexes is empty")
        for entry in (*array, self.value):
            try:
                hash(entry)
            except TypeError:
                raise ValueError(
                    f"an element constraint compares with {entry!r}, which cannot be hashed"
                ) from None
        entries = tuple(dict.fromkeys(entry for entry in array if isinstance(entry, Variable)))
        head = (self.index, self.value) if isinstance(self.value, Variable) else (self.index,)
        scope = tuple(dict.fromkeys((*head, *entries)))
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "scope", scope)
        if self._overlaps and count_combinations(scope) > MAX_COMBINATIONS:
            names = ", ".join(variable.name for variable in (*head, *entries))
            raise ValueError(
                f"an element constraint over {names} has a variable in two roles and "
                f"{count_combinations(scope)} combinations of values, more than "
                f"{MAX_COMBINATIONS}; declare another variable that equals it for one of the roles"
            )

    @property
    def _entries(self) -> tuple[Variable, ...]:
        return tuple(dict.fromkeys(entry for entry in self.array if isinstance(entry, Variable)))

    @property
    def _overlaps(self) -> bool:
        """Whether a variable is in two of the roles index, value and entry."""
        return len(self.scope) < 1 + isinstance(self.value, Variable) + len(self._entries)

    def __repr__(self) -> str:
        return f"Element([{_show_all(self.array)}][{self.index.name}] == {_show(self.value)})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        position = int(given[self.index])  # type: ignore[call-overload]
        if not 0 <= position < len(self.array):
            return False
        entry, value = self.array[position], self.value
        found = given[entry] if isinstance(entry, Variable) else entry
        return bool(found == (given[value] if isinstance(value, Variable) else value))

    def instead_of_negation(self) -> str:
        """A variable for the entry, which has a value wherever the index points.

        `Element` does not hold where the index is outside of the array, so one that is added to a
        problem forbids such an index; a padded array does not.
        """
        possible = {entry for entry in self.array if not isinstance(entry, Variable)}
        possible.update(*(entry.domain for entry in self._entries))
        value = self.value
        compared = set(value.domain) if isinstance(value, Variable) else {value}
        numbers_alone = all(isinstance(v, numbers.Integral) for v in possible | compared)
        # An integer that neither an entry nor the value takes.
        integers = [int(v) for v in possible | compared if isinstance(v, numbers.Integral)]  # type: ignore[call-overload]
        outside = 1 + max(integers, default=0)
        positions = [int(position) for position in self.index.domain]  # type: ignore[call-overload]
        before, after = max(0, -min(positions)), max(0, max(positions) + 1 - len(self.array))
        array = f"[{_show_all(self.array)}]"
        array = f"{before} * [{outside}] + {array}" if before else array
        array = f"{array} + {after} * [{outside}]" if after else array
        moved = f"a variable j with j == {self.index.name} + {before} and " if before else ""
        over = f" and {outside}, which stands for outside of the array" if before or after else ""
        if numbers_alone or not isinstance(value, Variable):
            same = f"w == {_show(value)}"
        else:
            same = f"Predicate((w, {value.name}), operator.eq)"
        return (
            f"declare {moved}a variable w over the values of the entries{over}, and add "
            f"Element({'j' if before else self.index.name}, {array}, w); {same} says the same and "
            "has a negation"
        )

    def compile(self) -> tuple[Placed, ...]:
        return self.place(self._relation())

    def _relation(self) -> Relation:
        if self._overlaps:
            return relation_of_mask(tabulate(self.scope, self.check))
        targeted = isinstance(self.value, Variable)
        alphabet = self.value.domain if isinstance(self.value, Variable) else (self.value,)
        code = {value: n for n, value in enumerate(alphabet)}
        place = {variable: k for k, variable in enumerate(self.scope)}
        choices, constants = [], []
        for position in self.index.domain:
            inside = 0 <= int(position) < len(self.array)  # type: ignore[call-overload]
            entry = self.array[int(position)] if inside else None  # type: ignore[call-overload]
            variable = isinstance(entry, Variable)
            choices.append(place[entry] if isinstance(entry, Variable) else NOWHERE)
            constants.append(code.get(entry, NOWHERE) if inside and not variable else NOWHERE)
        if not self._entries:
            mask = np.asarray(constants)[:, None] == np.arange(len(alphabet))
            return relation_of_mask(mask if targeted else mask[:, 0])
        return ElementRelation(
            sizes=tuple(len(variable.domain) for variable in self.scope),
            targeted=targeted,
            alphabet=len(alphabet),
            choices=tuple(choices),
            constants=tuple(constants),
            codes=tuple(
                tuple(code.get(value, NOWHERE) for value in variable.domain)
                for variable in self.scope[1:]
            ),
        )


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
        where that has no such value, or the entry is no constant.
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
        return self.aligned, power_of_two(len(self.choices))

    @classmethod
    def group(cls, placed: Sequence[Placed[ElementRelation]], size: int) -> Propagator:
        count, words = len(placed), bits.word_count(size)
        length = min(size, power_of_two(max(len(relation.choices) for relation, _ in placed)))
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
            table = np.full((power_of_two(len(maps)), size), NOWHERE, np.int32)
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
    source = maps.at[which].get(mode="promise_in_bounds")  # [C, I, D]
    there = source != NOWHERE
    source = jnp.where(there, source, 0)[..., None]
    if lanes.shape[2] > 1:
        lanes = jnp.take_along_axis(lanes, source // word, axis=2, mode="promise_in_bounds")
    member = (lanes >> (source % word).astype(dtype)) & dtype.type(1)  # [C, I, D, B]
    return bits.pack((member != bits.nothing(dtype)) & there[..., None], axis=2, dtype=dtype)


@functools.lru_cache(maxsize=128)
def _inverse(code: tuple[int, ...], size: int) -> tuple[int, ...]:
    """For each of ``size`` values the one that ``code`` takes there."""
    back: Mapping[int, int] = {n: v for v, n in enumerate(code) if n != NOWHERE}
    return tuple(back.get(n, NOWHERE) for n in range(size))


def _show_all(array: Sequence[Hashable]) -> str:
    return ", ".join(map(_show, array[:8])) + (", …" if len(array) > 8 else "")


def _show(entry: Hashable) -> str:
    return entry.name if isinstance(entry, Variable) else repr(entry)
