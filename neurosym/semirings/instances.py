"""The semirings that come with the framework, and the names that configs call them by.

| name | elements | ⊕ | ⊗ | the total of a problem is |
| --- | --- | --- | --- | --- |
| BOOLEAN | bool | or | and | satisfiable? |
| COUNTING | int32 | + | × | the number of solutions, saturating |
| REAL | float | + | × | the probability that the constraints hold |
| LOG | float | logaddexp | + | the same, as a log-probability |
| MAX_TIMES | float | max | + | the log-probability of the best solution |
| MIN_PLUS | float | min | + | the cost of the cheapest solution |
| MAX_MIN | float in [0, 1] | max | min | the fuzzy truth (Gödel) |
"""

import difflib
import importlib

import jax
import jax.numpy as jnp

from neurosym.semirings.semiring import RealCoordinates, Semiring

INT_LIMIT = 2**31 - 1
"""The largest count: COUNTING saturates here, so a total of this value means "at least"."""


def _logsumexp(x: jax.Array, axis: int) -> jax.Array:
    largest = jnp.max(x, axis=axis, keepdims=True)
    largest = jnp.where(jnp.isfinite(largest), largest, 0)
    return jnp.log(jnp.sum(jnp.exp(x - largest), axis=axis)) + jnp.squeeze(largest, axis)


def _softmax_share(x: jax.Array, total: jax.Array) -> jax.Array:
    vanished = total == -jnp.inf
    return jnp.where(vanished, 0, jnp.exp(x - jnp.where(vanished, 0, total)))


def _safe_log(x: jax.Array) -> jax.Array:
    """The logarithm with -inf and a zero derivative, not NaN, at zero."""
    return jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)), -jnp.inf)


def _saturate(x: jax.Array) -> jax.Array:
    return jnp.minimum(x, INT_LIMIT).astype(jnp.int32)


# Saturating natural numbers are themselves a commutative semiring, so the laws hold to the last
# element. Each step is computed in 64 bits, where a sum of up to 2**32 counts is exact.
def _count_add(x: jax.Array, y: jax.Array) -> jax.Array:
    with jax.enable_x64(True):
        return _saturate(x.astype(jnp.int64) + y.astype(jnp.int64))


def _count_mul(x: jax.Array, y: jax.Array) -> jax.Array:
    with jax.enable_x64(True):
        return _saturate(x.astype(jnp.int64) * y.astype(jnp.int64))


def _count_sum(x: jax.Array, axis: int) -> jax.Array:
    with jax.enable_x64(True):
        return _saturate(jnp.sum(x.astype(jnp.int64), axis=axis))


BOOLEAN = Semiring(
    name="boolean",
    zero=False,
    one=True,
    add=jnp.logical_or,
    mul=jnp.logical_and,
    dtype="bool",
    fold_sum=lambda x, axis: jnp.any(x, axis=axis),
    fold_prod=lambda x, axis: jnp.all(x, axis=axis),
    from_log=lambda log_p: log_p > -jnp.inf,
    idempotent=True,
    selective=True,
    selective_mul=True,
    ordered="increasing",
)

COUNTING = Semiring(
    name="counting",
    zero=0,
    one=1,
    add=_count_add,
    mul=_count_mul,
    dtype="int32",
    fold_sum=_count_sum,
    from_log=lambda log_p: (log_p > -jnp.inf).astype(jnp.int32),
    ordered="increasing",
)

REAL = Semiring(
    name="real",
    zero=0.0,
    one=1.0,
    add=jnp.add,
    mul=jnp.multiply,
    responsibility=lambda x, total: jnp.ones_like(x),
    cofactor=lambda x, y: y,
    fold_sum=lambda x, axis: jnp.sum(x, axis=axis),
    fold_prod=lambda x, axis: jnp.prod(x, axis=axis),
    from_log=jnp.exp,
    to_log=_safe_log,
    coordinates=RealCoordinates(
        encode=lambda x: x,
        decode=lambda x: x,
        derivative=lambda x, encoded: jnp.ones_like(x),
        shifted=False,
    ),
)

LOG = Semiring(
    name="log",
    zero=-float("inf"),
    one=0.0,
    add=jnp.logaddexp,
    mul=jnp.add,
    responsibility=_softmax_share,
    cofactor=lambda x, y: jnp.ones_like(x),
    fold_sum=_logsumexp,
    fold_prod=lambda x, axis: jnp.sum(x, axis=axis),
    from_log=lambda log_p: log_p,
    to_log=lambda x: x,
    coordinates=RealCoordinates(
        encode=jnp.exp,
        decode=jnp.log,
        derivative=lambda x, encoded: encoded,
        shifted=True,
    ),
    ordered="increasing",
)

MAX_TIMES = Semiring(
    name="max_times",
    zero=-float("inf"),
    one=0.0,
    add=jnp.maximum,
    mul=jnp.add,
    responsibility=lambda x, total: (x == total) & (total > -jnp.inf),
    cofactor=lambda x, y: jnp.ones_like(x),
    fold_sum=lambda x, axis: jnp.max(x, axis=axis),
    fold_prod=lambda x, axis: jnp.sum(x, axis=axis),
    from_log=lambda log_p: log_p,
    to_log=lambda x: x,
    idempotent=True,
    selective=True,
    ordered="increasing",
)

MIN_PLUS = Semiring(
    name="min_plus",
    zero=float("inf"),
    one=0.0,
    add=jnp.minimum,
    mul=jnp.add,
    responsibility=lambda x, total: (x == total) & (total < jnp.inf),
    cofactor=lambda x, y: jnp.ones_like(x),
    fold_sum=lambda x, axis: jnp.min(x, axis=axis),
    fold_prod=lambda x, axis: jnp.sum(x, axis=axis),
    from_log=lambda log_p: -log_p,
    to_log=lambda x: -x,
    idempotent=True,
    selective=True,
    ordered="decreasing",
)

MAX_MIN = Semiring(
    name="max_min",
    zero=0.0,
    one=1.0,
    add=jnp.maximum,
    mul=jnp.minimum,
    responsibility=lambda x, total: x == total,
    cofactor=lambda x, y: x <= y,
    fold_sum=lambda x, axis: jnp.max(x, axis=axis),
    fold_prod=lambda x, axis: jnp.min(x, axis=axis, initial=1.0),
    from_log=jnp.exp,
    to_log=_safe_log,
    idempotent=True,
    selective=True,
    selective_mul=True,
    ordered="increasing",
)

ALL = (BOOLEAN, COUNTING, REAL, LOG, MAX_TIMES, MIN_PLUS, MAX_MIN)

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
} | {semiring.name: semiring for semiring in ALL}


def semiring_by_name(name: str) -> Semiring:
    """The semiring that a config or the command line names.

    Args:
      name: of a semiring here, or "package.module:NAME" for one of the user's own.

    Raises:
      ValueError: if there is none of that name; the message lists the near ones and all.
    """
    module, colon, attribute = str(name).partition(":")
    if colon:
        return _imported(module, attribute)
    key = str(name).lower().replace("-", "_")
    if key in _ALIASES:
        return _ALIASES[key]
    near = difflib.get_close_matches(key, _ALIASES, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    names = ", ".join(semiring.name for semiring in ALL)
    raise ValueError(f"there is no semiring {name!r}.{hint} There are: {names}.")


def _imported(module: str, attribute: str) -> Semiring:
    try:
        semiring = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"semiring {module}:{attribute} cannot be imported: {error}") from error
    if not isinstance(semiring, Semiring):
        raise ValueError(f"{module}:{attribute} is no Semiring but {semiring!r}")
    return semiring
