"""Judging a model on a whole split: exact means of the task's per-example metrics.

One program serves several splits whose arrays differ in the number of examples alone: shorter ones
are filled up to the longest, and how many examples count is an argument. Of validation (180
examples) and test (360) in batches of 180 the program makes one batch, and two.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.training.compiling import Compilation
from neurosym.training.contract import check_metric_names, metrics_of, summary_of
from neurosym.training.devices import Devices
from neurosym.training.epoch import batch_of
from neurosym.training.state import Anatomy, seed_of
from neurosym.training.task import Metrics, PyTree, Split, SummarisingTask
from neurosym.transforms.loops import fori_loop


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
      splits: that one program is to serve; empty ones do not count.
    """

    def __init__(
        self,
        task: Any,
        anatomy: Anatomy,
        *,
        batch_size: int,
        stacked: bool = False,
        devices: Devices | None = None,
        splits: Sequence[Split] = (),
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"the evaluation batch size must be at least 1, got {batch_size}")
        self._task = task
        self._anatomy = anatomy
        self._devices = devices or Devices()
        self._longest: dict[Any, int] = {}  # of the splits of each form
        for split in splits:
            form = _form_of(split)
            self._longest[form] = max(split.size, self._longest.get(form, 0))
        self._batch_size = -(-batch_size // self._devices.parts) * self._devices.parts
        self._stacked = stacked
        self._compilations: dict[Any, Compilation] = {}
        self._placed: dict[int, tuple[Split, PyTree]] = {}
        # Traced once, for the shapes of its sums and for the loop.
        self._sums_of_batch = jax.jit(self._sums, static_argnames="batch_size")

    @property
    def compile_seconds(self) -> float:
        """Time for which tracing and compiling were waited for so far."""
        return sum(compilation.seconds for compilation in self._compilations.values())

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
                model = self._anatomy.build(*jax.device_put(mine))
                metrics.update(summary_of(self._task, model, name))
        return each

    def compile(self, params: PyTree, other: PyTree, split: Split) -> None:
        """Begins to compile the program that judges on a split: see `Compilation`."""
        self._compilation(params, other, split)

    def compiled(self, params: PyTree, other: PyTree, split: Split) -> Any:
        """The program that judges on a split, as JAX compiled it."""
        return self._compilation(params, other, split).program()

    def _compilation(self, params: PyTree, other: PyTree, split: Split) -> Compilation:
        arguments = (params, other, *self._data_of(split))
        shapes = jax.tree.map(lambda x: (jnp.shape(x), jnp.result_type(x)), arguments)
        signature = (str(shapes), jax.tree.structure(arguments))
        if signature not in self._compilations:
            batch_sums = self._batch_sums
            if self._stacked:
                batch_sums = jax.vmap(batch_sums, in_axes=(0, 0, *4 * (None,)))
            found = Compilation(lambda: jax.jit(batch_sums).lower(*arguments))
            self._compilations[signature] = found
        return self._compilations[signature]

    def _data_of(self, split: Split) -> PyTree:
        """The number of examples, and on the devices: constants, examples, shared arrays."""
        key = id(split)
        if key not in self._placed:
            room = max(split.size, self._longest.get(_form_of(split), 0))
            examples = split.examples
            if room > split.size:
                examples = jax.tree.map(lambda leaf: _filled(np.asarray(leaf), room), examples)
            data = self._devices.put((self._anatomy.constants, examples, split.shared))
            self._placed = {key: (split, data)}  # of the last split alone: memory is the devices'
        return (np.int32(split.size), *self._placed[key][1])

    def _batch_sums(
        self,
        params: PyTree,
        other: PyTree,
        size: jax.Array,
        constants: PyTree,
        examples: PyTree,
        shared: PyTree,
    ) -> dict[str, jax.Array]:
        # -> float32[most batches] for each metric, 0 beyond the batches of `size` examples
        room = int(jax.tree.leaves(examples)[0].shape[0])
        parts = self._devices.parts
        batch_size = min(self._batch_size, -(-room // parts) * parts)
        most = -(-room // batch_size)

        def sums_of(batch: Any) -> dict[str, jax.Array]:
            start = jnp.asarray(batch, jnp.int32) * batch_size
            arguments = (params, other, size, constants, examples, shared)
            return self._sums_of_batch(start, *arguments, batch_size=batch_size)

        def add(batch: Any, sums: dict[str, jax.Array]) -> dict[str, jax.Array]:
            return {name: sums[name].at[batch].set(value) for name, value in sums_of(batch).items()}

        names = jax.eval_shape(sums_of, jnp.int32(0))
        none = {name: jnp.zeros(most, jnp.float32) for name in names}
        return fori_loop((size + batch_size - 1) // batch_size, add, none)

    def _sums(
        self,
        start: jax.Array,
        params: PyTree,
        other: PyTree,
        size: jax.Array,
        constants: PyTree,
        examples: PyTree,
        shared: PyTree,
        *,
        batch_size: int,
    ) -> dict[str, jax.Array]:
        """Sums of each metric, float32[], over the examples from `start` on, below `size`."""
        places = start + jnp.arange(batch_size, dtype=jnp.int32)
        indices = self._devices.cut(jnp.minimum(places, size - 1), stacked=False)
        metrics = self._metrics_of_batch(params, other, constants, examples, shared, indices)
        counted = places < size
        return {
            name: jnp.sum(jnp.where(counted, value, 0), dtype=jnp.float32)
            for name, value in metrics.items()
        }

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


def _form_of(split: Split) -> Any:
    """What two splits have in common that one program can judge on."""
    examples = [(leaf.shape[1:], str(leaf.dtype)) for leaf in jax.tree.leaves(split.examples)]
    shared = [
        (jnp.shape(leaf), str(jnp.result_type(leaf))) for leaf in jax.tree.leaves(split.shared)
    ]
    structure = jax.tree.structure((split.examples, split.shared))
    if any(jnp.issubdtype(x.dtype, jax.dtypes.extended) for x in jax.tree.leaves(split.examples)):
        structure = (structure, split.size)  # random keys: zeros are not among them
    return structure, tuple(examples), tuple(shared)


def _filled(array: np.ndarray, length: int) -> np.ndarray:
    """The array with zeros after its last row; nobody looks at them."""
    filled = np.zeros((length, *array.shape[1:]), array.dtype)
    filled[: len(array)] = array
    return filled
