"""Trackers: the services that show the curves of a run while it trains.

`metrics.jsonl` is the record of a run; a tracker is told the same. TensorBoard is the default. The
others are packages of their own, which an extra of this package installs:

    pip install 'neurosym[wandb]'
    neurosym train … --tracker=tensorboard,wandb

A tracker is opened by the first line that it gets, since importing one takes a second and more.
Several runs of one process have trackers of their own.
"""

import importlib
import importlib.util
import json
import os
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from neurosym.training.failures import RunWarning
from neurosym.training.workdir import Workdir

PROJECT = "neurosym"
"""The project of runs where no variable of the tracker names another."""


class Tracker(Protocol):
    """What is told of a run as it goes."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Takes scalars, such as "train/loss", after so many steps."""
        ...

    def close(self) -> None:
        """Sends what is not sent yet."""
        ...


def check_trackers(names: Sequence[str]) -> None:
    """Raises `ValueError` where a tracker does not exist, or its package is not installed."""
    for name in names:
        if name not in TRACKERS:
            raise ValueError(f"there is no tracker {name!r}; there are {', '.join(TRACKERS)}")
        package = TRACKERS[name][0]
        if importlib.util.find_spec(package) is None:
            raise ValueError(
                f"the tracker {name} needs the package {package}: pip install 'neurosym[{name}]'"
            )


class Trackers:
    """The trackers of one run.

    Args:
      names: of `TRACKERS`.
      workdir: of the run.
      first_step: lines from this step on are written; a resumed run writes them again.
    """

    def __init__(self, names: Sequence[str], workdir: Workdir, *, first_step: int = 1) -> None:
        self._makers = {name: TRACKERS[name][1] for name in names}
        self._workdir = workdir
        self._first_step = first_step
        self._open: dict[str, Tracker] = {}

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Tells every tracker. A service that fails is warned of, and told nothing from then on."""
        for name, make in list(self._makers.items()):
            try:
                if name not in self._open:
                    self._open[name] = make(self._workdir, self._first_step)
                self._open[name].scalars(values, step)
            except Exception as error:
                self._give_up(name, error)

    def close(self) -> None:
        """Closes the trackers that were told anything."""
        for name, tracker in list(self._open.items()):
            try:
                tracker.close()
            except Exception as error:
                self._give_up(name, error)
        self._open = {}

    def _give_up(self, name: str, error: Exception) -> None:
        """Without a service that cannot be reached the run goes on: its record is on disk."""
        if name == "tensorboard":  # whose files lie beside the other files of the run
            raise error
        del self._makers[name]
        self._open.pop(name, None)
        warnings.warn(
            f"the tracker {name} fails, and the run goes on without it: "
            f"{type(error).__name__}: {error}",
            RunWarning,
            stacklevel=3,
        )


class _TensorBoard:
    """Event files in the workdir, which `tensorboard --logdir` shows."""

    def __init__(self, workdir: Workdir, first_step: int) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(workdir.tensorboard), purge_step=first_step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _WandB:
    """A run of Weights & Biases; WANDB_PROJECT, WANDB_MODE and its other variables hold."""

    def __init__(self, workdir: Workdir, first_step: int) -> None:
        del first_step  # a run that is resumed takes lines again
        self._run = importlib.import_module("wandb").init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=workdir.path.name,
            id=_identity(workdir),
            resume="allow",
            reinit="create_new",  # several seeds of one process are several runs
            dir=str(workdir.path),
            config=_config(workdir),
        )
        # Lines of a step that was told before are taken, which a step of its own would not be.
        self._run.define_metric("*", step_metric="step")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._run.log({**values, "step": step})

    def close(self) -> None:
        self._run.finish()


class _Trackio:
    """A run of Trackio, on this machine or in the space that TRACKIO_SPACE_ID names."""

    def __init__(self, workdir: Workdir, first_step: int) -> None:
        del first_step
        self._run = importlib.import_module("trackio").init(
            project=os.environ.get("TRACKIO_PROJECT", PROJECT),
            name=f"{workdir.path.name}-{_identity(workdir)}",
            space_id=os.environ.get("TRACKIO_SPACE_ID"),
            config=_config(workdir),
            resume="allow",
            embed=False,
        )

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


TRACKERS: dict[str, tuple[str, Callable[[Workdir, int], Tracker]]] = {
    "tensorboard": ("tensorboardX", _TensorBoard),
    "trackio": ("trackio", _Trackio),
    "wandb": ("wandb", _WandB),
}
"""By name: the package that a tracker needs, and how it is opened."""


def _identity(workdir: Workdir) -> str:
    """A name of the run that no other has, kept in its workdir: a resumed run goes on there."""
    path = workdir.path / "tracker-id"
    if not path.exists():
        path.write_text(f"{uuid.uuid4().hex[:8]}\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def _config(workdir: Workdir) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(workdir.config.read_text(encoding="utf-8"))
    return config
