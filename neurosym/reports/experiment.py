"""An experiment to report: published figures, and the configs of ours that stand beside them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import ml_collections

from neurosym.reports.entries import Entry
from neurosym.reports.groups import Group, group_entries
from neurosym.reports.published import Published, load_published
from neurosym.reports.records import config_hash
from neurosym.training.workdir import flat_fields

ConfigLoader = Callable[[str], ml_collections.ConfigDict]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Published figures with the configs of its variants.

    Attributes:
      published: the figures.
      configs: by variant, as they are now, seed 0; reduced where `quick`.
      quick: the budgets are the reduced ones.
    """

    published: Published
    configs: Mapping[str, ml_collections.ConfigDict]
    quick: bool

    def groups(self, entries: Sequence[Entry]) -> dict[str, Group]:
        """By variant, the seeds among `entries` that ran just this config, with this budget."""
        found = {}
        for variant, config in self.configs.items():
            key = config_hash(config)
            mine = [e for e in entries if e.config_hash == key and e.quick == self.quick]
            for group in group_entries(mine).groups:
                found[variant] = dataclasses.replace(group, name=variant)
        return found

    def strangers(self, entries: Sequence[Entry]) -> list[Entry]:
        """Entries of this experiment that belong to none of its configs as they are now."""
        known = {config_hash(config) for config in self.configs.values()}
        own = [e for e in entries if e.name.split(":")[0] == self.published.experiment]
        return [e for e in own if e.config_hash not in known or e.quick != self.quick]


def load_experiment(
    path: str | Path, load_config: ConfigLoader, *, quick: bool = False
) -> Experiment:
    """Reads published figures and the configs that they name.

    Args:
      path: of the published figures.
      load_config: from "file.py:variant" to its config.
      quick: reduce the budgets by the file's `quick`.

    Raises:
      ValueError: the figures or a config is faulty, or `quick` names a field that is not there.
    """
    published = load_published(path)
    configs = {}
    for variant in published.variants:
        source = f"{published.config}:{variant}"
        try:
            config = load_config(source)
        except ValueError as error:
            raise ValueError(f"{path}: variants.{variant}: {error}") from error
        config.seed = 0
        if quick:
            _reduce(config, published, f"{path}: quick", source)
        configs[variant] = config
    return Experiment(published, configs, quick)


def _reduce(
    config: ml_collections.ConfigDict, published: Published, where: str, source: str
) -> None:
    if not published.quick:
        raise ValueError(f"{where} says nothing of what a reduced budget is")
    known = flat_fields(config.to_dict())
    for field, value in published.quick.items():
        if field not in known:
            raise ValueError(f"{where}.{field} cannot be set in {source}: it has no such field")
        try:
            config.update_from_flattened_dict({field: value})
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where}.{field} cannot be set in {source}: {error}") from error
