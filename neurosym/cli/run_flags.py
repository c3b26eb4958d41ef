"""The flags that commands on runs share: where a run is, where data are, and how long to go on."""

import math
from pathlib import Path

from absl import flags

from neurosym.cli.command import UsageError

_MISSING = "--workdir=FOLDER is missing"


def define_workdir(values: flags.FlagValues, what: str, default: str | None = None) -> None:
    """Defines `--workdir`, which is `what`."""
    flags.DEFINE_string("workdir", default, what, flag_values=values)


def define_data_dir(values: flags.FlagValues) -> None:
    """Defines `--data_dir`."""
    flags.DEFINE_string(
        "data_dir", None, "where the data lie; else NEUROSYM_DATA_DIR", flag_values=values
    )


def define_duration(values: flags.FlagValues, name: str, default: float | None, what: str) -> None:
    """Defines a flag of a time: a number from 0 on, also `inf`; no time is no number at all."""
    flags.DEFINE_float(name, default, what, lower_bound=0.0, flag_values=values)
    flags.register_validator(
        name,
        lambda value: value is None or not math.isnan(value),
        message=f"--{name} is a number, not nan",
        flag_values=values,
    )


def given_workdir(values: flags.FlagValues) -> Path:
    """The folder that `--workdir` names, there or not; raises UsageError where it is missing."""
    if not values.workdir:
        raise UsageError(_MISSING)
    return Path(values.workdir)


def required_workdir(values: flags.FlagValues) -> Path:
    """The workdir of an existing run that `--workdir` names.

    Raises:
      UsageError: the flag is missing, or there is no such run.
    """
    workdir = given_workdir(values)
    if not (workdir / "config.json").is_file():
        reason = "it has no config.json" if workdir.is_dir() else "there is no such folder"
        raise UsageError(f"{workdir} is not the workdir of a run: {reason}")
    return workdir
