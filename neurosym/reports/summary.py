"""The table of `neurosym tabulate`: a row for each config, a column for each metric."""

from collections.abc import Sequence

from neurosym.reports.groups import Group
from neurosym.reports.markup import Sheet
from neurosym.reports.spreads import Spread, in_percent, mean_text, range_text

_NOTE = (
    "Mean ± sample standard deviation (n − 1) over the seeds; one seed has none. Seconds are of "
    "training a seed, least to most, compiling apart. Metrics are of the {split} split."
)


def summary_sheet(
    groups: Sequence[Group], *, split: str = "test", metrics: Sequence[str] = ()
) -> Sheet:
    """A row for each group, for people: rounded, and shares in percent.

    Args:
      groups: seeds of configs.
      split: "test" or "validation".
      metrics: the columns; all that any group has if empty.

    Raises:
      ValueError: no group has a metric that was asked for.
    """
    names = _metrics(groups, split, metrics)
    header = ["run", "config", "seeds"]
    header += [f"{name} (%)" if in_percent(name) else name for name in names]
    header += ["seconds", "compile seconds"]
    rows = []
    for group in groups:
        cells = [
            _metric_text(group.over_seeds(name, split=split), name, len(group.entries))
            for name in names
        ]
        rows.append(
            [
                group.name,
                group.config_hash,
                str(len(group.entries)),
                *cells,
                range_text(group.seconds),
                range_text(group.compile_seconds),
            ]
        )
    return Sheet(header, rows, [_NOTE.format(split=split)])


def raw_sheet(
    groups: Sequence[Group], *, split: str = "test", metrics: Sequence[str] = ()
) -> Sheet:
    """The same for programs: nothing is rounded, mean, deviation and count in columns of their own.

    Raises:
      ValueError: no group has a metric that was asked for.
    """
    names = _metrics(groups, split, metrics)
    header = ["run", "config_hash", "seeds"]
    header += [f"{name}_{part}" for name in names for part in ("mean", "sd", "n")]
    header += [f"{name}_{part}" for name in ("seconds", "compile_seconds") for part in ("mean",)]
    rows = []
    for group in groups:
        cells = []
        for name in names:
            cells += _raw(group.over_seeds(name, split=split))
        rows.append(
            [
                group.name,
                group.config_hash,
                " ".join(map(str, group.seeds)),
                *cells,
                repr(group.seconds.mean),
                repr(group.compile_seconds.mean),
            ]
        )
    return Sheet(header, rows)


def _metrics(groups: Sequence[Group], split: str, wanted: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for group in groups:
        for entry in group.entries:
            of_split = entry.result.metrics if split == "test" else entry.result.validation
            found.update(dict.fromkeys(of_split))
    strange = [name for name in wanted if name not in found]
    if strange:
        known = ", ".join(found) or "none"
        raise ValueError(f"no run has the {split} metric {strange[0]!r}; there are: {known}")
    return list(wanted) or list(found)


def _metric_text(spread: Spread | None, name: str, seeds: int) -> str:
    text = mean_text(spread, percent=in_percent(name))
    # Only where some seeds lack the metric does it need to say of how many it speaks.
    return f"{text} (n={spread.size})" if spread and spread.size != seeds else text


def _raw(spread: Spread | None) -> list[str]:
    if spread is None:
        return ["", "", "0"]
    deviation = "" if spread.deviation is None else repr(spread.deviation)
    return [repr(spread.mean), deviation, str(spread.size)]
