"""The display of a sweep: a table that lives on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from neurosym.sweeps.trials import TrialSummary, best_of

_STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}


class SweepDisplay:
    """Shows trials as they go.

    Args:
      console: where to write.
      total: how many trials are wanted.
      title: of the table.
    """

    def __init__(self, console: Console, total: int, title: str) -> None:
        self._console = console
        self._total = total
        self._title = title
        self._started = time.monotonic()
        self._told: dict[int, str] = {}
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._live is not None:
            self._live.stop()

    def skip(self, trials: Sequence[TrialSummary]) -> None:
        """Marks trials that were finished before as shown."""
        self._told = {t.number: t.state for t in trials if t.state not in ("RUNNING", "WAITING")}

    def update(self, trials: Sequence[TrialSummary]) -> None:
        """Draws the table anew, or prints a line for each trial that has ended since."""
        if self._live is not None:
            self._live.update(self._table(trials), refresh=True)
            return
        best = best_of(trials)
        for trial in trials:
            if trial.state in ("RUNNING", "WAITING") or self._told.get(trial.number):
                continue
            self._told[trial.number] = trial.state
            line = f"trial {trial.number} {_STATES[trial.state]}: {_value(trial)}"
            if trial.error:
                line += f"  {trial.error.splitlines()[0]}"
            if best is not None:
                line += f"  (best {_number(best.value)}, trial {best.number})"
            self.say(f"{line}  {_params(trial.params)}")

    def say(self, message: str) -> None:
        """A line to show at once."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def _table(self, trials: Sequence[TrialSummary]) -> Table:
        best = best_of(trials)
        finished = sum(t.state in ("COMPLETE", "PRUNED", "FAIL") and not t.retried for t in trials)
        minutes = (time.monotonic() - self._started) / 60
        table = Table(
            title=f"{self._title}: {finished} of {self._total} trials, {minutes:.1f} min",
            title_justify="left",
        )
        names = list(dict.fromkeys(name for trial in trials for name in trial.params))
        for heading in ("trial", "state", "epoch", "value", "s"):
            table.add_column(heading, justify="left" if heading == "state" else "right")
        for name in names:
            table.add_column(name.rsplit(".", 1)[-1], justify="right", overflow="fold")
        # Running ones and the best are always to be seen, then the newest.
        room = max(self._console.size.height - 7, 5)
        shown = {t.number for t in trials if t.state == "RUNNING"}
        shown |= {best.number} if best else set()
        for trial in reversed(trials):
            if len(shown) >= room:
                break
            shown.add(trial.number)
        for trial in trials:
            if trial.number in shown:
                style = "bold" if best and trial.number == best.number else None
                table.add_row(*_row(trial, names), style=style)
        return table


def _row(trial: TrialSummary, names: Sequence[str]) -> list[str]:
    return [
        str(trial.number),
        _STATES[trial.state] + (", retried" if trial.retried else ""),
        "" if trial.epoch is None else str(trial.epoch),
        "" if trial.value is None else _number(trial.value),
        "" if trial.seconds is None else f"{trial.seconds:.0f}",
        *(_short(trial.params[name]) if name in trial.params else "" for name in names),
    ]


def _value(trial: TrialSummary) -> str:
    text = "no value" if trial.value is None else _number(trial.value)
    return text if trial.epoch is None else f"{text} at epoch {trial.epoch}"


def _params(params: dict[str, Any]) -> str:
    return "  ".join(f"{name}={_short(value)}" for name, value in params.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
