"""How a semiring is pickled and copied: by its place or its constructor, never by its functions.

    LOG                ->  the name "LOG" of the module "neurosym.semirings"
    K_BEST(3)          ->  the constructor K_BEST and its arguments (3, 1)
    VITERBI of a user  ->  the name "VITERBI" of the user's module

Programs are compiled and remembered for a semiring as an object, and two semirings are equal only
where they are the same object. Unpickling therefore gives the object that stands there already.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from neurosym.semirings.algebra.semiring import Semiring

P = ParamSpec("P")
S = TypeVar("S", bound="Semiring")

RECENT = 256
"""Members of a family that stay alive although nothing refers to them."""


def family(constructor: Callable[P, S]) -> Callable[P, S]:
    """Makes a constructor give the same object for equal arguments, however they are written.

    The members of the family are pickled as a call of the constructor, which must therefore stand
    in its module under its own name.

    >>> import pickle
    >>> from neurosym.semirings import K_BEST
    >>> K_BEST(3) is K_BEST(k=3, words=1)
    True
    >>> pickle.loads(pickle.dumps(K_BEST(3))) is K_BEST(3)
    True
    """
    signature = inspect.signature(constructor)
    alive: weakref.WeakValueDictionary[tuple, S] = weakref.WeakValueDictionary()

    @functools.lru_cache(maxsize=RECENT)
    def member(*arguments: Any) -> S:
        found = alive.get(arguments)
        if found is None:
            found = constructor(*arguments)  # type: ignore[call-arg]
            object.__setattr__(found, "_call", (call, arguments))
            alive[arguments] = found
        return found

    @functools.wraps(constructor)
    def call(*args: P.args, **kwargs: P.kwargs) -> S:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return member(*bound.args)

    return call


def reduced(semiring: Semiring) -> tuple[Callable[..., Semiring], tuple]:
    """The form in which `pickle` stores a semiring: a function and its arguments.

    Raises:
      pickle.PicklingError: if no module that is imported holds the semiring under a name.
    """
    call = getattr(semiring, "_call", None)
    if call is not None:
        return call
    for module, content in list(sys.modules.items()):
        for name, value in list(getattr(content, "__dict__", {}).items()):
            if value is semiring and not name.startswith("_"):
                return named, (module, name)
    raise pickle.PicklingError(
        f"{semiring!r} cannot be pickled: it is found again by its name in a module, and no "
        "module holds it. Assign it to a name at the top level of a module"
    )


def named(module: str, name: str) -> Semiring:
    """The semiring that stands in a module under a name."""
    return getattr(importlib.import_module(module), name)
