"""Published figures and ours side by side, as a section of Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from neurosym.reports.groups import Group
from neurosym.reports.markup import Sheet, markdown_text
from neurosym.reports.published import MINUTES, Figure, Published
from neurosym.reports.spreads import ABSENT, in_percent, mean_text, range_text, spread

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_OURS = """\
Ours on the test split: mean ± sample standard deviation (n − 1) over the seeds; a goal is held
against the mean. Seconds are of training a seed, least to most, compiling apart."""
CURVES = "curves.png"


def experiment_section(
    published: Published, groups: Mapping[str, Group], *, picture: str = "", quick: bool = False
) -> str:
    """The section of one experiment.

    Args:
      published: the figures of others, and which variants of ours stand beside them.
      groups: by variant, the seeds that were run; variants without any are left out.
      picture: path of the learning curves, "" for none.
      quick: the runs had a reduced budget; the section says so.

    Returns:
      Markdown: protocol, theirs and ours, what ours took, footnotes, remarks.
    """
    footnotes = _Footnotes(published.notes)
    command = f"neurosym reproduce {published.name}" + (" --quick" if quick else "")
    parts = [f"## {published.title}", published.protocol]
    if quick:
        changes = ", ".join(f"{name}={value}" for name, value in published.quick.items())
        parts.append(
            f"**A quick look, not a result:** one seed with a reduced budget ({changes}).\n"
            "These figures stand for nothing beside the published ones."
        )
    if published.published:
        parts.append(markdown_text(_comparison(published, groups, footnotes)).strip())
        parts.append(
            "±: theirs as published; ours the sample standard deviation (n − 1) over n seeds."
        )
    parts.append(markdown_text(_what_ours_took(published, groups, footnotes)).strip())
    parts.append("\n".join([_OURS, *_ran(groups)]))
    parts.append(f"    {command}")
    if footnotes.lines():
        parts.append("\n".join(footnotes.lines()))
    if published.remarks:
        parts.append("\n".join(f"- {remark}" for remark in published.remarks))
    if picture:
        parts.append(
            f"![Learning curves of {published.title}: mean over seeds, band from the least to the "
            f"most]({picture})"
        )
    return "\n\n".join(parts) + "\n"


class _Footnotes:
    """Numbers footnotes in the order in which they are called for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._numbers: dict[str, int] = {}

    def marks(self, keys: Sequence[str]) -> str:
        numbers = [self._numbers.setdefault(key, len(self._numbers) + 1) for key in keys]
        marks = "˒".join(str(number).translate(_SUPERSCRIPTS) for number in numbers)
        return f" {marks}" if marks else ""

    def lines(self) -> list[str]:
        return [
            f"- {str(number).translate(_SUPERSCRIPTS)} {self._texts[key]}"
            for key, number in self._numbers.items()
        ]


def _comparison(published: Published, groups: Mapping[str, Group], footnotes: _Footnotes) -> Sheet:
    header = ["method", *(_heading(column.name, column.metric) for column in published.columns)]
    rows = []
    for row in published.published:
        source = published.sources[row.source]
        method = f"[{row.method}]({source.url})" if source.url else f"{row.method} ({source.text})"
        cells = [_published_text(row.figures.get(column.name)) for column in published.columns]
        rows.append([method + footnotes.marks(row.notes), *cells])
    for ours in published.ours:
        cells = []
        for column in published.columns:
            group = groups.get(ours.variants.get(column.name, ""))
            cells.append(_our_text(group, column.metric))
        rows.append([f"**{ours.method}**" + footnotes.marks(ours.notes), *cells])
    return Sheet(header, rows)


def _what_ours_took(
    published: Published, groups: Mapping[str, Group], footnotes: _Footnotes
) -> Sheet:
    metrics = [_heading(label, metric) for metric, label in published.metrics.items()]
    header = ["variant", "seeds", *metrics, "goal"]
    header += ["seconds a seed", "compile seconds"]
    rows = []
    for name, variant in published.variants.items():
        group = groups.get(name)
        label = f"`{published.experiment}:{name}`" + footnotes.marks(variant.notes)
        if group is None:
            empty = [ABSENT] * len(published.metrics)
            rows.append([label, "0", *empty, _goals(published, name, None), ABSENT, ABSENT])
            continue
        cells = []
        for metric in published.metrics:
            cells.append(mean_text(group.over_seeds(metric), percent=in_percent(metric)))
        rows.append(
            [
                label,
                str(len(group.entries)),
                *cells,
                _goals(published, name, group),
                range_text(group.seconds),
                range_text(group.compile_seconds),
            ]
        )
    return Sheet(header, rows)


def _goals(published: Published, name: str, group: Group | None) -> str:
    """Each goal with whether the mean reaches it; named where there are several."""
    goals, texts = published.variants[name].goals, []
    for metric, goal in goals.items():
        label = f"{published.metrics[metric]} " if len(goals) > 1 else ""
        found = group.over_seeds(metric) if group else None
        verdict = ""
        if found is not None:
            mean = found.mean * (100 if in_percent(metric) else 1)
            # 0.97 as a mean of float32 figures is not a miss of 97.
            verdict = " met" if mean >= goal - 1e-6 else " **missed**"
        texts.append(f"{label}{goal:g}{verdict}")
    return "; ".join(texts) or ABSENT


def _ran(groups: Mapping[str, Group]) -> list[str]:
    """What the seeds ran on: devices, versions of JAX, revisions."""
    results = [entry.result for group in groups.values() for entry in group.entries]
    if not results:
        return ["Nothing has been run yet."]
    devices = dict.fromkeys(result.device for result in results)
    jax = dict.fromkeys(result.versions.get("jax", "?") for result in results)
    revisions = dict.fromkeys((result.revision or "unknown") for result in results)
    together = any(result.together > 1 for result in results)
    short = [revision[:7] + ("-dirty" if "dirty" in revision else "") for revision in revisions]
    return [
        f"Ran on {'; '.join(devices)}, JAX {', '.join(jax)}, source "
        f"revision{'s' if len(short) > 1 else ''} {', '.join(short)}.",
        *(["Seeds that one program trained at once have equal shares of its time."] * together),
    ]


def _heading(name: str, metric: str) -> str:
    return f"{name} (%)" if in_percent(metric) else name


def _published_text(figure: Figure | None) -> str:
    if figure is None:
        return ABSENT
    if isinstance(figure, tuple):
        return f"{figure[0]} ±{figure[1]}"
    return str(figure)


def _our_text(group: Group | None, metric: str) -> str:
    if group is None:
        return ABSENT
    if metric == MINUTES:
        results = [entry.result for entry in group.entries]
        minutes = spread([(r.wall_seconds + r.compile_seconds) / 60 for r in results])
        return f"{mean_text(minutes, decimals=1)} (n={minutes.size})"
    found = group.over_seeds(metric)
    if found is None:
        return ABSENT
    return f"{mean_text(found, percent=in_percent(metric))} (n={found.size})"


def picture_path(published: Published, results: Path) -> Path:
    """Where the learning curves of an experiment lie in a folder of results."""
    return results / published.experiment / CURVES
