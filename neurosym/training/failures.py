"""Why a run could not go on, or went on with less: errors and warnings in the user's terms.

Errors of a task's own code are not here: they keep their types, and `neurosym.training.blame` notes
where in the task they were raised.
"""

from pathlib import Path


class NonFiniteError(RuntimeError):
    """A loss, a gradient, a parameter or a metric became infinite or not a number.

    Attributes:
      step: the step at which it happened.
    """

    def __init__(
        self, what: str, step: int, workdir: Path, saved_step: int | None, advice: str = ""
    ) -> None:
        self.step = step
        saved = "nothing was saved before" if saved_step is None else f"step {saved_step} is saved"
        advice = advice or (
            "Try a lower config.optimizer.learning_rate, config.optimizer.clip_norm=1.0 or some "
            "config.optimizer.warmup_steps, in another workdir; "
            f"config.init_from={workdir} starts from what is saved."
        )
        super().__init__(f"{what} is not finite at step {step} ({saved}). {advice}")


class ProcessLostError(RuntimeError):
    """Another process of a run over several stopped answering."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "another process of this run stopped answering, so this one cannot go on. What was "
            "saved is kept: start all processes again with the same commands to continue. "
            f"({reason})"
        )


class NotSavedError(OSError):
    """The workdir cannot be written: no room, no permission; what was saved before is whole."""

    def __init__(self, error: OSError, workdir: Path, saved_step: int | None) -> None:
        saved = "nothing is saved yet" if saved_step is None else f"step {saved_step} is saved"
        super().__init__(
            f"cannot write to {workdir}: {error.strerror} ({saved}). Put that right and run the "
            "same command again to continue"
        )


class DamagedCheckpointError(ValueError):
    """A checkpoint cannot be read, or holds other bytes than were written."""

    def __init__(self, checkpoint: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the checkpoint {checkpoint} is damaged: {reason}")


class RunWarning(UserWarning):
    """A part of a run is missing, and something else stands in for it."""
