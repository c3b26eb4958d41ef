"""The seeds of one config as a group."""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import NamedTuple

from neurosym.reports.entries import Entry
from neurosym.reports.spreads import Spread, spread


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but their seed, in order of it.

    Attributes:
      name: what they are called in a table.
      entries: one for each seed, at least one.
    """

    name: str
    entries: tuple[Entry, ...]

    @property
    def config_hash(self) -> str:
        """Of the config without its seed."""
        return self.entries[0].config_hash

    @property
    def seeds(self) -> list[int]:
        """In order."""
        return [entry.seed for entry in self.entries]

    def over_seeds(self, metric: str, *, split: str = "test") -> Spread | None:
        """The spread of a metric over the seeds that have it; None where no seed has it.

        Args:
          metric: its name.
          split: "test" or "validation".
        """
        results = [entry.result for entry in self.entries]
        found = [r.metrics if split == "test" else r.validation for r in results]
        values = [float(metrics[metric]) for metrics in found if metric in metrics]
        return spread(values) if values else None

    @property
    def seconds(self) -> Spread:
        """Of training, compiling apart."""
        return spread([entry.result.wall_seconds for entry in self.entries])

    @property
    def compile_seconds(self) -> Spread:
        """Of compiling."""
        return spread([entry.result.compile_seconds for entry in self.entries])

    @property
    def devices(self) -> list[str]:
        """The devices that the seeds ran on, each of them once."""
        return list(dict.fromkeys(entry.result.device for entry in self.entries))


class Grouped(NamedTuple):
    """Groups in the order of their first entries, and what was odd about the entries."""

    groups: list[Group]
    problems: list[str]


def group_entries(entries: Sequence[Entry]) -> Grouped:
    """Groups entries by config; runs of a reduced budget are groups of their own.

    A seed that is there twice (a run and its record, say) counts once; where the two say different
    things, the first one counts, and a remark says so.
    """
    by_config: dict[tuple[str, bool], dict[int, list[Entry]]] = {}
    for entry in entries:
        seeds = by_config.setdefault((entry.config_hash, entry.quick), {})
        seeds.setdefault(entry.seed, []).append(entry)
    groups, problems = [], []
    for (_, quick), seeds in by_config.items():
        firsts = []
        for seed in sorted(seeds):
            first, *others = seeds[seed]
            firsts.append(first)
            problems += [
                f"{first.path} and {other.path} are the same config and seed {seed} with other "
                "figures; the first counts"
                for other in others
                if not _same(first, other)
            ]
        name = _common_name(firsts) + (" (quick)" if quick else "")
        groups.append(Group(name, tuple(firsts)))
    return Grouped(groups, problems)


def _same(one: Entry, other: Entry) -> bool:
    mine, given = one.result.metrics, other.result.metrics
    return mine.keys() == given.keys() and all(
        mine[name] == given[name] or (math.isnan(mine[name]) and math.isnan(given[name]))
        for name in mine
    )


def _common_name(entries: Sequence[Entry]) -> str:
    """What the names share: the folder above `seed_0`, `seed_1`, or `n4` of `n4-0`, `n4-1`."""
    names = list(dict.fromkeys(entry.name for entry in entries))
    names = [os.path.dirname(n) if os.path.basename(n).startswith("seed_") else n for n in names]
    names = list(dict.fromkeys(names))
    if len(names) == 1:
        return names[0]
    shared = _common_start(min(names), max(names)).rstrip("-_./ ")
    return shared or names[0]


def _common_start(one: str, other: str) -> str:
    """The characters with which both begin; for the least and the most of many, all of them do."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((i for i, (a, b) in pairs if a != b), len(one))]
