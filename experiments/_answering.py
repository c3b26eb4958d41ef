"""Answering many inputs of a task: its `beliefs`, its `answer`, and the reading that explains them.

An encoder reads variables one by one; the answer comes from all readings together. The two may
disagree: of beliefs (7: 0.4, 4: 0.35, 5: 0.25) about two digits the likeliest digits are 7 and 7,
but their likeliest sum is 11. The reading that goes with it is 7 and 4: `likeliest_readings`.

A task's programs are compiled once for it, and cheaply where they run a few times.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx

import neurosym as ns
from neurosym.training import AnsweringTask, Split

PyTree = Any
BATCH = 100

FEW_PARTS = 4
"""Parts up to which a program that costs less to compile and more to run is the better one."""


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
    return in_batches(_answer, inputs, model, about=task, size=size)


def split_answers(
    task: Any,
    model: Any,
    split: Split,
    *,
    keep: Sequence[str],
    size: int = BATCH,
    few_parts: int = FEW_PARTS,
) -> tuple[PyTree, dict[str, np.ndarray]]:
    """As `answers`, of every example of a split; of the answer only the parts in `keep`."""
    about = (task, tuple(keep))
    arguments = (split.examples, model, split.shared)
    return in_batches(_answer_of_split, *arguments, about=about, size=size, few_parts=few_parts)


def likeliest_readings(reasoner: Any, logits: Any, evidence: Any) -> np.ndarray:
    """The likeliest values of all variables together that make the evidence hold, int32[n, V].

    Args:
      reasoner: with `k_best`, such as `neurosym.reasoning.NetworkReasoner`.
      logits: float32[n, V, D], one row for each variable of the reasoner.
      evidence: as the reasoner takes it, with leading axis n.
    """
    return in_batches(_likeliest, (logits, evidence), about=reasoner)


def in_batches(
    function: Callable,
    arrays: PyTree,
    *fixed: Any,
    about: Any = None,
    size: int = BATCH,
    rows: int | None = None,
    few_parts: int = FEW_PARTS,
) -> PyTree:
    """`function(part, *fixed)` for parts of arrays [n, ...], joined again, as NumPy arrays.

    Args:
      function: jit-able; row by row. It is compiled once for all calls with the same shapes.
      arrays: n is at least 1. All parts have one shape, so that one program is enough; the last
        part is filled up with the last row.
      *fixed: further arguments, models among them.
      about: where given, `function(about, part, *fixed)` is called, for every `about` a program of
        its own: hashable, such as a task.
      size: rows of a part, at most.
      rows: of the longest arrays that the same program is to serve; None takes n.
      few_parts: up to so many parts the program is compiled by `neurosym.quick_jit`; 0 where a part
        may take long.
    """
    arrays = jax.tree.map(np.asarray, arrays)
    count = len(jax.tree.leaves(arrays)[0])
    longest = rows or count
    size = min(size, longest)
    run = _jitted(function, -(-longest // size) <= few_parts)
    graph, leaves = nnx.split(fixed)
    parts = []
    for start in range(0, count, size):
        places = np.minimum(np.arange(start, start + size), count - 1)
        part = jax.tree.map(lambda x, places=places: x[places], arrays)
        parts.append(jax.device_get(run(part, leaves, graph=graph, about=about)))
    return jax.tree.map(lambda *own: np.concatenate(own)[:count], *parts)


@functools.lru_cache(maxsize=32)
def _jitted(function: Callable, few: bool) -> Callable:
    """`function` on a model taken apart, compiled for few calls or for many."""

    def run(part: PyTree, leaves: Any, *, graph: Any, about: Any) -> PyTree:
        before = () if about is None else (about,)
        return function(*before, part, *nnx.merge(graph, leaves))

    jit = ns.quick_jit if few else jax.jit
    return jit(run, static_argnames=("graph", "about"))


def _answer(task: AnsweringTask, inputs: Any, model: Any) -> tuple[PyTree, PyTree]:
    beliefs = task.beliefs(model, inputs)
    return beliefs, task.answer(beliefs, inputs)


def _answer_of_split(
    about: tuple[Any, tuple[str, ...]], examples: Any, model: Any, shared: Any
) -> tuple[PyTree, dict[str, Any]]:
    task, keep = about
    beliefs, answer = _answer(task, task.batch(examples, shared), model)
    return beliefs, {name: answer[name] for name in keep}


def _likeliest(reasoner: Any, given: tuple[Any, Any]) -> jax.Array:
    def best(logits: jax.Array, evidence: Any) -> jax.Array:
        log_weights = jax.nn.log_softmax(logits)
        return reasoner.k_best(log_weights, evidence, k=1).assignments[0]

    return jax.vmap(best)(*given)
