"""Expectations, variances and entropies as totals: elements that carry moments beside a weight.

The expectation semiring (Eisner 2001, https://aclanthology.org/P02-1001/) pairs a weight p with
p f. For ``f(x) = Σ_i f_i(x_i)``, the total of a problem whose values have the elements
``(w, w f)`` is ``(Z, Σ_x w(x) f(x))``, so one pass upwards gives the expectation of f. The
second-order version (Li and Eisner 2009, https://aclanthology.org/D09-1005/) carries p f² too.

    total = ns.total(network, expectation_weights(w, f), semiring=ns.EXPECTATION)
    expectation(total)

Weights are plain numbers, not logarithms: a total below the smallest float is 0, and reads as if
there were no solution. To prevent this, scale the weights of each variable by a factor: expectation
and variance do not change.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra.instances import safe_log
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.conversion import as_floats

Part = Any
"""One array; a NumPy number in zero and one, whose structure is that of an element."""


class Expectation(NamedTuple):
    """Elements of EXPECTATION; parts of equal shape."""

    weight: Part  # float[...]
    moment: Part  # float[...]: weight × value, summed


class Moments(NamedTuple):
    """Elements of VARIANCE; parts of equal shape."""

    weight: Part  # float[...]
    first: Part  # float[...]: weight × value, summed
    second: Part  # float[...]: weight × value², summed


def _add(x: tuple, y: tuple) -> tuple:
    return jax.tree.map(jnp.add, x, y)


def _sum(x: tuple, axis: int) -> tuple:
    return jax.tree.map(lambda part: jnp.sum(part, axis=axis), x)


def _multiply_expectations(x: Expectation, y: Expectation) -> Expectation:
    return Expectation(x.weight * y.weight, x.weight * y.moment + x.moment * y.weight)


def _multiply_moments(x: Moments, y: Moments) -> Moments:
    return Moments(
        x.weight * y.weight,
        x.weight * y.first + x.first * y.weight,
        x.weight * y.second + 2 * x.first * y.first + x.second * y.weight,
    )


_NOTHING, _CERTAIN = np.float32(0), np.float32(1)

EXPECTATION = Semiring(
    name="expectation",
    zero=Expectation(_NOTHING, _NOTHING),
    one=Expectation(_CERTAIN, _NOTHING),
    add=_add,
    mul=_multiply_expectations,
    fold_sum=_sum,
    autodiff=True,
    from_log=lambda log_p: Expectation(jnp.exp(log_p), jnp.zeros_like(log_p)),
    to_log=lambda x: safe_log(x.weight),
    negate=lambda x: jax.tree.map(jnp.negative, x),
)
"""Elements `Expectation`: a weight, and that weight times a value, summed."""

VARIANCE = Semiring(
    name="variance",
    zero=Moments(_NOTHING, _NOTHING, _NOTHING),
    one=Moments(_CERTAIN, _NOTHING, _NOTHING),
    add=_add,
    mul=_multiply_moments,
    fold_sum=_sum,
    autodiff=True,
    from_log=lambda log_p: Moments(jnp.exp(log_p), jnp.zeros_like(log_p), jnp.zeros_like(log_p)),
    to_log=lambda x: safe_log(x.weight),
    negate=lambda x: jax.tree.map(jnp.negative, x),
)
"""Elements `Moments`: a weight, and its products with a value and its square, summed."""


def expectation_weights(weights: jax.Array, values: jax.Array) -> Expectation:
    """Elements of EXPECTATION for weights ``w`` and values ``f``, floats of one shape."""
    return Expectation(weights, weights * values)


def variance_weights(weights: jax.Array, values: jax.Array) -> Moments:
    """Elements of VARIANCE for weights ``w`` and values ``f``, floats of one shape."""
    return Moments(weights, weights * values, weights * values**2)


def entropy_weights(log_weights: jax.Array) -> Expectation:
    """Elements of EXPECTATION whose total `entropy` reads; -inf is a weight of zero."""
    log_weights = as_floats(log_weights, what="an array of log-weights")
    possible = log_weights > -jnp.inf
    weights = jnp.exp(log_weights)
    return Expectation(weights, -weights * jnp.where(possible, log_weights, 0))


def expectation(total: Expectation | Moments) -> jax.Array:
    """The expectation ``float[...]`` that a total holds; 0 where its weight is 0."""
    moment = total.moment if isinstance(total, Expectation) else total.first
    return _ratio(moment, total.weight)


def variance(total: Moments) -> jax.Array:
    """The variance ``float[...]`` that a total holds; 0 where its weight is 0.

    It is a difference of moments, so it loses the digits that the squared mean has more than the
    variance.
    """
    mean = _ratio(total.first, total.weight)
    return jnp.maximum(_ratio(total.second, total.weight) - mean**2, 0)


def entropy(total: Expectation) -> jax.Array:
    """The entropy in nats ``float[...]`` of the distribution over solutions, from the total of
    `entropy_weights`; 0 where there is no solution."""
    possible = total.weight > 0
    log_total = jnp.where(possible, jnp.log(jnp.where(possible, total.weight, 1)), 0)
    return log_total + _ratio(total.moment, total.weight)


def _ratio(x: jax.Array, weight: jax.Array) -> jax.Array:
    return jnp.where(weight != 0, x / jnp.where(weight != 0, weight, 1), 0)
