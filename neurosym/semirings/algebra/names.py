"""The names by which configs and the command line call semirings."""

import difflib
import importlib
from collections.abc import Callable

from neurosym.semirings.algebra.instances import (
    ALL,
    BOOLEAN,
    COUNTING,
    LOG,
    MAX_MIN,
    MAX_TIMES,
    MIN_PLUS,
    REAL,
    smooth_max,
)
from neurosym.semirings.algebra.k_best import K_BEST
from neurosym.semirings.algebra.moments import EXPECTATION, VARIANCE
from neurosym.semirings.algebra.provenance import ADD_MULT, NOISY_OR
from neurosym.semirings.algebra.semiring import Semiring

_ALIASES = {
    "bool": BOOLEAN,
    "count": COUNTING,
    "probability": REAL,
    "sum_product": REAL,
    "log_probability": LOG,
    "max_product": MAX_TIMES,
    "viterbi": MAX_TIMES,
    "tropical": MIN_PLUS,
    "godel": MAX_MIN,
    "fuzzy": MAX_MIN,
} | {semiring.name: semiring for semiring in (*ALL, EXPECTATION, VARIANCE, ADD_MULT, NOISY_OR)}

_FAMILIES: dict[str, tuple[Callable[..., Semiring], type]] = {
    "smooth_max": (smooth_max, float),
    "k_best": (K_BEST, int),
}


def semiring_by_name(name: str) -> Semiring:
    """The semiring that a config or the command line names.

    Args:
      name: of a semiring here; "smooth_max(0.5)" or "k_best(3)" for one with a parameter; or
        "package.module:NAME" for one of the user's own.

    Raises:
      ValueError: if there is no semiring of that name; the message lists the near names, and all
        names.
    """
    module, colon, attribute = str(name).partition(":")
    if colon:
        return _imported(module, attribute)
    key = str(name).lower().replace("-", "_").replace(" ", "")
    if key in _ALIASES:
        return _ALIASES[key]
    family, _, parameter = key.partition("(")
    if family in _FAMILIES:
        make, kind = _FAMILIES[family]
        try:
            value = kind(parameter.removesuffix(")"))
        except ValueError:
            raise ValueError(
                f"semiring {name!r} needs a number in parentheses, as in {family}(2)"
            ) from None
        return make(value)
    known = [*_ALIASES, *_FAMILIES]
    near = difflib.get_close_matches(key, known, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    names = ", ".join(dict.fromkeys(semiring.name for semiring in _ALIASES.values()))
    raise ValueError(
        f"there is no semiring {name!r}.{hint} There are: {names}, smooth_max(τ), k_best(k)."
    )


def _imported(module: str, attribute: str) -> Semiring:
    try:
        semiring = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"semiring {module}:{attribute} cannot be imported: {error}") from error
    if not isinstance(semiring, Semiring):
        raise ValueError(f"{module}:{attribute} is not a Semiring but {semiring!r}")
    return semiring
