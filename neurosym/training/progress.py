"""The display of a run that goes on: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

# Seconds between two plain lines.
_LINE_INTERVAL = 2.0


class ProgressDisplay(Protocol):
    """What the loop tells of itself; `SilentProgress` and `ConsoleProgress` listen."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def start(self, step: int, total_steps: int, steps_per_epoch: int) -> None:
        """The run starts at `step`."""
        ...

    def update(self, step: int, figures: Mapping[str, float]) -> None:
        """`step` steps are done; `figures` are the latest to show, by name."""
        ...

    def say(self, message: str) -> None:
        """A line to show at once."""
        ...


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def start(self, step: int, total_steps: int, steps_per_epoch: int) -> None:
        """Ignored."""

    def update(self, step: int, figures: Mapping[str, float]) -> None:
        """Ignored."""

    def say(self, message: str) -> None:
        """Ignored."""


class ConsoleProgress:
    """A bar with figures, speed and time left on a terminal; a line every two seconds elsewhere.

    Args:
      console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                # On a narrow terminal the figures are cut, never the epoch or the time left.
                TextColumn("epoch {task.fields[epoch]}", table_column=Column(min_width=11)),
                BarColumn(bar_width=10),
                TimeRemainingColumn(table_column=Column(min_width=7)),
                TextColumn("left", table_column=Column(min_width=4)),
                TextColumn(
                    "{task.fields[figures]}",
                    table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
                ),
                console=console,
                expand=True,
            )
        self._total = self._steps_per_epoch = 0
        self._last_line = 0.0
        self._last_text = ""
        self._timed_from: tuple[int, float] | None = None  # the step and time of the first update

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, step: int, total_steps: int, steps_per_epoch: int) -> None:
        """Shows the bar; the time left is told from the first update on."""
        self._total, self._steps_per_epoch = total_steps, max(steps_per_epoch, 1)
        self._timed_from = None
        if self._bar is not None:
            self._bar.add_task(
                "", total=total_steps, completed=step, epoch=self._epoch(step), figures=""
            )
            self._bar.start()

    def update(self, step: int, figures: Mapping[str, float]) -> None:
        """Moves the bar, or prints a line if the last one is old enough or the run is over."""
        shown = "  ".join(f"{name} {_short(value)}" for name, value in figures.items())
        if self._bar is not None:
            for task in self._bar.task_ids:
                self._bar.update(task, completed=step, epoch=self._epoch(step), figures=shown)
            return
        now = time.monotonic()
        # The first update comes after compiling, which says nothing of the steps to come.
        first_step, started_at = self._timed_from = self._timed_from or (step, now)
        if step < self._total and now - self._last_line < _LINE_INTERVAL:
            return
        self._last_line = now
        done = step - first_step
        left = f"  left {_clock((self._total - step) * (now - started_at) / done)}" if done else ""
        line = f"epoch {self._epoch(step)}  step {step}/{self._total}  {shown}{left}"
        if line != self._last_text:  # the end of a run is told twice, with and without validation
            self.say(line)
        self._last_text = line

    def say(self, message: str) -> None:
        """Prints a line, above the bar if there is one."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def _epoch(self, step: int) -> str:
        return f"{step / self._steps_per_epoch:.1f}/{self._total // self._steps_per_epoch}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
