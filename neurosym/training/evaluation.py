"""Judging a model on a whole split: exact means of the task's per-example metrics."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neurosym.training.contract import check_metric_names, metrics_of, summary_of
from neurosym.training.devices import Devices
from neurosym.training.epoch import batch_of
from neurosym.training.state import Anatomy, seed_of
from neurosym.training.task import Metrics, PyTree, Split, SummarisingTask


class Evaluator:
    """Evaluates parameters of one task's model on splits.

    The last batch is padded and masked, so that a mean counts every example once and nothing
    else, whatever the batch size.

    Args:
      task: see `neurosym.training.task.Task`.
      anatomy: the model, taken apart.
      batch_size: examples at once; rounded up to a multiple of the parts that devices cut.
      stacked: whether the parameters of several seeds come together, with a leading axis S.
      devices: where to compute.

    Attributes:
      compile_seconds: time that tracing and compiling took so far.
    """

    def __init__(
        self,
        task: Any,
        anatomy: Anatomy,
        *,
        batch_size: int,
        stacked: bool = False,
        devices: Devices | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"the evaluation batch size must be at least 1, got {batch_size}")
        self.compile_seconds = 0.0
        self._task = task
        self._anatomy = anatomy
        self._devices = devices or Devices()
        self._batch_size = -(-batch_size // self._devices.parts) * self._devices.parts
        self._stacked = stacked
        self._programs: dict[Any, Callable[..., dict[str, jax.Array]]] = {}
        self._placed: dict[int, tuple[Split, PyTree]] = {}

    def check(self, params: PyTree, other: PyTree, split: Split, batch_size: int) -> None:
        """Compares the task's evaluate with its contract, for the shapes of a split alone.

        With the batch size of training, most of what is traced here was traced for the step.

        Args:
          params: the parameters of one seed.
          other: its further variables.
          split: whose shapes are taken.
          batch_size: examples in the batch.

        Raises:
          ValueError: evaluate does not return what `Task` says.
        """

        indices = np.zeros(batch_size, np.int32)
        arguments = (params, other, self._anatomy.constants, split.examples, split.shared, indices)
        check_metric_names(self._task, jax.eval_shape(self._metrics_of_batch, *arguments))

    def means(self, params: PyTree, other: PyTree, split: Split) -> dict[str, Any]:
        """Means of `task.evaluate` over the split.

        Args:
          params: the model's parameters, as in `TrainState`.
          other: its further variables, likewise.
          split: what to judge on; not empty.

        Returns:
          A float for each metric, or float64[S] if stacked: float32 sums of batches, added and
          divided in float64.

        Raises:
          ValueError: the split is empty, or a metric has not one value an example.
        """
        if split.size == 0:
            raise ValueError("an empty split has no metrics")
        program = self.compiled(params, other, split)
        sums = self._devices.fetch(program(params, other, *self._data_of(split)))
        means = {
            name: np.sum(values, axis=-1, dtype=np.float64) / split.size
            for name, values in sums.items()
        }
        return means if self._stacked else {name: float(mean) for name, mean in means.items()}

    def judge(
        self, params: PyTree, other: PyTree, split: Split, name: str
    ) -> list[dict[str, float]]:
        """`means`, and the task's own summary of the split `name` where it makes one.

        Returns:
          The metrics of each seed; of a single one if not stacked.
        """
        means = self.means(params, other, split)
        seeds = len(next(iter(means.values()))) if self._stacked else 1
        each = [{k: float(np.ravel(v)[s]) for k, v in means.items()} for s in range(seeds)]
        if isinstance(self._task, SummarisingTask):
            host = self._devices.fetch((params, other))
            for seed, metrics in enumerate(each):
                mine = seed_of(host, seed) if self._stacked else host
                model = self._anatomy.build(*jax.tree.map(jnp.asarray, mine))
                metrics.update(summary_of(self._task, model, name))
        return each

    def compiled(self, params: PyTree, other: PyTree, split: Split) -> Any:
        """The program that judges on a split, as JAX compiled it."""
        arguments = (params, other, *self._data_of(split))
        shapes = jax.tree.map(lambda x: (jnp.shape(x), jnp.result_type(x)), arguments)
        signature = (str(shapes), jax.tree.structure(arguments))
        if signature not in self._programs:
            started = time.perf_counter()
            batch_sums = self._batch_sums
            if self._stacked:
                batch_sums = jax.vmap(batch_sums, in_axes=(0, 0, None, None, None))
            self._programs[signature] = jax.jit(batch_sums).lower(*arguments).compile()
            self.compile_seconds += time.perf_counter() - started
        return self._programs[signature]

    def _data_of(self, split: Split) -> PyTree:
        """The model's constants, the examples and the shared arrays, on the devices."""
        key = id(split)
        if key not in self._placed:
            data = self._devices.put((self._anatomy.constants, split.examples, split.shared))
            self._placed = {key: (split, data)}  # of the last split alone: memory is the devices'
        return self._placed[key][1]

    def _batch_sums(
        self, params: PyTree, other: PyTree, constants: PyTree, examples: PyTree, shared: PyTree
    ) -> dict[str, jax.Array]:
        # -> float32[number of batches] for each metric
        size = int(jax.tree.leaves(examples)[0].shape[0])
        parts = self._devices.parts
        batch_size = min(self._batch_size, -(-size // parts) * parts)
        starts = jnp.arange(0, size, batch_size, dtype=jnp.int32)

        def sums_of_batch(start: jax.Array) -> dict[str, jax.Array]:
            places = start + jnp.arange(batch_size, dtype=jnp.int32)
            indices = self._devices.cut(jnp.minimum(places, size - 1), stacked=False)
            metrics = self._metrics_of_batch(params, other, constants, examples, shared, indices)
            counted = places < size
            return {
                name: jnp.sum(jnp.where(counted, value, 0), dtype=jnp.float32)
                for name, value in metrics.items()
            }

        return lax.map(sums_of_batch, starts)

    def _metrics_of_batch(
        self,
        params: PyTree,
        other: PyTree,
        constants: PyTree,
        examples: PyTree,
        shared: PyTree,
        indices: jax.Array,
    ) -> Metrics:
        """Metrics of the examples at `indices`, int32[B]."""
        model = self._anatomy.build(params, other, constants=constants)
        batch = batch_of(self._task, examples, shared, indices)
        return metrics_of(self._task, model, batch, indices.shape[0])
