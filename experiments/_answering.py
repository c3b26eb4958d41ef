"""Answering many inputs of a task: its `beliefs`, its `answer`, and the reading that explains them.

An encoder reads variables one by one; the answer comes from all readings together. The two may
disagree: of beliefs (7: 0.4, 4: 0.35, 5: 0.25) about two digits the likeliest digits are 7 and 7,
but their likeliest sum is 11. The reading that goes with it is 7 and 4: `likeliest_readings`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

from neurosym.training import AnsweringTask, Split

PyTree = Any
BATCH = 100


def answers(
    task: AnsweringTask, model: Any, inputs: Mapping[str, Any], *, size: int = BATCH
) -> tuple[PyTree, PyTree]:
    """The beliefs and the answer of every input, as NumPy arrays [n, ...].

    Args:
      task: with `beliefs` and `answer`.
      model: the task's.
      inputs: arrays [n, ...].
      size: inputs at a time.
    """

    def both(inputs: Any, model: Any) -> tuple[PyTree, PyTree]:
        beliefs = task.beliefs(model, inputs)
        return beliefs, task.answer(beliefs, inputs)

    return in_batches(both, inputs, model, size=size)


def split_answers(
    task: Any, model: Any, split: Split, *, keep: Sequence[str], size: int = BATCH
) -> tuple[PyTree, dict[str, np.ndarray]]:
    """As `answers`, of every example of a split; of the answer only the parts in `keep`."""

    def both(examples: Any, model: Any, shared: Any) -> tuple[PyTree, dict[str, Any]]:
        inputs = task.batch(examples, shared)
        beliefs = task.beliefs(model, inputs)
        answer = task.answer(beliefs, inputs)
        return beliefs, {name: answer[name] for name in keep}

    return in_batches(both, split.examples, model, split.shared, size=size)


def likeliest_readings(reasoner: Any, logits: Any, evidence: Any) -> np.ndarray:
    """The likeliest values of all variables together that make the evidence hold, int32[n, V].

    Args:
      reasoner: with `k_best`, such as `neurosym.reasoning.NetworkReasoner`.
      logits: float32[n, V, D], one row for each variable of the reasoner.
      evidence: as the reasoner takes it, with leading axis n.
    """

    def best(given: tuple[Any, Any]) -> jax.Array:
        log_weights = jax.nn.log_softmax(given[0])
        return reasoner.k_best(log_weights, given[1], k=1).assignments[0]

    return in_batches(jax.vmap(best), (logits, evidence))


def in_batches(
    function: Callable, arrays: PyTree, *fixed: Any, size: int = BATCH, rows: int | None = None
) -> PyTree:
    """`function(part, *fixed)` for parts of arrays [n, ...], joined again, as NumPy arrays.

    Args:
      function: jit-able; row by row. One that is jitted already is compiled once for all calls.
      arrays: n is at least 1. All parts have one shape, so that one program is enough; the last
        part is filled up with the last row.
      *fixed: further arguments, models among them.
      size: rows of a part, at most.
      rows: of the longest arrays that the same program is to serve; None takes n.
    """
    arrays = jax.tree.map(np.asarray, arrays)
    count = len(jax.tree.leaves(arrays)[0])
    size = min(size, rows or count)
    run = function if hasattr(function, "lower") else nnx.jit(function)
    parts = []
    for start in range(0, count, size):
        places = np.minimum(np.arange(start, start + size), count - 1)
        parts.append(
            jax.device_get(run(jax.tree.map(lambda x, places=places: x[places], arrays), *fixed))
        )
    return jax.tree.map(lambda *own: np.concatenate(own)[:count], *parts)
