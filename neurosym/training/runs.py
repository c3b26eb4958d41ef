"""Reading back what a run left: its model with the best parameters, or its parameters alone."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections
from flax import nnx

from neurosym.training.blame import blamed
from neurosym.training.checkpoints import Checkpoints
from neurosym.training.contract import model_of, split_of
from neurosym.training.epoch import Keys
from neurosym.training.evaluation import Evaluator
from neurosym.training.failures import RunWarning
from neurosym.training.settings import Settings
from neurosym.training.state import Anatomy, PyTree
from neurosym.training.task import SPLITS, PicturingTask, PredictingTask, load_task
from neurosym.training.workdir import Workdir


class Run(NamedTuple):
    """A run read back: its config, its task, and its model with the best parameters.

    Attributes:
      config: the whole config.
      task: made from it, or the caller's.
      model: in evaluation mode.
      settings: the loop's part of the config.
    """

    config: ml_collections.ConfigDict
    task: Any
    model: nnx.Module
    settings: Settings


def load_run(
    workdir: str | Path,
    data_dir: str | None = None,
    *,
    task: Any = None,
    import_roots: Sequence[Path] = (),
) -> Run:
    """Reads a run back from its workdir, finished or not.

    Args:
      workdir: of the run.
      data_dir: where the task looks for its data.
      task: the task, where the caller has it; else it is made from the config.
      import_roots: see `load_task`.

    Returns:
      The config, the task, and the model with the best parameters, in evaluation mode.

    Raises:
      ValueError: there is no run, no checkpoint, or the task's model does not fit it.
    """
    place = Workdir(Path(workdir))
    config = place.read_config()
    if task is None:
        task = load_task(config, data_dir=data_dir, import_roots=import_roots)
    settings = Settings.from_config(config)
    keys = Keys.of(settings.seed)
    anatomy = Anatomy.of(model_of(task, nnx.Rngs(keys.init)))
    params, other = restore_best(workdir, *anatomy.initial())
    return Run(config, task, anatomy.build(params, other), settings)


def latest_step(workdir: Workdir) -> int | None:
    """The step of the newest checkpoint of a run; None where there is none, or no run."""
    if not workdir.checkpoints.is_dir():
        return None
    with Checkpoints(workdir, read_only=True) as checkpoints:
        return checkpoints.latest()


def whole_step(workdir: Workdir) -> int:
    """The step that a run goes on from: of its newest checkpoint that can be read, else 0."""
    if not workdir.checkpoints.is_dir():
        return 0
    with Checkpoints(workdir, read_only=True) as checkpoints:
        return checkpoints.whole_step() or 0


def restore_best(
    workdir: str | Path, params: PyTree, other: PyTree, *, no_other: bool = False
) -> tuple[PyTree, PyTree]:
    """The best parameters of a run, or its last where it has no validation.

    Where the best checkpoint is damaged the best of the others is taken, with a `RunWarning`.

    Args:
      workdir: of the run.
      params: parameters of a model to fill, as in `TrainState`.
      other: its further variables.
      no_other: refuse another checkpoint than the best.

    Returns:
      The same trees with the run's arrays.

    Raises:
      ValueError: there is no run or checkpoint, or none that can be read; or arrays are missing or
        have other shapes; the message names them.
    """
    place = Workdir(Path(workdir))
    place.read_config()
    if not place.checkpoints.is_dir():
        raise ValueError(f"the run in {workdir} has no checkpoint yet")
    with Checkpoints(place, read_only=True, say=_warn) as checkpoints:
        try:
            _, *model = checkpoints.restore_best(params, other, no_other=no_other)
        except ValueError as error:
            raise ValueError(f"cannot take the parameters of {workdir}: {error}") from error
    return model[0], model[1]


def _warn(message: str) -> None:
    warnings.warn(message, RunWarning, stacklevel=2)


def evaluate_run(run: Run, split_name: str) -> dict[str, float]:
    """The metrics of a run's model on one of its splits.

    Raises:
      ValueError: there is no such split, or it is empty.
    """
    if split_name not in SPLITS:
        raise ValueError(f"the splits are {', '.join(SPLITS)}; there is no {split_name!r}")
    split = split_of(run.task, split_name, may_be_empty=True)
    if split.size == 0:
        raise ValueError(f"the {split_name} split of this run is empty")
    anatomy = Anatomy.of(run.model)
    batch_size = run.settings.train.eval_batch_size
    # As in training, where one program judges on both.
    both = {"validation", "test"}
    others = both - {split_name} if split_name in both else set()
    splits = [split, *(split_of(run.task, name, may_be_empty=True) for name in others)]
    evaluator = Evaluator(run.task, anatomy, batch_size=batch_size, splits=splits)
    return evaluator.judge(*anatomy.initial(), split, split_name)[0]


def predict_run(run: Run, paths: Sequence[Path]) -> Mapping[str, object]:
    """The answer of a run's model for a user's own files.

    Raises:
      ValueError: its task does not read files, or returns no mapping.
    """
    if not isinstance(run.task, PredictingTask):
        raise ValueError(f"the task {run.config.task} does not read files of its own")
    with blamed(run.task, "predict"):
        answer = run.task.predict(run.model, paths)
    if not isinstance(answer, Mapping):
        raise ValueError(
            f"{type(run.task).__name__}.predict must return a mapping from names to what is "
            f"answered, got {type(answer).__name__}"
        )
    return answer


def picture_run(run: Run, workdir: Path) -> list[Path]:
    """Draws the pictures of a run's task, if it has any; returns their paths.

    Raises:
      ValueError: the task does not return paths.
    """
    if not isinstance(run.task, PicturingTask):
        return []
    with blamed(run.task, "pictures"):
        drawn = run.task.pictures(run.model, workdir)
    try:
        return [Path(path) for path in drawn]
    except TypeError as error:
        raise ValueError(
            f"{type(run.task).__name__}.pictures must return the paths of its pictures: {error}"
        ) from error
