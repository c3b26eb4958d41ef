"""`Reasoning`: a problem as an `nnx.Module`, for a model and an optax loop of one's own.

log-weights of the observed variables ─▶ Reasoning ─▶ log-probabilities of the answer

It is a shell: `neurosym.reasoning.Answerer` does the work.
"""

from collections.abc import Iterator
from typing import Any

import jax
from flax import nnx

from neurosym.problems.problem import Problem
from neurosym.problems.variable import Variable
from neurosym.reasoning.answer import EXACT as EXACT
from neurosym.reasoning.answer import Answerer, Engine, Model, make_answerer
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring


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
    >>> reasoning
    Reasoning(
      problem='3 variables of up to 5 values, 1 constraint',
      infers="'total' from 2 inputs",
      semiring='log',
      engine='variable elimination'
    )
    """

    def __init__(
        self,
        network: Model | Problem,
        query: Variable | str | int | None = None,
        *,
        inputs: Any = None,
        semiring: Semiring = LOG,
        engine: Engine | None = None,
    ) -> None:
        """Wraps a problem.

        Args:
          network: the problem, compiled to a network or to a circuit, or not compiled yet.
          query: the variable to infer; None infers whether the constraints hold, or, of a circuit
            with several roots, which of its answers it is.
          inputs: the observed variables in the order of the weights, as variables, names or rows,
            or arrays of them; by default all but the query. The others weigh one.
          semiring: the algebra to infer in; it must convert from and to log-probabilities.
          engine: how to infer; by default elimination of a network and passes over a circuit.

        Raises:
          ValueError: if the problem has no solution, a variable does not exist or is given twice,
            or the semiring has no reading as log-probabilities.
        """
        self._held = _Held(
            make_answerer(network, query, inputs=inputs, semiring=semiring, engine=engine)
        )

    @property
    def answerer(self) -> Answerer:
        """The pure function that this module calls, for `jax.export` and other frameworks."""
        return self._held.content

    def __call__(self, log_weights: jax.Array) -> jax.Array:
        """Infers.

        Args:
          log_weights: log-probabilities ``float32[..., I, D']`` of the ``I`` inputs, with
            ``D' <= D``; entries beyond a variable's domain are ignored.

        Returns:
          Normalised log-probabilities ``float32[..., D_query]``, or, without a query, the
          log-probability ``float32[...]`` that the constraints hold; of a circuit with several
          roots, normalised log-probabilities of its answers ``float32[..., R]``.

        Raises:
          ValueError: if the weights have another shape.
        """
        return self.answerer(log_weights)

    def __nnx_repr__(self) -> Iterator[Any]:
        """What `repr` shows, also of a model that has this module as a part."""
        from flax.nnx import reprlib

        yield reprlib.Object(type(self))
        for name, said in self.answerer.facts().items():
            yield reprlib.Attr(name, said)


class _Held:
    """Content that is not a part of the module's state and is compared by identity."""

    def __init__(self, content: Answerer) -> None:
        self.content = content
