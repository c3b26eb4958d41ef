"""`neurosym record`: keeps the results of finished runs as small files, to be committed."""

import shlex
from pathlib import Path

import ml_collections
from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.configs import load_config

_DEFAULT = "default"


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "config",
        None,
        "config file of the runs, with its variant after a colon",
        flag_values=values,
    )
    flags.DEFINE_string("results", "docs/results", "folder of the results", flag_values=values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if not values.config:
        raise UsageError("--config=FILE.py[:VARIANT] is missing")
    if not arguments:
        raise UsageError("no runs were given")
    config = load_config(values.config)
    from neurosym.training import Workdir, record_run

    file, _, variant = values.config.partition(":")
    # All are looked at before the first is written.
    commands = {
        path: command_of(Workdir(Path(path)).read_config(), config, values.config)
        for path in arguments
    }
    for path, command in commands.items():
        written = record_run(
            path,
            values.results,
            experiment=Path(file).stem,
            variant=variant or _DEFAULT,
            command=command,
        )
        print(written)
    return 0


def command_of(
    config: ml_collections.ConfigDict, base: ml_collections.ConfigDict, source: str
) -> str:
    """The command line that trains a config.

    Args:
      config: of a run.
      base: of the config file, as it is now.
      source: the config file, with its variant after a colon.

    Raises:
      ValueError: the run has fields that the file has not, or lacks some: then it is no run of
        this file as it is now.
    """
    from neurosym.training import flat_fields, plain_config

    mine, given = flat_fields(config.to_dict()), flat_fields(plain_config(base).to_dict())
    strange = sorted(mine.keys() ^ given.keys())
    if strange:
        raise ValueError(
            f"the run is not one of {source}: only one of them has "
            f"{', '.join(f'config.{name}' for name in strange)}"
        )
    changed = [
        f"--config.{name}={tuple(value) if isinstance(value, list) else value}"
        for name, value in mine.items()
        if value != given[name] or name == "seed"
    ]
    return shlex.join(["neurosym", "train", f"--config={source}", *changed, "--workdir=RUN"])


COMMAND = Command(
    name="record",
    usage="record --config=FILE.py[:VARIANT] RUN... [--results=FOLDER]",
    description=(
        "Keeps the results of finished runs of a config: one file a run, "
        "RESULTS/FILE/VARIANT-HASH-seedK.json, with the figures, the whole config and the command "
        "that trains it again. The hash is of the config without its seed. A run that is not "
        "finished is refused, and so is one whose place is taken by other figures."
    ),
    examples=("neurosym record --config=configs/mnist_addition.py:n4 runs/n4/seed_*",),
    define_flags=_define_flags,
    run=_run,
)
