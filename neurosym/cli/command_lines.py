"""From a config to the command line that trains it again."""

import shlex

import ml_collections


def command_of(
    config: ml_collections.ConfigDict, base: ml_collections.ConfigDict, source: str
) -> str:
    """The command line that trains a config.

    Args:
      config: of a run.
      base: of the config file, as it is now.
      source: the config file, with its variant after a colon.

    Raises:
      ValueError: the run has fields that the file has not, or lacks some: then it is not a run of
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
