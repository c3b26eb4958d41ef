"""`Constraint`: what a user declares about some variables of a problem.

A constraint has four readings:

1. *check* an assignment;
2. *prune* bits: the values that some allowed assignment within the domains uses;
3. *total* and *support* in any semiring;
4. the law that ties them, in `neurosym.testing`: pruning is the Boolean through.

It exists in three forms, and each form knows less about the others than the form before it:

    declaration   AllDifferent(x, y)              names variables; this file
    placements    Placed(relation, (0, 4)), ...   what holds, and where (`relation.py`)
    propagator    arrays of many placements       what the hard engine calls (`propagator.py`)

The soft engine reads the second form: a relation lowers itself to tensors (`lowering.py`).
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from neurosym.problems.constraints.lowering import DenseLowering, Labels, Lowering
from neurosym.problems.constraints.propagator import Coupled, Propagator, power_of_two
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.scoped import unscoped

if TYPE_CHECKING:
    from neurosym.problems.constraints.clause import Clause, Conjunction
    from neurosym.problems.variable import Variable

Group = Propagator
"""The name that propagators had before."""

__all__ = [
    "Constraint",
    "Coupled",
    "DenseLowering",
    "Group",
    "Labels",
    "Lowering",
    "Placed",
    "Propagator",
    "Relation",
    "placements",
    "power_of_two",
]


class Constraint(abc.ABC):
    """A declaration: what must hold between some variables of a problem.

    A kind of constraint says either what it compiles to, with `check` and `compile`, or which other
    constraints it is made of, with `decompose` alone.
    """

    scope: tuple[Variable, ...]

    def check(self, values: Sequence[Hashable]) -> bool:
        """Whether the values of ``scope``, in its order, satisfy the constraint."""
        given = dict(zip(self.scope, values, strict=True))
        return all(part.check([given[variable] for variable in part.scope]) for part in self._parts)

    def decompose(self) -> Sequence[Constraint]:
        """Constraints over variables of ``scope`` that hold together exactly if this one does.

        Check, pruning, total and export follow from them. Pruning asks each part alone, so it may
        leave a value that no assignment allowed by all parts uses.
        """
        raise NotImplementedError(self.lacks())

    def compile(self) -> Sequence[Placed]:
        """What holds, and where: one relation in its place, or several that hold together."""
        return [placed for part in self._parts for placed in placements(part)]

    def lacks(self) -> str:
        """What its class leaves out of the definition of a constraint, in words; "" if nothing."""
        kind = type(self)
        if kind.decompose is not Constraint.decompose:
            return ""
        if kind.compile is Constraint.compile:
            return (
                f"{kind.__name__} defines neither compile(), what it compiles to, nor "
                "decompose(), the constraints that it is made of"
            )
        if kind.check is Constraint.check:
            return f"{kind.__name__} defines compile() but not check(), whether values satisfy it"
        return ""

    @functools.cached_property
    def _parts(self) -> tuple[Constraint, ...]:
        return tuple(self.decompose())

    def place(self, relation: Relation) -> tuple[Placed, ...]:
        """A relation over the whole ``scope``, in its order: most kinds compile to one."""
        return (Placed(relation, tuple([variable.index for variable in self.scope])),)

    def negated(self) -> Constraint:
        """The constraint that holds exactly where this one does not, ``~constraint``.

        Raises:
          ValueError: if this kind of constraint has no negation, which is the default; the message
            says what to write instead.
        """
        from neurosym.problems.constraints.negation import no_negation

        raise no_negation(self)

    def instead_of_negation(self) -> str:
        """What users of a kind without a negation write instead; it follows "Instead, …"."""
        if type(self).decompose is Constraint.decompose:
            return ""
        return (
            "declare for every part of decompose() a 0/1 variable b and add Reified(b, ~part); the "
            "Clause of all b is its negation"
        )

    def __invert__(self) -> Constraint:
        return self.negated()

    def __or__(self, other: object) -> Clause:
        """At least one holds: a `Clause`, of constraints on one variable each."""
        from neurosym.problems.constraints.clause import Clause

        return Clause((self, other)) if isinstance(other, Constraint) else NotImplemented

    def __and__(self, other: object) -> Conjunction:
        """Both hold: a `Conjunction`, of constraints on one variable each."""
        from neurosym.problems.constraints.clause import Conjunction

        return Conjunction((self, other)) if isinstance(other, Constraint) else NotImplemented

    def __bool__(self) -> bool:
        raise TypeError(
            "a constraint has no truth value: add it to a problem with problem.add(...), and write "
            "a <= b and b <= c as two constraints"
        )


def placements(constraint: Constraint) -> tuple[Placed, ...]:
    """The placements of a constraint, whatever form its `compile` has.

    A relation that comes without its place is over the whole scope of the constraint. A relation of
    the old form, which holds the indices of its variables itself, still works, with a warning.

    Raises:
      ValueError: for a relation in a place of another arity, or at one variable twice.
    """
    compiled = constraint.compile()
    if isinstance(compiled, Relation):
        old = hasattr(compiled, "scope")
        compiled = (unscoped(compiled),) if old else constraint.place(compiled)
    for relation, scope in compiled:
        if len(scope) != len(relation.sizes):
            raise ValueError(
                f"{constraint!r} compiles to a relation over {len(relation.sizes)} positions in a "
                f"place of {len(scope)} variables"
            )
        if len(set(scope)) < len(scope):
            raise ValueError(
                f"{constraint!r} compiles to a relation between variables that are not distinct, "
                f"{scope}"
            )
    return tuple(compiled)
