"""Leaving a run cleanly on SIGINT and SIGTERM: the signal is noted, the loop decides when."""

import signal
import threading
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunStopped(Exception):
    """A run was stopped before its end; everything up to `step` is saved.

    Attributes:
      step: the step to resume from.
    """

    def __init__(self, step: int, by: str = "as asked") -> None:
        self.step = step
        super().__init__(
            f"stopped {by}; saved at step {step}: run the same command again to continue"
        )


class RunInterrupted(RunStopped):
    """A run was stopped by a signal; everything up to `step` is saved.

    Attributes:
      signal_number: which signal.
      step: the step to resume from.
    """

    def __init__(self, signal_number: int, step: int) -> None:
        self.signal_number = signal_number
        super().__init__(step, f"by {signal.Signals(signal_number).name}")


class Interrupts:
    """Notes signals while it is entered, instead of letting them break in anywhere.

    A second signal of the same kind acts as it would have without this. Outside the main thread,
    where Python allows no handlers, it notes nothing.

    Attributes:
      received: the number of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.received = number
        signal.signal(number, self._previous[number])
