"""`Problem`: declaring variables and what must hold between them, in plain Python."""

from __future__ import annotations

import importlib
import itertools
import math
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sized
from typing import Any

import numpy as np

from neurosym.problems.arrays import VariableArray
from neurosym.problems.auxiliary import Auxiliary, guards_of
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.expression import Arithmetic
from neurosym.problems.network import Network, build_network
from neurosym.problems.objective import checked_objective, make_objective
from neurosym.problems.variable import Variable, describe_domain

MOST_VALUES = 1 << 25
"""Of all variables of a problem together. A declaration beyond it would fill the memory before
anything could say that the problem is too large."""


class ContradictionWarning(UserWarning):
    """A constraint was added that never holds."""


class Problem:
    """Variables over finite domains and constraints between them.

    >>> problem = Problem()
    >>> a = problem.variable("a", domain=range(10))
    >>> b = problem.variable("b", domain=range(10))
    >>> total = problem.variable("total", domain=range(19))
    >>> problem.add(a + b == total)
    >>> network = problem.compile()
    >>> network.mask.shape
    (3, 19)
    """

    def __init__(self) -> None:
        self._variables: dict[str, Variable] = {}
        self._constraints: list[Constraint] = []
        self._values = 0  # of all variables together
        self._auxiliaries: list[Auxiliary] = []
        self._objective: tuple[Arithmetic, int] | None = None

    @classmethod
    def from_cpmpy(cls, model: Any) -> Problem:
        """A model of CPMpy (the extra ``cpmpy``) as a problem; `neurosym.languages.cpmpy` makes it.

        The variables of the model come first and keep their names; auxiliary ones follow from them,
        so that each solution counts once.
        """
        # The room of languages stands above this one, so its name is looked up when it is needed.
        return importlib.import_module("neurosym.languages.cpmpy").problem_of(model)

    @property
    def declared(self) -> tuple[Variable, ...]:
        """The variables, in the order of their declaration, which arrays over them keep."""
        return tuple(self._variables.values())

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints, in the order in which they were added."""
        return tuple(self._constraints)

    def variable(self, name: str, *, domain: Iterable[Hashable]) -> Variable:
        """Declares one variable.

        Args:
          name: unique in this problem.
          domain: distinct hashable values; their order is that of the arrays over them.

        Raises:
          ValueError: for a name that is taken or empty, or a domain that is empty, repeats a value
            or holds one that cannot be hashed; or if the problem grows beyond `MOST_VALUES`.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"a variable's name is a non-empty string, not {name!r}")
        if name in self._variables:
            raise ValueError(f"variable {name!r} is declared already")
        values = self._domain(name, domain, 1)
        variable = Variable(problem=self, name=name, domain=values, index=len(self._variables))
        self._variables[name] = variable
        self._values += len(values)
        return variable

    def variables(
        self, name: str, *, shape: int | tuple[int, ...], domain: Iterable[Hashable]
    ) -> VariableArray:
        """Declares an array of variables ``name[i, j, ...]`` over one domain.

        Returns:
          An object array of that shape: NumPy indexing, slices and ``sum()`` work on it, and so do
          comparisons (``xs <= 2``) and an index that is an expression (``xs[y + 1]``).

        Raises:
          ValueError: as `variable`, or for a shape with a negative or no extent.
        """
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if not shape or any(extent < 1 for extent in shape):
            raise ValueError(f"the shape of variables {name!r} must be positive, not {shape}")
        values = self._domain(name, domain, math.prod(shape))
        array = np.empty(shape, object).view(VariableArray)
        for position in np.ndindex(*shape):
            subscript = ", ".join(str(p) for p in position)
            array[position] = self.variable(f"{name}[{subscript}]", domain=values)
        return array

    def add(self, *constraints: Any) -> None:
        """Adds constraints.

        Args:
          constraints: each a constraint, a 0/1 variable that is to be 1, or a list, generator or
            array of them. What always holds is left out. What never holds makes the problem
            unsatisfiable, with a `ContradictionWarning` that shows it.

        Raises:
          ValueError: if something is not a constraint, its class leaves a definition out, or it is
            on a variable of another problem.
        """
        from neurosym.problems.logic import constant_truth

        found = list(_flat(constraints))
        for constraint in found:
            if lacking := constraint.lacks():
                raise ValueError(lacking)
            for variable in constraint.visible:
                if variable.problem is not self:
                    raise ValueError(
                        f"{constraint!r} is on variable {variable.name!r} of another problem"
                    )
        for constraint in found:
            if not constraint.visible:
                if constant_truth(constraint):
                    continue
                warnings.warn(
                    f"{constraint} never holds, so the problem has no solution",
                    ContradictionWarning,
                    stacklevel=2,
                )
            self._constraints.append(constraint)

    def add_auxiliary(self, domain: tuple, expression: Any, name: str) -> Auxiliary:
        """A variable that equals an expression, or a constant where that is None; not declared."""
        variable = Auxiliary(
            problem=self,
            name=name,
            domain=domain,
            index=-1 - len(self._auxiliaries),
            expression=expression,
        )
        self._auxiliaries.append(variable)
        return variable

    def auxiliary(self, index: int) -> Auxiliary:
        """The auxiliary variable of an index, which is negative."""
        return self._auxiliaries[-1 - index]

    def __str__(self) -> str:
        lines = [f"{x} in {describe_domain(x.domain)}" for x in self.declared]
        lines += map(str, self._constraints)
        if self._objective is not None:
            expression, sense = self._objective
            lines.append(f"{'minimize' if sense == 1 else 'maximize'} {expression}")
        return "\n".join(lines)

    def minimize(self, expression: Any) -> None:
        """Says what `neurosym.optimize` is to make as small as possible, instead of what was said.

        Args:
          expression: over variables, with integer values; a constraint counts as 0 or 1.

        Raises:
          ValueError: for something else, or for a range that does not fit 60 bits, with the range.
        """
        self._objective = checked_objective(expression, self), 1

    def maximize(self, expression: Any) -> None:
        """As `minimize`, for what is to be as large as possible."""
        self._objective = checked_objective(expression, self), -1

    def compile(self) -> Network:
        """The problem as a frozen pytree of flat arrays.

        Raises:
          ValueError: if the problem has no variables.
        """
        if not self._variables:
            raise ValueError("a problem without variables cannot be compiled")
        if self._objective is None:
            return build_network(self.declared, self.constraints)
        expression, sense = self._objective
        # An objective has a value wherever its parts have one, and only there.
        constraints = (*self.constraints, *guards_of([expression]))
        objective = make_objective(expression, sense, self.declared, self)
        return build_network(self.declared, constraints, objective)

    def _domain(self, name: str, values: Iterable[Hashable], count: int) -> tuple[Hashable, ...]:
        """The values of a domain of so many variables, checked before they take memory."""
        most = (MOST_VALUES - self._values) // count
        domain = () if _length(values) > most else tuple(itertools.islice(values, most + 1))
        if _length(values) > most or len(domain) > most:
            raise ValueError(
                f"with variable {name!r} the domains of this problem would have more than "
                f"{MOST_VALUES:,} values together"
            )
        return _checked(name, domain)


def _flat(given: Iterable[Any]) -> Iterator[Constraint]:
    """Constraints, however they are nested in lists, generators and arrays."""
    from neurosym.problems.logic import All, always

    for one in given:
        if isinstance(one, All):
            yield from _flat(one.parts)
        elif isinstance(one, Constraint):
            yield one
        elif isinstance(one, bool | np.bool_):
            yield always(bool(one))
        elif isinstance(one, Variable) and set(one.domain) <= {0, 1}:
            yield one.isin([value for value in one.domain if value])
        elif isinstance(one, np.ndarray):
            yield from _flat(one.ravel().tolist())
        elif isinstance(one, Iterable) and not isinstance(one, str | bytes | Mapping):
            yield from _flat(one)
        else:
            raise ValueError(f"{one!r} is not a constraint")


def _length(values: Iterable[Hashable]) -> float:
    """How many values there are; 0 where only counting them would tell."""
    try:
        return len(values) if isinstance(values, Sized) else 0
    except OverflowError:  # of a long range
        return math.inf


def _checked(name: str, domain: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
    if not domain:
        raise ValueError(f"the domain of variable {name!r} is empty")
    seen: set[Hashable] = set()
    for value in domain:
        try:
            repeated = value in seen
        except TypeError:
            raise ValueError(
                f"the domain of variable {name!r} has a value that cannot be hashed: {value!r}"
            ) from None
        if repeated:
            raise ValueError(f"the domain of variable {name!r} repeats the value {value!r}")
        seen.add(value)
    return domain
