"""The contract between a task and the training loop, and how a name in a config becomes a task.

A task brings its data, its model, its loss and its metrics; the loop brings everything else. Data
flows `split` → (gathered by the loop) → `batch` → `loss` or `evaluate`. The loop never asks which
task it has.
"""

import dataclasses
import importlib
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
import ml_collections
from flax import nnx

from neurosym.shipped import shipped_root
from neurosym.training.blame import blamed
from neurosym.training.import_path import extend_import_path

PyTree = Any
Metrics = dict[str, jax.Array]

SPLITS = ("train", "validation", "test")
REQUIRED_METHODS = ("split", "model", "batch", "loss", "evaluate")


@dataclasses.dataclass(frozen=True)
class Split:
    """The data of one split, as arrays that the loop puts on the device.

    Attributes:
      examples: arrays with a common leading axis n, which the loop permutes and gathers. Often
        int32 indices and labels.
      shared: arrays that every batch sees whole, for example a pool of images `uint8[M, H, W]`.

    Raises:
      ValueError: there are no arrays in `examples`, or their leading axes differ.
    """

    examples: PyTree
    shared: PyTree = ()

    def __post_init__(self) -> None:
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.examples):
            if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
                where = f"examples{jax.tree_util.keystr(path)}"
                raise ValueError(f"a Split holds arrays, and {where} is {type(leaf).__name__}")
        sizes = {
            jax.tree_util.keystr(path) or "examples": leaf.shape[0] if leaf.ndim else None
            for path, leaf in jax.tree_util.tree_leaves_with_path(self.examples)
        }
        if not sizes:
            raise ValueError("a Split needs at least one array in `examples`")
        if len(set(sizes.values())) > 1 or None in sizes.values():
            listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
            raise ValueError(f"the arrays of a Split need one common leading axis, got {listed}")

    @property
    def size(self) -> int:
        """Number of examples n."""
        return int(jax.tree.leaves(self.examples)[0].shape[0])


class Task(Protocol):
    """The contract between a task and the loop.

    `batch`, `loss` and `evaluate` are traced inside the jitted step: they must be pure functions of
    their arguments and of whatever `__init__` fixed. Further methods that a task may have are those
    of `AnsweringTask`, `SummarisingTask`, `PicturingTask` and `PredictingTask`.

    Attributes:
      metric: name of the validation metric that picks the best checkpoint; higher is better.
    """

    metric: str

    def __init__(
        self, config: ml_collections.ConfigDict, *, data_dir: str | None = None
    ) -> None: ...

    def split(self, name: str) -> Split:
        """The data of "train", "validation" or "test"; validation may have size 0."""
        ...

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """A freshly initialised model."""
        ...

    def batch(self, examples: PyTree, shared: PyTree) -> PyTree:
        """The input of `loss` and `evaluate`: from gathered examples `[B, ...]`, shared arrays."""
        ...

    def loss(
        self, model: Any, batch: PyTree, *, key: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, Metrics]:
        """The loss to minimise, float32[], and metrics to log, each float32[]."""
        ...

    def evaluate(self, model: Any, batch: PyTree) -> Metrics:
        """Metrics of each example, each float32[B]; the loop takes exact means over the split."""
        ...


@runtime_checkable
class AnsweringTask(Protocol):
    """A task that answers in two steps: a model reads the inputs, then reasoning goes on from it.

        inputs ─▶ beliefs(model, ·) ─▶ answer(·, inputs)

    Both are pure functions of their arguments and of whatever `__init__` fixed, over a batch with
    leading axis B, and can be traced. Neither sees a label: `inputs` is a dictionary of everything
    that is known without labels, and a `batch` is such a dictionary with the truth beside it. Then
    `evaluate` compares an answer with the truth, `predict` answers for a user's files and
    `pictures` draws answers. Each is a composition of the two functions, so the three agree. The
    loop itself does not call the two functions: a task without them trains just as well.
    """

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> PyTree:
        """The model's output for the inputs, mostly logits float32[B, V, D]."""
        ...

    def answer(self, beliefs: PyTree, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The conclusions from the beliefs, by name: arrays [B, ...]."""
        ...


@runtime_checkable
class SummarisingTask(Protocol):
    """A task with metrics that are not means over examples."""

    def summarise(self, model: Any, name: str) -> Mapping[str, float]:
        """Further metrics of the whole split `name`, computed when a run is judged."""
        ...


@runtime_checkable
class PicturingTask(Protocol):
    """A task that draws what its model does."""

    def pictures(self, model: Any, workdir: Path) -> Sequence[Path]:
        """Writes PNGs into `workdir`; returns where they are."""
        ...


@runtime_checkable
class PredictingTask(Protocol):
    """A task that can answer for a user's own files."""

    def predict(self, model: Any, paths: Sequence[Path]) -> Mapping[str, object]:
        """An ordered mapping: what was read, the answer, the confidence."""
        ...


def load_task(
    config: ml_collections.ConfigDict,
    *,
    data_dir: str | None = None,
    import_roots: Sequence[Path] = (),
) -> Any:
    """Makes the task that `config.task` names.

    Args:
      config: the whole config; `config.task` is "package.module:Class".
      data_dir: where the task looks for its data.
      import_roots: folders that are searched for the module after the working directory and
        everything on `sys.path`; the experiments that came with the package are found anyway.

    Returns:
      An instance of the class, checked for the attributes of `Task`.

    Raises:
      ValueError: the string is malformed, the module or class does not exist, or the class lacks
        methods of `Task`.
    """
    path = config.get("task", "")
    task_class = _import_class(path, import_roots)
    missing = [name for name in REQUIRED_METHODS if not callable(getattr(task_class, name, None))]
    if missing:
        raise ValueError(
            f"config.task {path!r} is not a task: it lacks {', '.join(missing)} "
            "(see neurosym.training.Task)"
        )
    _check_makes(task_class, path)
    with blamed(task_class, "__init__"):
        task = task_class(config, data_dir=data_dir)
    check_task(task)
    return task


def check_task(task: Any) -> None:
    """Raises ValueError unless `task` has the methods and the `metric` of `Task`."""
    name = type(task).__name__
    missing = [m for m in REQUIRED_METHODS if not callable(getattr(task, m, None))]
    if missing:
        raise ValueError(f"{name} is not a task: it lacks {', '.join(missing)}")
    if not isinstance(getattr(task, "metric", None), str):
        raise ValueError(
            f"{name} needs an attribute `metric`: the name of the validation metric that picks "
            "the best checkpoint"
        )


def _check_makes(task_class: Any, path: object) -> None:
    """Raises ValueError unless a task is made of a config and `data_dir`."""
    try:
        signature = inspect.signature(task_class)
    except (TypeError, ValueError):  # not written in Python
        return
    try:
        signature.bind("config", data_dir=None)
    except TypeError as error:
        raise ValueError(
            f"config.task {path!r} must be made by (config, *, data_dir), and takes {signature}: "
            f"{error}"
        ) from None


def _import_class(path: object, import_roots: Sequence[Path]) -> Callable[..., Any]:
    if not isinstance(path, str) or path.count(":") != 1 or not all(path.split(":")):
        raise ValueError(f"config.task must be 'package.module:Class', got {path!r}")
    module_name, class_name = path.split(":")
    shipped = shipped_root()
    import_roots = (*import_roots, *([] if shipped is None else [shipped]))
    extend_import_path(import_roots)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        looked_for = error.name or ""
        if module_name == looked_for or module_name.startswith(looked_for + "."):
            places = ", ".join(dict.fromkeys(str(p) for p in (Path.cwd(), *import_roots)))
            raise ValueError(
                f"config.task {path!r}: there is no module {looked_for!r} "
                f"(looked in {places} and on the Python path)"
            ) from error
        raise ValueError(
            f"config.task {path!r}: {module_name} needs {looked_for!r}, which is not installed"
        ) from error
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(
            f"config.task {path!r}: {module_name} cannot be imported: {type(error).__name__}: "
            f"{error} ({last.filename}, line {last.lineno})"
        ) from error
    if not hasattr(module, class_name):
        classes = [n for n, v in vars(module).items() if isinstance(v, type)]
        own = [n for n in classes if vars(module)[n].__module__ == module.__name__]
        raise ValueError(
            f"config.task {path!r}: {module_name} has no {class_name!r}; "
            f"its classes are: {', '.join(own) or 'none'}"
        )
    return getattr(module, class_name)
