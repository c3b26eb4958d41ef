"""`Question`: all that is asked about one instance, as one value; `Answer`: the reply to it.

logits of the encoder, evidence of the outcome ─▶ Question ─▶ whoever can answer ─▶ Answer
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from jax import Array


class Question(NamedTuple):
    """A question about one instance; a pytree, so batches are `jax.vmap` over its arrays.

    >>> import jax.numpy as jnp
    >>> question = Question(jnp.zeros((3, 4)), evidence=jnp.ones((3, 4), bool))
    >>> question.observed is None, question.temperature
    (True, 1.0)
    """

    logits: Array
    """float32[V, D], one row for each variable; ``-inf`` for values that cannot be."""
    evidence: Any = None
    """What is known of the outcome, in the form of the reasoner that is asked: for a network the
    allowed values bool[V, D], for a circuit with several roots the number of one, int32[]. None:
    nothing is known."""
    observed: Array | None = None
    """bool[V]: the variables that the logits are about; the others weigh one on every value. None:
    all are observed."""
    key: Array | None = None
    """Typed key, for those who sample."""
    temperature: float | Array = 1.0
    """Above 0, for those who relax; a schedule's value at this step."""

    def needed_key(self, who: str) -> Array:
        """The key.

        Raises:
          ValueError: without one; ``who`` says in the message who needs it.
        """
        if self.key is None:
            raise ValueError(f"{who}: it needs a key, e.g. key=jax.random.key(0)")
        return self.key


class Status(enum.IntEnum):
    """How far an answer may be trusted."""

    EXACT = 0  # the value itself, up to rounding
    IMPOSSIBLE = 1  # proven: nothing satisfies the constraints and the evidence
    ESTIMATED = 2  # an approximation that came to rest
    UNSETTLED = 3  # an approximation that was stopped before it came to rest


class Answer(NamedTuple):
    """The reply to a question."""

    value: Any
    """What was asked for: probabilities, a number."""
    status: Array
    """int32[]: a `Status`."""
    statistics: dict[str, Array]
    """How it came about, e.g. rounds."""
