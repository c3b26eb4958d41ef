"""The ways in which a built-in or a Python function holds of terms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from neurosym.programs.arithmetic import EvaluationError
from neurosym.programs.builtins import BUILTINS, Equations
from neurosym.programs.clauses import Goal, Signature
from neurosym.programs.syntax import Place
from neurosym.programs.terms import (
    Bindings,
    Term,
    from_python,
    is_ground,
    resolve,
    show,
    signature,
    to_python,
    unify,
)

Foreign = Mapping[Signature, Callable[..., Any]]


def computed(goal: Goal, bindings: Bindings, foreign: Foreign, place: Place) -> Iterator[Bindings]:
    """The bindings under which a built-in or foreign predicate holds.

    Args:
      goal: of the kind "builtin" or "foreign".
      bindings: so far.
      foreign: the Python functions of a program.
      place: of the body, for errors.

    Raises:
      ProgramError: if it cannot be computed.
    """
    atom = resolve(goal.atom, bindings)
    arguments = atom[1:] if isinstance(atom, tuple) else ()
    try:
        if goal.kind == "foreign":
            ways = _call_foreign(foreign[signature(atom)], arguments)
        else:
            ways = BUILTINS[signature(atom)](*arguments)
        for equations in ways:
            own = dict(bindings)
            if all(unify(x, y, own) for x, y in equations):
                yield own
    except EvaluationError as error:
        raise place.error(f"in {show(resolve(goal.atom, bindings))}: {error}") from None


def _call_foreign(function: Callable[..., Any], arguments: Sequence[Term]) -> Iterator[Equations]:
    """The ways in which a Python function holds.

    One of as many parameters as the predicate has arguments is a test; one of one parameter less
    gives the value of the last argument, or a list of its values.

    Raises:
      EvaluationError: if an argument that it reads is not bound, or it has other parameters.
    """
    count = len(inspect.signature(function).parameters)
    inputs = arguments[:count]
    if count not in (len(arguments), len(arguments) - 1):
        raise EvaluationError(
            f"the Python function has {count} parameters, and the predicate {len(arguments)} "
            "arguments: it has as many, or one less and returns the last argument"
        )
    if not all(is_ground(x) for x in inputs):
        raise EvaluationError("an argument that a Python function reads is not bound")
    found = function(*map(to_python, inputs))
    if count == len(arguments):
        if found:
            yield ()
        return
    for value in found if isinstance(found, list) else [found]:
        yield [(arguments[-1], from_python(value))]
