"""`Count`: how many variables take a value of a set, compared with a number or a variable.

Pruning is exact. Each variable must, may or cannot take a value of the set, and every number from
the count of variables that must to the count of those that may is possible. The numbers that are
left with one more variable that must, or with one less that may, decide which values the free
variables can take (Beldiceanu and Contejean 1994, "Introducing global constraints in CHIP",
https://doi.org/10.1016/0895-7177(94)90127-9).

A count is a sum of zeros and ones, so total and support are those of a `Linear`.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.bits.reductions import any_row, reduce_rows
from neurosym.problems.constraints.comparison import COMPARISONS, NEGATIONS, check_relation
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.linear.linear import LinearRelation
from neurosym.problems.constraints.propagator import Propagator, shared_length
from neurosym.problems.constraints.relation import Placed

if TYPE_CHECKING:
    from neurosym.problems.variable import Variable

_FAR = 2**29
"""Numbers are smaller; no count comes near it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Count(Constraint):
    """The number of ``variables`` that take one of ``values``, compared with ``number``.

    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> rota = problem.variables("shift", shape=3, domain=("early", "late", "free"))
    >>> many = problem.variable("many", domain=range(4))
    >>> problem.add(Count(rota, {"early", "late"}, ">=", 2), Count(rota, {"late"}, "==", many))
    >>> network = problem.compile()
    >>> network.allows([1, 2, 1, 2]), network.allows([1, 2, 2, 1])
    (True, False)

    Attributes:
      variables: the variables, expressions and constants to count. A variable that is repeated
        counts as often as it is repeated.
      values: each in the domain of some of the variables.
      relation: one of ``== != < <= > >=``.
      number: an integer, or a variable or expression over integers that is not itself counted.
      scope: the distinct variables, and last the number if it is a variable.

    Raises:
      ValueError: without variables, for a value that no variable has, an unknown relation, or a
        number that is none of the above.
    """

    variables: Sequence[Any]
    values: Collection[Hashable]
    relation: str
    number: Any
    scope: tuple[Variable, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        from neurosym.problems.auxiliary import all_variables, guards_of, listed

        variables = listed(self.variables)
        if not variables:
            raise ValueError("a count needs at least one variable")
        check_relation(self.relation, "a count")
        try:
            values = frozenset(self.values)
        except TypeError:
            raise ValueError(
                f"the values that are counted are a set, not {self.values!r}"
            ) from None
        guards = guards_of((*variables, self.number))
        variables = all_variables(variables, "a count")
        scope = tuple(dict.fromkeys(variables))
        names = ", ".join(variable.name for variable in scope)
        for value in values:
            if not any(value in variable.domain for variable in scope):
                raise ValueError(f"{value!r} is in the domain of none of the variables {names}")
        if isinstance(self.number, numbers.Integral):
            object.__setattr__(self, "number", int(self.number))
        else:
            number = _number_variable(self.number, scope)
            object.__setattr__(self, "number", number)
            scope = (*scope, number)
        object.__setattr__(self, "guards", guards)
        object.__setattr__(self, "variables", variables)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "scope", scope)

    def __repr__(self) -> str:
        names = ", ".join(variable.name for variable in self.variables)
        number = self.number if isinstance(self.number, int) else self.number.name
        values = ", ".join(sorted(map(repr, self.values)))
        return f"Count(({names}) in {{{values}}} {self.relation} {number})"

    def check(self, values: Sequence[Hashable]) -> bool:
        given = dict(zip(self.scope, values, strict=True))
        count = sum(given[variable] in self.values for variable in self.variables)
        number: Any = self.number if isinstance(self.number, int) else given[self.number]
        return bool(COMPARISONS[self.relation](count, int(number)))

    def negated(self) -> Count:
        return Count(self.variables, self.values, NEGATIONS[self.relation], self.number)

    def compile(self) -> tuple[Placed, ...]:
        times = Counter(self.variables)
        rows = [
            [times[variable] * (value in self.values) for value in variable.domain]
            for variable in self.scope
            if variable in times
        ]
        bound, relation = 0, self.relation
        if isinstance(self.number, int):
            bound = max(-_FAR, min(self.number, _FAR))
        else:
            rows.append([-int(value) for value in self.number.domain])
        if relation in (">", ">="):
            rows, bound = [[-term for term in row] for row in rows], -bound
            relation = {">": "<", ">=": "<="}[relation]
        if relation == "<":
            bound, relation = bound - 1, "<="
        offsets = tuple(tuple(term - min(row) for term in row) for row in rows)
        bound -= sum(min(row) for row in rows)
        return self.place(CountRelation(offsets=offsets, relation=relation, bound=bound))


def _number_variable(number: Any, counted: Sequence[Variable]) -> Variable:
    from neurosym.problems.auxiliary import as_variable
    from neurosym.problems.expression import Arithmetic

    if isinstance(number, Arithmetic | Constraint):
        number = as_variable(number, counted[0].problem)
    else:
        raise ValueError(f"a count is compared with an integer or a variable, not {number!r}")
    for value in number.domain:
        if not isinstance(value, numbers.Integral) or abs(int(value)) >= _FAR:
            raise ValueError(
                f"variable {number.name!r} is compared with a count, so its values are integers "
                f"within ±2^29, not {value!r}"
            )
    if any(number is variable for variable in counted):
        raise ValueError(f"variable {number.name!r} is counted, and cannot be the count as well")
    return number


@dataclasses.dataclass(frozen=True)
class CountRelation(LinearRelation):
    """A `LinearRelation` whose offsets are 0 and 1 at most positions, and repeated."""

    kind: ClassVar[str] = "count"

    @property
    def heavy(self) -> tuple[int, ...]:
        """The positions with other offsets: the number, and variables that count repeatedly."""
        return tuple(k for k, largest in enumerate(self.ranges) if largest > 1)

    @property
    def bucket(self) -> Hashable:
        heavy = len(self.heavy)
        if heavy > 1:
            return "linear", super().bucket
        return heavy, self.relation == "!=", shared_length(len(self.sizes) - heavy)

    @classmethod
    def group(cls, placed: Sequence[Placed[LinearRelation]], size: int) -> Propagator:
        members = [Placed(CountRelation(r.offsets, r.relation, r.bound), s) for r, s in placed]
        if len(members[0].relation.heavy) > 1:
            plain = [Placed(LinearRelation(r.offsets, r.relation, r.bound), s) for r, s in placed]
            return LinearRelation.group(plain, size)
        return _group_counts(members, size)


def _group_counts(members: Sequence[Placed[CountRelation]], size: int) -> Counts:
    first = members[0].relation
    numbered = bool(first.heavy)
    arity = shared_length(max(len(scope) for _, scope in members) - numbered)
    scope = np.zeros((len(members), numbered + arity), np.int32)
    present = np.zeros(scope.shape, np.bool_)
    values = np.zeros((len(members), arity, size), np.bool_)
    needed = np.zeros((len(members), size if numbered else 1), np.int64)
    for c, (relation, variables) in enumerate(members):
        number = relation.heavy[0] if numbered else None
        counted = [k for k in range(len(variables)) if k != number]
        needed[c] = relation.bound
        if number is not None:
            scope[c, 0], present[c, 0] = variables[number], True
            row = relation.offsets[number]
            needed[c, : len(row)] -= row
        for n, k in enumerate(counted):
            scope[c, numbered + n], present[c, numbered + n] = variables[k], True
            values[c, n, : relation.sizes[k]] = relation.offsets[k]
    needed = np.clip(needed, -_FAR, _FAR)
    if first.relation == "!=":
        runs = [
            (np.full_like(needed, -1), needed - 1),
            (needed + 1, np.full_like(needed, _FAR)),
        ]
    else:
        equal = np.asarray([relation.relation == "==" for relation, _ in members])[:, None]
        runs = [(np.where(equal, needed, -1), needed)]
    with jax.enable_x64(True):
        return Counts(
            scope=jax.device_put(scope),
            present=jax.device_put(present),
            values=jax.device_put(bits.pack_host(values)),
            least=jax.device_put(np.stack([least for least, _ in runs], 1).astype(np.int32)),
            most=jax.device_put(np.stack([most for _, most in runs], 1).astype(np.int32)),
            numbered=numbered,
        )


@flax.struct.dataclass
class Counts:
    """Counts; see `Propagator`.

    Where one variable is the number, or counts repeatedly, it is position 0 and the other L = K - 1
    are counted; each of its N values allows R runs of counts. Where there is none, L = K and N = 1.
    """

    scope: jax.Array  # int32[C, K]
    present: jax.Array  # bool[C, K]
    values: jax.Array  # uint64[C, L, W]: what is counted
    least: jax.Array  # int32[C, R, N]: the first count of a run
    most: jax.Array  # int32[C, R, N]: the last one
    numbered: bool = flax.struct.field(pytree_node=False)

    @jax.named_scope("count")
    def prune(self, domains: jax.Array) -> jax.Array:
        dtype = domains.dtype
        nothing, everything = bits.nothing(dtype), bits.everything(dtype)
        counted = domains[:, self.numbered :]
        present = self.present[:, self.numbered :, None]
        values = bits.narrow(self.values, dtype)[..., None]
        within = any_row(counted & values != nothing, 2) & present  # [C, L, B]
        beyond = any_row(counted & ~values != nothing, 2)
        must, may = _sums(within & ~beyond, within)
        there: jax.Array | bool = True
        if self.numbered:
            there = bits.unpack(domains[:, 0], self.most.shape[2], axis=1)  # [C, N, B]

        def allowed(low: jax.Array, high: jax.Array) -> jax.Array:
            """``bool[C, N, B]``: the number is there and allows a count from low to high."""
            low, high = low[:, None, None], high[:, None, None]
            met = (low <= self.most[..., None]) & (self.least[..., None] <= high)
            return jnp.any(met, axis=1) & there

        fits = allowed(must, may)
        one_more = any_row(allowed(must + 1, may), 1)[:, None, None]
        one_less = any_row(allowed(must, may - 1), 1)[:, None, None]
        lanes = jnp.where(one_more, values, nothing) | jnp.where(one_less, ~values, nothing)
        lanes = jnp.where((within & beyond)[:, :, None], lanes, everything)
        lanes = jnp.where(any_row(fits, 1)[:, None, None], lanes, nothing)
        if self.numbered:
            number = bits.pack(fits, axis=1, dtype=dtype)
            lanes = jnp.concatenate([number[:, None], lanes], axis=1)
        return jnp.where(self.present[..., None, None], lanes, everything)


def _sums(must: jax.Array, may: jax.Array) -> tuple[jax.Array, jax.Array]:
    """How many of ``bool[C, L, B]`` hold, ``int32[C, B]``; added up in the narrowest integers."""
    narrow = np.min_scalar_type(must.shape[1])
    found = reduce_rows(
        (must.astype(narrow), may.astype(narrow)),
        (narrow.type(0), narrow.type(0)),
        lambda a, b: (a[0] + b[0], a[1] + b[1]),
        1,
    )
    return found[0].astype(jnp.int32), found[1].astype(jnp.int32)
