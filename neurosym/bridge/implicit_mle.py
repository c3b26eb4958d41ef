"""I-MLE: a discrete solver as a layer, for any loss downstream of its solution.

log-weights + noise ─▶ solver ─▶ one-hot assignment ─▶ anything differentiable
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.bridge.noise import Noise
from neurosym.reasoning.solvers import Solver
from neurosym.transforms.conversion import as_array


class Layer(Protocol):
    """From log-weights to an assignment."""

    def __call__(
        self, log_weights: Array, evidence: Any = None, *, key: Array | None = None
    ) -> Array:
        """float[V, D]: one-hot rows; all zero where the solver found nothing.

        Args:
          log_weights: float[V, D].
          evidence: what the solver takes for it; nothing flows back to it.
          key: typed key, for the noise.
        """
        ...


def implicit_mle(
    solver: Solver,
    *,
    step: float = 10.0,
    noise: Noise | None = None,
    noise_temperature: float = 1.0,
) -> Layer:
    """A layer whose forward pass is a solver's solution, and whose backward pass asks again.

    With the gradient g of the loss by the one-hot solution, the layer's gradient is

        (solve(θ + ε) - solve(θ + ε - λ g)) / λ

    on common noise ε: the solution moves from where it is to where the loss would rather have it.
    Niepert, Minervini and Franceschi 2021, Implicit MLE: backpropagating through discrete
    exponential family distributions, https://arxiv.org/abs/2106.01798; without noise: Vlastelica et
    al. 2020, https://arxiv.org/abs/1912.02175.

    >>> from neurosym.problems import Problem
    >>> from neurosym.reasoning.solvers import elimination
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x < y)
    >>> layer = implicit_mle(elimination(problem.compile()))
    >>> weights = jnp.array([[0.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    >>> layer(weights).argmax(1).tolist()
    [1, 2]
    >>> print(jax.grad(lambda w: layer(w)[0, 1])(weights))
    [[-0.1  0.1  0. ]
     [ 0.   0.   0. ]]

    Args:
      solver: finds the best assignment.
      step: λ, above 0: how far the loss moves the weights before the solver is asked again. With a
        small step the solution rarely changes, and the gradient is rare and large.
      noise: added to the weights in both passes; None for none.
      noise_temperature: scales the noise.

    Raises:
      ValueError: if the solver is not a solver, or a number is out of its range.
    """
    if not callable(solver):
        raise ValueError(f"a solver is a function of log-weights and evidence, not {solver!r}")
    if not step > 0:
        raise ValueError(f"the step of implicit_mle must be above 0, not {step}")
    if not noise_temperature >= 0:
        raise ValueError(f"noise_temperature must be at least 0, not {noise_temperature}")

    def solve(weights: Array, evidence: Any) -> Array:
        found = solver(jax.lax.stop_gradient(weights), evidence)
        return (found[:, None] == jnp.arange(weights.shape[1])).astype(weights.dtype)

    @jax.custom_vjp
    def solution(weights: Array, evidence: Any) -> Array:
        return solve(weights, evidence)

    def forward(weights: Array, evidence: Any) -> tuple[Array, Any]:
        found = solve(weights, evidence)
        return found, (weights, evidence, found)

    def backward(kept: Any, cotangent: Array) -> tuple[Array, Any]:
        weights, evidence, found = kept
        wanted = solve(weights - step * cotangent, evidence)
        there = found.any() & wanted.any()
        nothing = jax.tree.map(_zero_tangent, evidence)
        return jnp.where(there, (found - wanted) / step, 0), nothing

    solution.defvjp(forward, backward)

    def layer(log_weights: Array, evidence: Any = None, *, key: Array | None = None) -> Array:
        log_weights = as_array(log_weights, what="an array of log-weights")
        if log_weights.ndim != 2 or not jnp.issubdtype(log_weights.dtype, jnp.floating):
            raise ValueError(
                f"log-weights are floats [V, D], not {log_weights.dtype}"
                f"{list(log_weights.shape)}; for a batch use jax.vmap"
            )
        if noise is not None:
            if key is None:
                raise ValueError("implicit_mle with noise needs a key, e.g. key=jax.random.key(0)")
            log_weights = log_weights + noise_temperature * noise(key, log_weights.shape)
        return solution(log_weights, evidence)

    return layer


def _zero_tangent(x: Any) -> Any:
    """What `jax.custom_vjp` takes as the cotangent of an array that nothing flows back to."""
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.zeros_like(x)
    return np.zeros(x.shape, jax.dtypes.float0)
