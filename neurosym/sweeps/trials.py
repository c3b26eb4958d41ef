"""Trials as tables, files and pictures need them: plain data, read from Optuna's trials."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

# Attributes that a trial carries in the storage, where any dashboard shows them.
FIELDS, ERROR, WORKER, SURPLUS = "fields", "error", "worker", "surplus"
_HISTORY = "retry_history"  # Optuna's own


@dataclasses.dataclass(frozen=True)
class TrialSummary:
    """One trial.

    Attributes:
      number: of the trial in its study.
      state: COMPLETE, PRUNED, FAIL, RUNNING or WAITING.
      value: the best validation metric of a complete trial, the last one of a trial that was
        pruned or is still running; None where nothing was measured.
      params: the fields that were varied, with their values.
      fields: all fields that were set, with the varied ones among them.
      epoch: the last epoch that was validated; None before the first.
      seconds: from its start to its end; None where it has none yet.
      error: why it failed, else "".
      retry_of: the number of the trial whose worker died, where this one takes its place.
      retried: another trial takes the place of this one.
    """

    number: int
    state: str
    value: float | None
    params: dict[str, Any]
    fields: dict[str, Any]
    epoch: int | None
    seconds: float | None
    error: str
    retry_of: int | None
    retried: bool

    def as_json(self) -> dict[str, Any]:
        """The trial as it stands in `sweep.json`."""
        record: dict[str, Any] = {
            "number": self.number,
            "state": self.state,
            "value": self.value,
            "params": self.params,
        }
        if self.error:
            record["error"] = self.error
        if self.retry_of is not None:
            record["retry_of"] = self.retry_of
        return record


def summarise(trials: Sequence[FrozenTrial]) -> list[TrialSummary]:
    """The trials that belong to the sweep, in the order of their numbers."""
    replaced = retried_numbers(trials)
    return [_summary(trial, trial.number in replaced) for trial in trials if not is_surplus(trial)]


def best_of(summaries: Sequence[TrialSummary]) -> TrialSummary | None:
    """The complete trial with the highest value, the first among equals; None without any."""
    complete = [(s.value, -s.number, s) for s in summaries if s.state == "COMPLETE"]
    found = [(value, place, s) for value, place, s in complete if value is not None]
    return max(found, default=(None, None, None), key=lambda entry: entry[:2])[2]


def slots(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count towards the number wanted: one for each that was retried."""
    replaced = retried_numbers(trials)
    return [t for t in trials if t.number not in replaced and not is_surplus(t)]


def retry_history(trial: FrozenTrial) -> list[int]:
    """The numbers of the trials whose place this one takes, the first one first."""
    return list(trial.system_attrs.get(_HISTORY, []))


def retried_numbers(trials: Sequence[FrozenTrial]) -> set[int]:
    """The numbers of the trials whose place others take."""
    return {number for trial in trials for number in retry_history(trial)}


def is_surplus(trial: FrozenTrial) -> bool:
    """Whether a trial was begun when another worker had taken the last place already."""
    return bool(trial.user_attrs.get(SURPLUS, False))


def _summary(trial: FrozenTrial, retried: bool) -> TrialSummary:
    fields = dict(trial.user_attrs.get(FIELDS, {}))
    reported = trial.intermediate_values
    value: float | None
    if trial.state == TrialState.COMPLETE:
        value = trial.value
    else:
        value = reported[max(reported)] if reported else None
    seconds = None if trial.duration is None else trial.duration.total_seconds()
    history = retry_history(trial)
    failed = trial.state == TrialState.FAIL
    return TrialSummary(
        number=trial.number,
        state=trial.state.name,
        value=value,
        params={name: fields.get(name, found) for name, found in trial.params.items()},
        fields=fields,
        epoch=max(reported, default=None),
        seconds=seconds,
        error=str(trial.user_attrs.get(ERROR, "")) if failed else "",
        retry_of=history[-1] if history else None,
        retried=retried,
    )
