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
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.problems.constraints.lowering import DenseLowering, Labels, Lowering
from neurosym.problems.constraints.propagator import Coupled, Propagator, power_of_two
from neurosym.problems.constraints.relation import Placed, Relation
from neurosym.problems.constraints.scoped import unscoped

if TYPE_CHECKING:
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

    Attributes:
      scope: its variables. Where an argument was an expression, an auxiliary variable stands for it
        (`neurosym.problems.auxiliary`).
      guards: constraints that must hold as well, because an expression has a value only then: an
        index lies inside of its array, a divisor is not 0.
      written: how it was written, where that says more than its form: the two sides of a
        comparison and the sign between them, or one text.
      truth: itself as a number, once that was asked for.
    """

    scope: tuple[Variable, ...]
    guards: tuple[Constraint, ...] = ()
    written: tuple[Any, ...] = ()
    truth: Any = None

    def check(self, values: Sequence[Hashable]) -> bool:
        """Whether the values of ``scope``, in its order, satisfy the constraint."""
        from neurosym.problems.logic import holds

        given = dict(zip(self.scope, values, strict=True))
        if all(not x.guards and set(x.scope) <= given.keys() for x in self._parts):
            return all(part.check([given[x] for x in part.scope]) for part in self._parts)
        index = {x: np.asarray(x.value_index(value)) for x, value in given.items()}
        return all(bool(holds(part, index)) for part in self._parts)

    def holds(self, given: dict[Variable, np.ndarray]) -> Any:
        """`check` of many assignments, without the guards.

        Args:
          given: value indices of the declared variables, as arrays that broadcast.
        """
        from neurosym.problems.logic import index_of

        index = np.broadcast_arrays(*(index_of(x, given) for x in self.scope))
        found = np.empty(index[0].shape if index else (), np.bool_)
        for place in np.ndindex(*found.shape):
            pairs = zip(self.scope, index, strict=True)
            found[place] = self.check([x.domain[int(held[place])] for x, held in pairs])
        return found

    @property
    def visible(self) -> tuple[Variable, ...]:
        """The distinct declared variables that it reads."""
        scope = self.scope
        if not self.guards and all(variable.index >= 0 for variable in scope):
            return tuple(scope)
        every = [x for variable in scope for x in variable._visible()]
        every += [x for guard in self.guards for x in guard.visible]
        return tuple(dict.fromkeys(every))

    def decompose(self) -> Sequence[Constraint]:
        """Constraints over variables of ``scope`` that hold together exactly if this one does.

        They may be over expressions. Check, pruning, total, export and negation follow from them.
        Pruning asks each part alone, so it may leave a value that no assignment allowed by all
        parts uses. Parts that share expressions are best given as one `all_of`.
        """
        raise NotImplementedError(self.lacks())

    def compile(self) -> Sequence[Placed]:
        """What holds, and where: one relation in its place, or several that hold together."""
        return [placed for part in self._parts for placed in guarded_placements(part, self.scope)]

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
          ValueError: if this kind of constraint has no negation, which is the default for those
            that are not made of others; the message says what to write instead.
        """
        from neurosym.problems.constraints.tabulated import tabulated, worth_tabulating
        from neurosym.problems.logic import any_of, negation

        parts = self.negatable()
        scope = self.scope
        if scope and all(x.index >= 0 for x in scope) and worth_tabulating(scope):
            return tabulated(scope, lambda given: ~self.holds(given), f"not ({self})")
        return any_of([negation(part) for part in parts])

    def negatable(self) -> Sequence[Constraint]:
        """Constraints with a negation of their own that hold together exactly if this one does.

        Raises:
          ValueError: if there are none.
        """
        from neurosym.problems.constraints.negation import no_negation
        from neurosym.problems.logic import parts_of

        if type(self).negated is not Constraint.negated:
            return (self,)
        if type(self).decompose is Constraint.decompose:
            raise no_negation(self)
        return [each for part in self._parts for each in parts_of(part)]

    def __str__(self) -> str:
        """As it was written, if it was an expression."""
        if not self.written:
            return repr(self)
        from neurosym.problems.expression import text

        if len(self.written) == 1:
            return str(self.written[0])
        left, relation, right = self.written
        return f"{text(left) if isinstance(left, Constraint) else left} {relation} " + (
            text(right) if isinstance(right, Constraint) else str(right)
        )

    def __invert__(self) -> Constraint:
        from neurosym.problems.logic import negation

        return negation(self)

    def __or__(self, other: object) -> Any:
        """At least one holds: a `Clause` where each is on one variable."""
        return self._joined("either", other)

    def __ror__(self, other: object) -> Any:
        return self._joined("either", other)

    def __and__(self, other: object) -> Any:
        """Both hold: a `Conjunction` where each is on one variable."""
        return self._joined("both", other)

    def __rand__(self, other: object) -> Any:
        return self._joined("both", other)

    def __xor__(self, other: object) -> Any:
        """Exactly one of both holds."""
        return self._joined("exactly_one", other)

    def __rxor__(self, other: object) -> Any:
        return self._joined("exactly_one", other)

    def implies(self, other: object) -> Any:
        """If this one holds, so does ``other``, a constraint or a 0/1 variable."""
        from neurosym.problems.logic import implication

        return implication(self, other)

    def _joined(self, name: str, other: object) -> Any:
        from neurosym.problems import expression, logic

        if isinstance(other, np.ndarray):
            return expression._logic(name, self, other)
        if not isinstance(other, Constraint | expression.Arithmetic | bool | np.bool_):
            return NotImplemented
        return getattr(logic, name)(self, other)

    # As a number a constraint is 1 where it holds, and 0 elsewhere.

    def _number(self) -> Any:
        from neurosym.problems.functions import truth

        return truth(self)

    def __add__(self, other: Any) -> Any:
        return self._number() + other

    def __radd__(self, other: Any) -> Any:
        return other + self._number()

    def __sub__(self, other: Any) -> Any:
        return self._number() - other

    def __rsub__(self, other: Any) -> Any:
        return other - self._number()

    def __neg__(self) -> Any:
        return -self._number()

    def __mul__(self, other: Any) -> Any:
        return self._number() * other

    def __rmul__(self, other: Any) -> Any:
        return other * self._number()

    def __eq__(self, other: object) -> Any:
        """That both hold or neither does; the truth value of it is whether they are one object."""
        return self._compared("==", other)

    def __ne__(self, other: object) -> Any:
        return self._compared("!=", other)

    def __lt__(self, other: object) -> Any:
        return self._compared("<", other)

    def __le__(self, other: object) -> Any:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Any:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Any:
        return self._compared(">=", other)

    def _compared(self, relation: str, other: object) -> Any:
        from neurosym.problems.expression import Arithmetic, compare
        from neurosym.problems.logic import Equivalence

        if isinstance(other, Constraint) and relation in ("==", "!="):
            return Equivalence(self, other, relation == "==")
        if isinstance(other, Constraint | Arithmetic | int | np.integer | np.bool_):
            return compare(self, relation, other)
        return NotImplemented

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        raise TypeError(
            "a constraint has no truth value: add it to a problem with problem.add(...), and write "
            "a <= b and b <= c as two constraints; write & for 'and', | for 'or' and ~ for 'not'"
        )


def guarded_placements(constraint: Constraint, scope: Sequence[Variable]) -> list[Placed]:
    """The placements of a constraint and its guards.

    What reads no variable holds everywhere, or nowhere: then no value of the first variable of
    ``scope`` is allowed.
    """
    from neurosym.problems.constraints.unary import UnaryRelation

    found: list[Placed] = []
    for each in (constraint, *constraint.guards):
        if any(variable._visible() for variable in each.scope):
            found += placements(each)
        elif not each.holds({}):
            nothing = UnaryRelation((False,) * len(scope[0].domain))
            found.append(Placed(nothing, (scope[0].index,)))
    return found


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
