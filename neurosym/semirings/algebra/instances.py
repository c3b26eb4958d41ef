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
| LUKASIEWICZ | float in [0, 1] | max | max(0, x + y - 1) | the fuzzy truth (Łukasiewicz) |
| `smooth_max` (τ) | float | τ logaddexp(x/τ, y/τ) | + | between LOG (τ = 1) and MAX_TIMES (τ → 0) |

Elements of several parts are in `moments` (EXPECTATION, VARIANCE) and `k_best` (K_BEST); algebras
that break a law and are useful all the same are in `provenance`.
"""

import jax
import jax.numpy as jnp

from neurosym.semirings.algebra.pickling import family
from neurosym.semirings.algebra.semiring import RealCoordinates, Semiring

INT_LIMIT = 2**31 - 1
"""The largest count: COUNTING saturates here, so a total of this value means "at least"."""


def _logsumexp(x: jax.Array, axis: int, tau: float = 1) -> jax.Array:
    largest = jnp.max(x, axis=axis, keepdims=True)
    largest = jnp.where(jnp.isfinite(largest), largest, 0)
    total = safe_log(jnp.sum(jnp.exp((x - largest) / tau), axis=axis))
    return tau * total + jnp.squeeze(largest, axis)


# The rule never differentiates what follows, but where a scan is differentiated in reverse and then
# again, JAX differentiates the values of what it has differentiated once: they are written so that
# their own derivatives are finite at -inf.
def _logaddexp(x: jax.Array, y: jax.Array, tau: float = 1) -> jax.Array:
    high, low = jnp.maximum(x, y), jnp.minimum(x, y)
    return high + tau * jnp.log1p(jnp.exp(jnp.where(low == high, 0, low - high) / tau))


def _softmax_share(x: jax.Array, total: jax.Array, tau: float = 1) -> jax.Array:
    vanished = total == -jnp.inf
    return jnp.where(vanished, 0, jnp.exp((x - jnp.where(vanished, 0, total)) / tau))


def safe_log(x: jax.Array) -> jax.Array:
    """The logarithm with -inf and a zero derivative, not NaN, at zero."""
    # NaN passes through: it must not read as impossible.
    return jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)), jnp.where(jnp.isnan(x), x, -jnp.inf))


def log_complement(x: jax.Array) -> jax.Array:
    """``log(1 - exp(x))`` for log-probabilities, with a zero derivative where that is -inf."""
    possible = x < 0
    x = jnp.where(possible, x, -1)
    # https://cran.r-project.org/web/packages/Rmpfr/vignettes/log1mexp-note.pdf
    near = x > -0.6931472
    y = jnp.where(
        near,
        jnp.log(-jnp.expm1(jnp.where(near, x, -1))),
        jnp.log1p(-jnp.exp(jnp.where(near, -1, x))),
    )
    return jnp.where(possible, y, -jnp.inf)


def log_normalised(scores: jax.Array) -> jax.Array:
    """Log-probabilities ``float[D, ...]`` in proportion to log-scores, along the first axis; -inf
    where all of them are."""
    largest = jax.lax.stop_gradient(jnp.max(scores, 0))
    possible = largest != -jnp.inf
    scores = scores - jnp.where(possible, largest, 0)
    total = jnp.where(possible, jnp.sum(jnp.exp(scores), 0), 1)
    return jnp.where(possible, scores - jnp.log(total), -jnp.inf)


def _log_ratio(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.where(x == -jnp.inf, -jnp.inf, x - y)


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
    star=jnp.ones_like,
    complement=jnp.logical_not,
    idempotent=True,
    selective=True,
    selective_mul=True,
    ordered="increasing",
)
"""Booleans with or and and: whether there is a solution. No derivative."""

COUNTING = Semiring(
    name="counting",
    zero=0,
    one=1,
    add=_count_add,
    mul=_count_mul,
    dtype="int32",
    fold_sum=_count_sum,
    from_log=lambda log_p: (log_p > -jnp.inf).astype(jnp.int32),
    star=lambda x: jnp.where(x == 0, 1, INT_LIMIT),
    ordered="increasing",
)
"""int32 with + and ×: how many solutions there are; 2³¹ - 1 means at least so many. No
derivative."""

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
    to_log=safe_log,
    negate=jnp.negative,
    divide=lambda x, y: x / y,
    star=lambda x: 1 / (1 - x),
    complement=lambda x: 1 - x,
    coordinates=RealCoordinates(
        encode=lambda x: x,
        decode=lambda x: x,
        derivative=lambda x, encoded: jnp.ones_like(x),
        shifted=False,
    ),
)
"""Numbers with + and ×: probabilities as they are, which underflow in large problems."""

LOG = Semiring(
    name="log",
    zero=-float("inf"),
    one=0.0,
    add=_logaddexp,
    mul=jnp.add,
    responsibility=_softmax_share,
    cofactor=lambda x, y: jnp.ones_like(x),
    fold_sum=_logsumexp,
    fold_prod=lambda x, axis: jnp.sum(x, axis=axis),
    from_log=lambda log_p: log_p,
    to_log=lambda x: x,
    divide=_log_ratio,
    star=lambda x: -log_complement(x),
    complement=log_complement,
    coordinates=RealCoordinates(
        encode=jnp.exp,
        decode=safe_log,
        derivative=lambda x, encoded: encoded,
        shifted=True,
    ),
    ordered="increasing",
)
"""Log-probabilities with log-add-exp and +: the default of the soft engine."""

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
    divide=_log_ratio,
    star=lambda x: jnp.where(x > 0, jnp.inf, jnp.zeros_like(x)),
    complement=log_complement,
    idempotent=True,
    selective=True,
    ordered="increasing",
)
"""Log-probabilities with max and +: the weight of the likeliest solution."""

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
    divide=lambda x, y: -_log_ratio(-x, -y),
    star=lambda x: jnp.where(x < 0, -jnp.inf, jnp.zeros_like(x)),
    complement=lambda x: -log_complement(-x),
    idempotent=True,
    selective=True,
    ordered="decreasing",
)
"""Costs with min and +: the cost of the cheapest solution, or the shortest path."""

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
    to_log=safe_log,
    truth_degrees=True,
    star=jnp.ones_like,
    complement=lambda x: 1 - x,
    idempotent=True,
    selective=True,
    selective_mul=True,
    ordered="increasing",
)
"""Degrees in [0, 1] with max and min (Gödel): the weakest link of the strongest solution."""

LUKASIEWICZ = Semiring(
    name="lukasiewicz",
    zero=0.0,
    one=1.0,
    add=jnp.maximum,
    # Written so that 1 is its identity to the last bit.
    mul=lambda x, y: jnp.maximum(jnp.minimum(x, y) - (1 - jnp.maximum(x, y)), 0),
    responsibility=lambda x, total: x == total,
    cofactor=lambda x, y: x + y > 1,
    fold_sum=lambda x, axis: jnp.max(x, axis=axis),
    from_log=jnp.exp,
    to_log=safe_log,
    truth_degrees=True,
    star=jnp.ones_like,
    complement=lambda x: 1 - x,
    idempotent=True,
    selective=True,
    ordered="increasing",
)
"""Degrees in [0, 1] with max and max(0, x + y - 1)."""


@family
def smooth_max(temperature: float) -> Semiring:
    """The smoothed maximum at a temperature τ: LOG at τ = 1, MAX_TIMES as τ → 0.

    ``x ⊕ y = τ log(exp(x/τ) + exp(y/τ))``, ``⊗ = +``. Equal temperatures give the same object.

    Args:
      temperature: τ > 0.

    Raises:
      ValueError: for a temperature that is not a positive number; at 0 the semiring is MAX_TIMES.
    """
    tau = float(temperature)
    if not 0 < tau < float("inf"):
        raise ValueError(
            f"the temperature of a smoothed maximum is a positive number, not {temperature}; "
            "at 0 use MAX_TIMES"
        )
    return Semiring(
        name=f"smooth_max({tau:g})",
        zero=-float("inf"),
        one=0.0,
        # Differences are divided, not the operands: x / τ would lose what τ is small against.
        add=lambda x, y: _logaddexp(x, y, tau),
        mul=jnp.add,
        responsibility=lambda x, total: _softmax_share(x, total, tau),
        cofactor=lambda x, y: jnp.ones_like(x),
        fold_sum=lambda x, axis: _logsumexp(x, axis, tau),
        fold_prod=lambda x, axis: jnp.sum(x, axis=axis),
        from_log=lambda log_p: log_p,
        to_log=lambda x: x,
        divide=_log_ratio,
        complement=log_complement,
        coordinates=RealCoordinates(
            encode=lambda x: jnp.exp(x / tau),
            decode=lambda x: tau * safe_log(x),
            derivative=lambda x, encoded: encoded / tau,
            shifted=True,
        ),
        ordered="increasing",
    )


ALL = (BOOLEAN, COUNTING, REAL, LOG, MAX_TIMES, MIN_PLUS, MAX_MIN, LUKASIEWICZ)
"""Those whose elements are one number each and that take no parameter."""
