"""The study of a sweep in its storage: whose it is, which trial is next, and what became of each.

Workers on any number of machines meet here and nowhere else. A trial that a signal stopped goes
back to the queue under its own number. A trial whose worker died is marked as failed, and another
trial with the same values takes its place.
"""

import contextlib
import copy
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import (
    DuplicatedStudyError,
    StorageInternalError,
    UpdateFinishedTrialError,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from neurosym.sweeps.choices import label_of
from neurosym.sweeps.space import Space
from neurosym.sweeps.storage import GRACE_BEATS, open_storage, retry_callback
from neurosym.sweeps.trials import ERROR, SURPLUS, WORKER, retry_history, slots
from neurosym.training.files import read_json, write_json

HEARTBEAT_SECONDS = 15
"""How often a worker says that it lives."""

_SECOND_LOOK_SECONDS = 1.5
_CREATION_SECONDS = 30.0  # for another machine to fill in a study that it has just made
_BEGINNING = timedelta(minutes=10)  # by when a trial has a worker, whatever the load

# Attributes of the study.
_SWEEP, _METRIC, _EXHAUSTED = "neurosym sweep", "metric", "exhausted"


class SweepStudy:
    """One study in one storage.

    Args:
      url: of an Optuna storage, such as "sqlite:///study.db" or "postgresql://user@host/name".
      name: of the study.
      heartbeat: seconds between two signs of life of a worker.

    Raises:
      ValueError: the storage cannot be opened.

    Attributes:
      study: Optuna's study; there once `create` or `load` has been called.
    """

    def __init__(self, url: str, name: str, *, heartbeat: int = HEARTBEAT_SECONDS) -> None:
        self.name = name
        self.heartbeat = heartbeat
        self._retry = retry_callback()
        self._storage = open_storage(url, heartbeat, self._retry)
        self.study: optuna.Study

    def create(self, space: Space) -> str:
        """Makes the study, with the config's own values as its trial 0, unless it is there.

        Returns:
          The identity of the study, which no other study has.

        Raises:
          ValueError: there is a study of this name with another config or space, or one that no
            sweep made.
        """
        try:
            self.study = optuna.create_study(
                study_name=self.name, storage=self._storage, direction="maximize"
            )
        except DuplicatedStudyError:
            return self._check(space)
        defaults = space.defaults()
        identity = uuid.uuid4().hex
        # The queue is filled before the mark is set that others wait for.
        self.study.enqueue_trial(
            {name: label_of(defaults.fields[name]) for name in defaults.distributions}
        )
        self.study.set_user_attr(_SWEEP, {"id": identity, "space": space.identity()})
        return identity

    def load(self, *, sampler: Any = None, pruner: Any = None) -> None:
        """Takes the study that `create` has made.

        Raises:
          ValueError: there is no study of this name.
        """
        try:
            self.study = optuna.load_study(
                study_name=self.name, storage=self._storage, sampler=sampler, pruner=pruner
            )
        except KeyError as error:
            raise ValueError(f"there is no study {self.name!r} in the storage") from error

    def trials(self) -> list[FrozenTrial]:
        """All trials as they are now, in the order of their numbers."""
        return self.study.get_trials(deepcopy=False)

    def next_trial(self, total: int) -> optuna.Trial | None:
        """Begins a trial: one that waits, else a new one while there are fewer than `total`.

        None where all places are taken: by trials that are finished, or that others still run.
        """
        before = self.trials()
        counted = slots(before)
        waiting = [t for t in counted if t.state == TrialState.WAITING]
        if len(counted) - len(waiting) >= total or not (waiting or len(counted) < total):
            return None
        with warnings.catch_warnings():
            # Optuna would rather have its own loop, which has no way to put a trial back.
            warnings.simplefilter("ignore", UserWarning)
            trial = self.study.ask()
        # At once: whoever dies from here on is missed.
        self._storage.record_heartbeat(trial._trial_id)
        # What is taken from the queue has been counted before; another worker may have taken it,
        # and the last place with it.
        here = next(t for t in self.trials() if t.number == trial.number)
        is_new = trial.number > max((t.number for t in before), default=-1)
        if is_new and not retry_history(here):
            earlier = [t for t in slots(self.trials()) if t.number < trial.number]
            if len(earlier) >= total:
                trial.set_user_attr(SURPLUS, True)
                self.study.tell(trial, state=TrialState.FAIL)
                return None
        return trial

    def is_over(self, total: int) -> bool:
        """Whether `total` trials are finished and none is left to wait for."""
        counted = slots(self.trials())
        if any(t.state == TrialState.RUNNING for t in counted):
            return False
        return sum(t.state.is_finished() for t in counted) >= total

    def name_metric(self, metric: str) -> None:
        """Notes what the value of a trial is; dashboards show it."""
        self.study.set_user_attr(_METRIC, metric)

    def metric(self) -> str:
        """What the value of a trial is."""
        return str(self.study.user_attrs.get(_METRIC, "value"))

    def note_exhausted(self) -> None:
        """Notes that the sampler has nothing new to try."""
        self.study.set_user_attr(_EXHAUSTED, True)

    def is_exhausted(self) -> bool:
        """Whether the sampler of a worker has nothing new to try."""
        return bool(self.study.user_attrs.get(_EXHAUSTED, False))

    @contextlib.contextmanager
    def alive(self, trial: optuna.Trial) -> Iterator[None]:
        """Gives signs of life of a trial while entered."""
        over = threading.Event()

        def beat() -> None:
            while True:
                # A storage that is away for a while is not a reason to stop.
                with contextlib.suppress(StorageInternalError, SQLAlchemyError):
                    self._storage.record_heartbeat(trial._trial_id)
                if over.wait(self.heartbeat):
                    return

        thread = threading.Thread(target=beat, daemon=True, name=f"heartbeat {trial.number}")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def put_back(self, trial: optuna.Trial) -> None:
        """Lets a trial that was stopped wait for its turn again, under its own number."""
        with contextlib.suppress(UpdateFinishedTrialError):
            self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def finish(
        self, trial: optuna.Trial, *, value: float | None = None, state: TrialState | None = None
    ) -> None:
        """Tells what became of a trial; nothing happens where it was given up for dead."""
        with contextlib.suppress(UpdateFinishedTrialError):
            self.study.tell(trial, value, state, skip_if_finished=True)

    def retry_stale(self) -> list[int]:
        """Marks the trials of workers without a sign of life as failed, and queues new ones.

        Returns:
          The numbers of the trials that were marked.
        """
        study_id = self.study._study_id
        stale = set(self._storage._get_stale_trial_ids(study_id))
        nobodys = [t for t in self.trials() if _belongs_to_nobody(t)]
        for trial in nobodys:
            self._retired(trial, "its worker died as it began")
        if not stale:
            return []
        # A trial from the queue still shows the last beat of who stopped it, for a moment.
        time.sleep(_SECOND_LOOK_SECONDS)
        stale &= set(self._storage._get_stale_trial_ids(study_id))
        seconds = int(self.heartbeat * GRACE_BEATS)
        why = f"its worker gave no sign of life for {seconds} s"
        return [t.number for t in self.trials() if t._trial_id in stale and self._retired(t, why)]

    def retry_of_worker(self, worker: str, why: str) -> list[int]:
        """The same for the trials of a worker that is known to be dead."""
        running = [t for t in self.trials() if t.state == TrialState.RUNNING]
        mine = [t for t in running if t.user_attrs.get(WORKER) == worker]
        return [t.number for t in mine if self._retired(t, why)]

    def _retired(self, trial: FrozenTrial, why: str) -> bool:
        try:
            self._storage.set_trial_user_attr(trial._trial_id, ERROR, why)
            self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return False  # it was finished, or somebody else was faster
        self._retry(self.study, copy.deepcopy(self._storage.get_trial(trial._trial_id)))
        return True

    def _check(self, space: Space) -> str:
        self.study = optuna.load_study(study_name=self.name, storage=self._storage)
        patience = time.monotonic() + _CREATION_SECONDS
        while (mark := self.study.user_attrs.get(_SWEEP)) is None:
            if self.trials() and self.trials()[0].state != TrialState.WAITING:
                break
            if time.monotonic() > patience:
                break
            time.sleep(0.5)
        if mark is None:
            raise ValueError(
                f"the storage has a study {self.name!r} that no sweep made, or not to the end; "
                "take another name with --study"
            )
        faults = _differences(mark["space"], space.identity())
        if faults:
            listed = "\n  ".join(faults)
            raise ValueError(
                f"the study {self.name!r} belongs to a sweep of another config or space (there → "
                f"here):\n  {listed}\nTake another --workdir (or --study), or remove the old one."
            )
        return str(mark["id"])


def claim_folder(workdir: Path, study: SweepStudy, identity: str) -> None:
    """Makes the folder of a sweep and notes whose trials lie in it.

    Raises:
      ValueError: it holds the trials of another study.
    """
    note = workdir / "study.json"
    mine = {"study": study.name, "id": identity}
    if note.exists():
        advice = f"Take another --workdir, or remove {note} if the trials here are of this study."
        found = read_json(note, "the note of a sweep", advice)
        if found != mine:
            raise ValueError(
                f"{workdir} holds the trials of another study, {found.get('study')!r}: take "
                "another --workdir, or the --study and --storage that they belong to"
            )
        return
    workdir.mkdir(parents=True, exist_ok=True)
    write_json(note, mine)


def worker_name(process: int) -> str:
    """The name of a worker: its machine and its process."""
    return f"{socket.gethostname()}:{process}"


def _belongs_to_nobody(trial: FrozenTrial) -> bool:
    """Whether a trial's worker died before it could say who it was, or live for a moment."""
    if trial.state != TrialState.RUNNING or WORKER in trial.user_attrs:
        return False
    started = trial.datetime_start
    return started is not None and datetime.now() - started > _BEGINNING


def _differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    lines = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, "(absent)"), new.get(name, "(absent)")
        if before != after:
            lines.append(f"{name}: {before} → {after}")
    return lines
