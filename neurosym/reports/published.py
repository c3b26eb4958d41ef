"""Published figures as data: `configs/published/NAME.json`, read and checked.

A file says what papers report on one task and where, by which protocol, which variants of one of
our configs stand beside these figures, and which goals the variants have:

    {"title": "…",
     "config": "configs/NAME.py",
     "seeds": 3,                               how many are wanted of each variant
     "protocol": "…",
     "columns": [{"name": "N=1", "metric": "sum_accuracy"}],
     "published": [{"method": "…", "source": "key", "figures": {"N=1": [97.9, 0.1]}}],
     "ours": [{"method": "…", "variants": {"N=1": "n1"}}],
     "variants": {"n1": {"goals": {"sum_accuracy": 97.9}}},
     "metrics": {"sum_accuracy": "sums right"},
     "sources": {"key": {"text": "…", "url": "https://…"}},
     "notes": {"key": "…"},                    footnotes, named by rows' and variants' "notes"
     "remarks": ["…"],                         prose below the tables
     "quick": {"train.epochs": 1}}             what `--quick` changes in the config

A figure is a number, `[mean, deviation]`, `{"from": a, "to": b}` or a word such as "timeout";
accuracies are in percent. The metric "minutes" is the time that training one seed takes, compiling
included.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurosym.reports.fields import Fields, is_number

MINUTES = "minutes"
Figure = float | tuple[float, float] | str


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of figures: a name for the heading, and the metric of ours that stands there."""

    name: str
    metric: str


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a figure stands: in words, and an address where one is known."""

    text: str
    url: str = ""


@dataclasses.dataclass(frozen=True)
class PublishedRow:
    """A method of others.

    Attributes:
      method: its name.
      source: key of the source.
      figures: by column: a number, (mean, deviation), or words.
      notes: keys of footnotes.
    """

    method: str
    source: str
    figures: Mapping[str, Figure]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class OurRow:
    """A method of ours.

    Attributes:
      method: its name.
      variants: by column, the variant whose figure stands there.
      notes: keys of footnotes.
    """

    method: str
    variants: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Variant:
    """A variant that is run: its goals by metric (accuracies in percent), keys of footnotes."""

    goals: Mapping[str, float]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Published:
    """A file of published figures; the module's docstring says what its fields are."""

    name: str
    title: str
    config: str
    seeds: int
    protocol: str
    columns: tuple[Column, ...]
    published: tuple[PublishedRow, ...]
    ours: tuple[OurRow, ...]
    variants: Mapping[str, Variant]
    metrics: Mapping[str, str]
    sources: Mapping[str, Source]
    notes: Mapping[str, str]
    remarks: tuple[str, ...]
    quick: Mapping[str, Any]

    @property
    def experiment(self) -> str:
        """The folder of the records: the name of the config file."""
        return Path(self.config).stem

    @property
    def curve_metric(self) -> str:
        """The metric whose learning curve is drawn: the first column's that is not a time."""
        return next(c.metric for c in self.columns if c.metric != MINUTES)


def load_published(path: str | Path) -> Published:
    """Reads and checks a file of published figures.

    Raises:
      ValueError: it cannot be read, or a field is missing, unknown, of the wrong kind, or names
        something that is not there; the message says the file and the field.
    """
    path = Path(path)
    whole = Fields.of_file(path, "published figures")
    columns = [
        Column(name=fields.text("name"), metric=fields.text("metric"))
        for fields in whole.objects("columns", ("name", "metric"))
    ]
    published = Published(
        name=path.stem,
        title=whole.text("title"),
        config=whole.text("config"),
        seeds=whole.whole_number("seeds"),
        protocol=whole.text("protocol"),
        columns=tuple(columns),
        published=tuple(
            PublishedRow(
                method=fields.text("method"),
                source=fields.text("source"),
                figures={k: _figure(v, fields, k) for k, v in fields.mapping("figures").items()},
                notes=fields.texts("notes"),
            )
            for fields in whole.objects("published", ("method", "source", "figures", "notes"))
        ),
        ours=tuple(
            OurRow(
                method=fields.text("method"),
                variants=fields.text_mapping("variants"),
                notes=fields.texts("notes"),
            )
            for fields in whole.objects("ours", ("method", "variants", "notes"))
        ),
        variants={
            name: Variant(goals=fields.numbers("goals"), notes=fields.texts("notes"))
            for name, fields in whole.objects_by_name("variants", ("goals", "notes")).items()
        },
        metrics=whole.text_mapping("metrics"),
        sources={
            name: Source(text=fields.text("text"), url=fields.text("url", ""))
            for name, fields in whole.objects_by_name("sources", ("text", "url")).items()
        },
        notes=whole.text_mapping("notes"),
        remarks=whole.texts("remarks"),
        quick=whole.mapping("quick"),
    )
    whole.only(tuple(f.name for f in dataclasses.fields(Published) if f.name != "name"))
    _check_names(published, whole)
    return published


def _figure(value: Any, fields: Fields, column: str) -> Figure:
    # Numbers stay as they are written: 94.0 claims more than 94.
    if isinstance(value, str) and value.strip():
        return value
    if is_number(value):
        return value
    if isinstance(value, list) and len(value) == 2 and all(map(is_number, value)):
        return value[0], value[1]
    is_range = isinstance(value, dict) and value.keys() == {"from", "to"}
    if is_range and all(map(is_number, value.values())):
        return f"{value['from']:g} to {value['to']:g}"
    raise fields.wrong(
        f"figures.{column}",
        "must be a number, [mean, deviation], {from, to} or a word, got " + repr(value),
    )


def _check_names(published: Published, whole: Fields) -> None:
    """What one field names must stand in another."""
    columns = [column.name for column in published.columns]
    if all(column.metric == MINUTES for column in published.columns):
        raise whole.wrong("columns", "must have one with a metric")
    if not published.variants:
        raise whole.wrong("variants", "must name at least one")
    if len(set(columns)) < len(columns):
        raise whole.wrong("columns", f"have a name twice: {', '.join(columns)}")
    for c, column in enumerate(published.columns):
        if column.metric not in (MINUTES, *published.metrics):
            raise _unknown(whole, f"columns[{c}].metric", column.metric, published.metrics)
    for r, row in enumerate(published.published):
        for name in row.figures:
            if name not in columns:
                raise _unknown(whole, f"published[{r}].figures", name, columns)
        if row.source not in published.sources:
            raise _unknown(whole, f"published[{r}].source", row.source, published.sources)
        _check_notes(whole, f"published[{r}].notes", row.notes, published)
    for r, ours in enumerate(published.ours):
        for name, variant in ours.variants.items():
            if name not in columns:
                raise _unknown(whole, f"ours[{r}].variants", name, columns)
            if variant not in published.variants:
                raise _unknown(whole, f"ours[{r}].variants.{name}", variant, published.variants)
        _check_notes(whole, f"ours[{r}].notes", ours.notes, published)
    for name, variant_fields in published.variants.items():
        if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
            raise whole.wrong(f"variants.{name}", "is not the name of a variant")
        for metric in variant_fields.goals:
            if metric not in published.metrics:
                raise _unknown(whole, f"variants.{name}.goals", metric, published.metrics)
        _check_notes(whole, f"variants.{name}.notes", variant_fields.notes, published)


def _check_notes(whole: Fields, place: str, notes: tuple[str, ...], published: Published) -> None:
    for note in notes:
        if note not in published.notes:
            raise _unknown(whole, place, note, published.notes)


def _unknown(whole: Fields, place: str, name: str, known: Any) -> ValueError:
    return whole.wrong(place, f"names {name!r}; there are: {', '.join(known) or 'none'}")
