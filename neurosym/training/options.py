"""Options: all that a caller may ask of the training loop besides a config."""

import dataclasses
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from neurosym.training.progress import ProgressDisplay, SilentProgress

# Called with the step and the validation metrics.
OnValidation = Callable[[int, Mapping[str, float]], None]


@dataclasses.dataclass(frozen=True)
class Options:
    """All that a caller may ask of the loop besides a config; nothing here changes what is learned.

    Attributes:
      progress: who is told how it goes.
      on_validation: called after every validation of a single run, when its checkpoint is on its
        way, with the step and the validation metrics. An error that it raises ends the run, which
        can be resumed.
      stop_when: asked between chunks of steps; when it says True, the run is saved and
        `RunStopped` is raised.
      judge_test: False leaves the test split alone and writes no `result.json`.
      profile: write a trace of a few steps to WORKDIR/profile.
      trackers: who shows the curves while it trains, by the names in `training.trackers`.
    """

    progress: ProgressDisplay = dataclasses.field(default_factory=SilentProgress)
    on_validation: OnValidation | None = None
    stop_when: Callable[[], bool] | None = None
    judge_test: bool = True
    profile: bool = False
    trackers: tuple[str, ...] = ("tensorboard",)


def with_former_options(options: Options | None, former: Mapping[str, Any]) -> Options:
    """Options, with those that `train` once took as arguments of their own.

    Raises:
      TypeError: there is no such option.
    """
    options = options or Options()
    if not former:
        return options
    names = [field.name for field in dataclasses.fields(Options)]
    strange = [name for name in former if name not in names]
    if strange:
        raise TypeError(f"train() got an unexpected keyword argument {strange[0]!r}")
    given = ", ".join(f"{name}=…" for name in former)
    warnings.warn(f"write options=Options({given})", DeprecationWarning, stacklevel=3)
    return dataclasses.replace(options, **{k: v for k, v in former.items() if v is not None})
