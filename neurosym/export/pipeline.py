"""`Pipeline`: what a finished run computes for a user, as pure functions of arrays by name.

    task.beliefs reads inputs["images"]                   the encoder's part
    task.answer  reads inputs["position"]                 the reasoner's part
    batch        images, position, digits, label, solution
    Pipeline     images, position ─▶ beliefs, answer.board, answer.proven

Which arrays of a batch are inputs is found by tracing both functions: whatever neither of them
reads, labels above all, is not a part of the pipeline.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from neurosym.training import AnsweringTask, Run, Workdir, load_run, read_result
from neurosym.training.contract import split_of
from neurosym.training.state import Anatomy, named_leaves

Arrays = Mapping[str, Any]
"""Arrays ``[B, ...]`` by name."""

_ANY = 2  # examples of a batch whose shapes stand for those of any batch


class Field(NamedTuple):
    """One array of a pipeline, for one example.

    Attributes:
      name: "images", "answer.board".
      shape: without the leading axis B.
      dtype: by its NumPy name.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}[{', '.join(['B', *map(str, self.shape)])}]"


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Encoder and reasoner of a run, apart and composed.

    Attributes:
      task: whose `beliefs` and `answer` it is.
      model: with the run's best parameters.
      name: of the task.
      inputs: what `beliefs` and `answer` read of a batch, by name.
      outputs: "beliefs", or "beliefs.NAME" where they are several, and "answer.NAME".
      weights: SHA-256 of the parameters, their names and shapes.
    """

    task: Any
    model: nnx.Module
    name: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    weights: str

    def __call__(self, inputs: Arrays) -> dict[str, Any]:
        """The outputs by name, for inputs with leading axis B."""
        beliefs = self.encode(inputs)
        return _named(beliefs, self.reason(beliefs, inputs))

    def encode(self, inputs: Arrays) -> Any:
        """The beliefs of the task's encoder."""
        return self.task.beliefs(self.model, inputs)

    def reason(self, beliefs: Any, inputs: Arrays) -> dict[str, Any]:
        """The task's answer from beliefs."""
        return dict(self.task.answer(beliefs, inputs))

    def one_by_one(self, inputs: Arrays) -> dict[str, Any]:
        """As a call, with a reasoner that sees one example at a time.

        A complete search keeps the examples of a batch in one pool, whose size must be a number.
        One example after another needs none, so such a pipeline serves batches of any size.
        """
        beliefs = self.encode(inputs)

        def reason(example: tuple[Any, Any]) -> dict[str, Any]:
            batch = jax.tree.map(lambda x: x[None], example)
            return jax.tree.map(lambda x: x[0], self.reason(*batch))

        return _named(beliefs, jax.lax.map(reason, (beliefs, dict(inputs))))

    def check(self, inputs: Arrays) -> None:
        """Raises ValueError unless the inputs are those of the pipeline; see `check_inputs`."""
        check_inputs(self.inputs, inputs)

    def examples(self, count: int, *, split: str = "test") -> dict[str, np.ndarray]:
        """The inputs of the first examples of a split, at most `count` of them.

        Raises:
          ValueError: the count is below 1, or there is no example.
        """
        if count < 1:
            raise ValueError(f"at least 1 example is needed, not {count}")
        data = split_of(self.task, split)
        first = jax.tree.map(lambda x: np.asarray(x)[:count], data.examples)
        batch = self.task.batch(first, data.shared)
        return {field.name: np.asarray(batch[field.name]) for field in self.inputs}


def load_pipeline(
    workdir: str | Path, data_dir: str | None = None, *, import_roots: tuple[Path, ...] = ()
) -> Pipeline:
    """The pipeline of a finished run.

    Args:
      workdir: of the run.
      data_dir: where the task looks for its data.
      import_roots: see `neurosym.training.load_task`.

    Raises:
      ValueError: there is no run, it is not finished, or `pipeline_of` refuses its task.
    """
    place = Workdir(Path(workdir))
    place.read_config()
    if read_result(place) is None:
        raise ValueError(
            f"the run in {workdir} is not finished: it has no {place.result.name}. The command "
            "that began it goes on with it"
        )
    return pipeline_of(load_run(workdir, data_dir, import_roots=import_roots))


def pipeline_of(run: Run) -> Pipeline:
    """The pipeline of a run that was read back.

    Raises:
      ValueError: its task does not answer in two steps, or the steps are not over a batch.
    """
    name = type(run.task).__name__
    if not isinstance(run.task, AnsweringTask):
        raise ValueError(
            f"the task {name} cannot be exported: it does not answer in two steps, `beliefs` and "
            "`answer` (see neurosym.training.AnsweringTask)"
        )
    task: Any = run.task
    split = split_of(task, "test")
    some = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((_ANY, *x.shape[1:]), x.dtype), split.examples
    )
    batch = jax.eval_shape(task.batch, some, split.shared)
    if not isinstance(batch, Mapping):
        raise ValueError(
            f"the task {name} cannot be exported: its batch is {type(batch).__name__}, "
            "not a dictionary of arrays by name"
        )
    batch, read = dict(batch), set[str]()

    def whole(arrays: dict[str, Any]) -> dict[str, Any]:
        watched = _Watched(arrays, read)
        beliefs = task.beliefs(run.model, watched)
        return _named(beliefs, dict(task.answer(beliefs, watched)))

    outputs = jax.eval_shape(whole, batch)
    inputs = {key: batch[key] for key in batch if key in read}
    for key, value in {**named_leaves(inputs), **outputs}.items():
        if value.shape[:1] != (_ANY,):
            raise ValueError(
                f"the task {name} cannot be exported: {key} has shape {list(value.shape)} for a "
                f"batch of {_ANY} examples, without a leading axis for them"
            )
    nested = [key for key, value in inputs.items() if not hasattr(value, "shape")]
    if nested:
        raise ValueError(
            f"the task {name} cannot be exported: its input {nested[0]!r} is not one array"
        )
    return Pipeline(
        task, run.model, name, _fields(inputs), _fields(outputs), weights_digest(run.model)
    )


def weights_digest(model: nnx.Module) -> str:
    """SHA-256 of a model's parameters and further variables with their names, types and shapes."""
    digest = hashlib.sha256()
    for name, leaf in sorted(named_leaves(Anatomy.of(model).initial()).items()):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def check_inputs(fields: tuple[Field, ...], inputs: Arrays) -> None:
    """Raises ValueError unless arrays have the names, shapes and types of the fields, and one B."""
    names = {field.name for field in fields}
    if set(inputs) != names:
        given = ", ".join(sorted(inputs)) or "none"
        raise ValueError(f"the inputs are {', '.join(map(str, fields))}; given were: {given}")
    sizes = {}
    for field in fields:
        array = inputs[field.name]
        fits = array.ndim > 0 and tuple(array.shape[1:]) == field.shape
        if not fits or array.dtype.name != field.dtype:
            raise ValueError(
                f"the input is {field}, but {field.name} is {array.dtype.name}"
                f"[{', '.join(map(str, array.shape))}]"
            )
        sizes[field.name] = array.shape[0]
    if len(set(sizes.values())) > 1 or 0 in sizes.values():
        listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise ValueError(f"all inputs need as many examples, at least 1, not {listed}")


class _Watched(Mapping[str, Any]):
    """A mapping that remembers which of its names were looked at."""

    def __init__(self, values: Mapping[str, Any], read: set[str]) -> None:
        self._values, self._read = values, read

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        self._read.add(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _named(beliefs: Any, answer: Any) -> dict[str, Any]:
    return named_leaves({"answer": answer, "beliefs": beliefs})


def _fields(arrays: Mapping[str, Any]) -> tuple[Field, ...]:
    return tuple(
        Field(name, tuple(value.shape[1:]), value.dtype.name) for name, value in arrays.items()
    )
