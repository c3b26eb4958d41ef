"""`Reasoning`: a compiled problem as an `nnx.Module`, for a model and an optax loop of one's own.

log-weights of the observed variables ─▶ Reasoning ─▶ log-probabilities of the answer
"""

import numbers
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from neurosym.hard.propagate import Status, propagate
from neurosym.problems.network import Network
from neurosym.problems.variable import Variable
from neurosym.semirings.algebra.instances import BOOLEAN, LOG
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.soft import inference
from neurosym.soft.elimination import TooWideError


class TotalFunction(Protocol):
    """As `neurosym.total`."""

    def __call__(
        self, network: Network, weights: jax.Array, *, semiring: Semiring
    ) -> jax.Array: ...


class QueryFunction(Protocol):
    """As `neurosym.query`."""

    def __call__(
        self, network: Network, weights: jax.Array, *, target: int, semiring: Semiring
    ) -> jax.Array: ...


class Engine(NamedTuple):
    """How to infer: a pair of functions over one instance."""

    total: TotalFunction
    query: QueryFunction


EXACT = Engine(total=inference.total, query=inference.query)
"""Variable elimination."""


class Reasoning(nnx.Module):
    """Infers one variable of a problem, or whether the problem holds, from beliefs about others.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> a, b = problem.variables("digit", shape=2, domain=range(3))
    >>> total = problem.variable("total", domain=range(5))
    >>> problem.add(a + b == total)
    >>> reasoning = Reasoning(problem.compile(), total)
    >>> beliefs = jnp.log(jnp.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    >>> jnp.exp(reasoning(beliefs)).round(2).tolist()
    [0.0, 0.0, 0.5, 0.5, 0.0]
    """

    def __init__(
        self,
        network: Network,
        query: Variable | str | int | None = None,
        *,
        inputs: Any = None,
        semiring: Semiring = LOG,
        engine: Engine = EXACT,
    ) -> None:
        """Wraps a problem.

        Args:
          network: the compiled problem.
          query: the variable to infer; None infers whether the constraints hold.
          inputs: the observed variables in the order of the weights, as variables, names or rows,
            or arrays of them; by default all but the query. The others weigh one.
          semiring: the algebra to infer in; it must convert from and to log-probabilities.
          engine: how to infer.

        Raises:
          ValueError: if the problem has no solution, a variable does not exist or is given twice,
            or the semiring has no reading as log-probabilities.
        """
        if semiring.from_log is None or semiring.to_log is None:
            raise ValueError(
                f"semiring {semiring.name} does not convert from and to log-probabilities, "
                "so beliefs cannot pass through it"
            )
        target = None if query is None else network.index(query)
        if inputs is None:
            rows = [row for row in range(network.variables) if row != target]
        else:
            rows = [network.index(variable) for variable in _flatten(inputs)]
        if len(set(rows)) != len(rows):
            names = [network.structure.names[row] for row in rows]
            raise ValueError(f"an input is given twice: {', '.join(names)}")
        _require_satisfiable(network)
        self._problem = _Held(network, tuple(rows), target)
        self._semiring = semiring
        self._engine = _Held(engine)

    def __call__(self, log_weights: jax.Array) -> jax.Array:
        """Infers.

        Args:
          log_weights: log-probabilities ``float32[..., I, D']`` of the ``I`` inputs, with
            ``D' <= D``; entries beyond a variable's domain are ignored.

        Returns:
          Normalised log-probabilities ``float32[..., D_query]``, or, without a query, the
          log-probability ``float32[...]`` that the constraints hold.

        Raises:
          ValueError: if the weights have another shape.
        """
        network, rows, target = self._problem.content
        (engine,) = self._engine.content
        semiring = self._semiring
        widest = max((len(network.structure.domains[row]) for row in rows), default=1)
        shape = log_weights.shape
        fits = len(shape) >= 2 and shape[-2] == len(rows) and widest <= shape[-1] <= network.size
        if not fits:
            raise ValueError(
                f"weights have shape [..., {len(rows)}, {widest}] (inputs, values), "
                f"not {list(shape)}"
            )

        def infer(log_weights: jax.Array) -> jax.Array:
            given = _require(semiring.from_log)(log_weights)
            padding = [(0, 0), (0, network.size - log_weights.shape[1])]
            given = jnp.pad(given, padding, constant_values=semiring.zero)
            blank = semiring.ones((network.size,), given.dtype)
            place = {row: n for n, row in enumerate(rows)}
            weights = jnp.stack(
                [given[place[i]] if i in place else blank for i in range(network.variables)]
            )
            if target is not None:
                return engine.query(network, weights, target=target, semiring=semiring)
            return _require(semiring.to_log)(engine.total(network, weights, semiring=semiring))

        flat = log_weights.reshape(-1, *log_weights.shape[-2:])
        result = jax.vmap(infer)(flat)
        return result.reshape(*log_weights.shape[:-2], *result.shape[1:])


def _require_satisfiable(network: Network) -> None:
    """Raises ValueError if no assignment meets the constraints, as far as can be told exactly.

    Where the problem is too wide for that, propagation alone decides.
    """
    mask = np.zeros((network.variables, network.size), np.bool_)
    for row, domain in enumerate(network.structure.domains):
        mask[row, : len(domain)] = True
    with jax.ensure_compile_time_eval():  # also when a model is built inside of a trace
        try:
            possible = bool(inference.total(network, jnp.asarray(mask), semiring=BOOLEAN))
        except TooWideError:
            possible = int(propagate(network).status) != Status.WIPED_OUT
    if not possible:
        raise ValueError(
            "the problem is unsatisfiable: no assignment of "
            f"{', '.join(network.structure.names[:8])}{' …' if network.variables > 8 else ''} "
            f"meets all of its {len(network.structure.relations)} constraints"
        )


class _Held:
    """Content that is no part of the module's state and is compared by identity."""

    def __init__(self, *content: Any) -> None:
        self.content = content


def _require(function: Any) -> Any:
    assert function is not None
    return function


def _flatten(inputs: Any) -> Iterable[Variable | str | int]:
    if isinstance(inputs, Variable | str | numbers.Integral):
        return [inputs]  # type: ignore[list-item]
    if isinstance(inputs, np.ndarray):
        return list(inputs.ravel())
    return [x for entry in inputs for x in _flatten(entry)]
