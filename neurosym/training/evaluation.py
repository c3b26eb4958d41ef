"""Judging a model on a whole split: exact means of the task's per-example metrics."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neurosym.training.epoch import gather
from neurosym.training.state import Anatomy
from neurosym.training.task import PyTree, Split, SummarisingTask


class Evaluator:
    """Evaluates parameters of one task's model on splits.

    The last batch is padded and masked, so that a mean counts every example once and nothing
    else, whatever the batch size.

    Args:
      task: see `neurosym.training.task.Task`.
      anatomy: the model, taken apart.
      batch_size: examples at once.

    Attributes:
      compile_seconds: time that tracing and compiling took so far.
    """

    def __init__(self, task: Any, anatomy: Anatomy, *, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"the evaluation batch size must be at least 1, got {batch_size}")
        self.compile_seconds = 0.0
        self._task = task
        self._anatomy = anatomy
        self._batch_size = batch_size
        self._programs: dict[Any, Callable[..., dict[str, jax.Array]]] = {}

    def means(self, params: PyTree, other: PyTree, split: Split) -> dict[str, float]:
        """Means of `task.evaluate` over the split.

        Args:
          params: the model's parameters, as in `TrainState`.
          other: its further variables, likewise.
          split: what to judge on; not empty.

        Returns:
          A float for each metric: float32 sums of batches, added and divided in float64.

        Raises:
          ValueError: the split is empty, or a metric has not one value an example.
        """
        if split.size == 0:
            raise ValueError("an empty split has no metrics")
        arguments = (params, other, self._anatomy.constants, split.examples, split.shared)
        arguments = jax.device_put(arguments)
        shapes = jax.tree.map(lambda x: (jnp.shape(x), jnp.result_type(x)), arguments)
        signature = (str(shapes), jax.tree.structure(arguments))
        if signature not in self._programs:
            started = time.perf_counter()
            self._programs[signature] = jax.jit(self._batch_sums).lower(*arguments).compile()
            self.compile_seconds += time.perf_counter() - started
        sums = jax.device_get(self._programs[signature](*arguments))
        return {
            name: float(np.sum(values, dtype=np.float64) / split.size)
            for name, values in sums.items()
        }

    def judge(self, params: PyTree, other: PyTree, split: Split, name: str) -> dict[str, float]:
        """`means`, and the task's own summary of the split `name` where it makes one."""
        metrics = self.means(params, other, split)
        if isinstance(self._task, SummarisingTask):
            summary = self._task.summarise(self._anatomy.build(params, other), name)
            metrics.update({key: float(value) for key, value in summary.items()})
        return metrics

    def _batch_sums(
        self, params: PyTree, other: PyTree, constants: PyTree, examples: PyTree, shared: PyTree
    ) -> dict[str, jax.Array]:
        # -> float32[number of batches] for each metric
        model_size = int(jax.tree.leaves(examples)[0].shape[0])
        batch_size = min(self._batch_size, model_size)
        starts = jnp.arange(0, model_size, batch_size, dtype=jnp.int32)

        def sums_of_batch(start: jax.Array) -> dict[str, jax.Array]:
            places = start + jnp.arange(batch_size, dtype=jnp.int32)
            indices = jnp.minimum(places, model_size - 1)
            model = self._anatomy.build(params, other, constants=constants)
            batch = self._task.batch(gather(examples, indices), shared)
            metrics = self._task.evaluate(model, batch)
            for name, value in metrics.items():
                if jnp.shape(value) != (batch_size,):
                    raise ValueError(
                        f"the metric {name!r} of the task's evaluate must have one value for each "
                        f"of the {batch_size} examples, got shape {jnp.shape(value)}"
                    )
            counted = places < model_size
            return {
                name: jnp.sum(jnp.where(counted, value, 0), dtype=jnp.float32)
                for name, value in metrics.items()
            }

        return lax.map(sums_of_batch, starts)
