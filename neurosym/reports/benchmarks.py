"""Figures of benchmarks as records: `RESULTS/benchmarks/NAME.json`.

A record says which command measured the figures, on which machine and when. The figures are tables
of text, or the output that the benchmark printed (`output`) with `views` that lay parts of it out:

    {"title": "…", "command": "neurosym bench …", "date": "2026-11-21", "machine": "…",
     "tables": [{"title": "…", "header": ["figure", "ours"], "rows": [["…", "…"]]}],
     "output": {…},
     "views": [{"title": "…", "rows": "problems.addition", "columns": {"ms": "milliseconds"}}],
     "notes": ["…"]}

Without views, an output is laid out as it is, a row for each figure.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurosym.reports.fields import Fields
from neurosym.reports.markup import Sheet, markdown_text
from neurosym.training.files import read_json, write_json

FOLDER = "benchmarks"
_TEXTS = ("title", "command", "date", "machine")
_FIELDS = (*_TEXTS, "order", "tables", "output", "views", "notes")


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A benchmark's record.

    Attributes:
      name: of its file.
      title: a heading.
      command: the command that measures the figures again.
      date: on which it was measured, or the days.
      machine: on which it was measured.
      order: its place among the benchmarks; at equal places the names decide.
      sheets: tables with their titles ("" for none).
      notes: sentences below.
    """

    name: str
    title: str
    command: str
    date: str
    machine: str
    order: int
    sheets: tuple[tuple[str, Sheet], ...]
    notes: tuple[str, ...]

    def section(self) -> str:
        """The record as Markdown."""
        commands = "\n".join(f"    {line}" for line in self.command.splitlines())
        parts = [f"### {self.title}", f"Measured on {self.date}, {self.machine}, by", commands]
        for title, sheet in self.sheets:
            if title:
                parts.append(f"{title}:")
            parts.append(markdown_text(sheet).strip())
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"


def load_benchmark(path: str | Path) -> Benchmark:
    """Reads and checks a benchmark's record.

    Raises:
      ValueError: it cannot be read, or a field is missing, unknown or of the wrong kind.
    """
    path = Path(path)
    whole = Fields.of_file(path, "a benchmark's record")
    whole.only(_FIELDS)
    texts = {name: whole.text(name) for name in _TEXTS}
    sheets = []
    if "tables" in whole.content:
        tables = whole.objects("tables", ("title", "header", "rows"))
        sheets += [_table(table) for table in tables]
    if "output" in whole.content:
        sheets += _output_sheets(whole)
    if not sheets:
        raise ValueError(f"{path}: there are no figures: neither tables nor output")
    return Benchmark(
        name=path.stem,
        **texts,
        order=whole.whole_number("order", 100),
        sheets=tuple(sheets),
        notes=whole.texts("notes"),
    )


def file_output(
    output: Any, path: str | Path, *, command: str, date: str, machine: str, note: str = ""
) -> Path:
    """Writes a benchmark's output as its record.

    If there is a record already, its title, order, views and notes stay.

    Args:
      output: the JSON that it printed.
      path: of the record.
      command: that was run.
      date: of the measurement.
      machine: on which it ran.
      note: a sentence to stand below, in place of the notes that were there.

    Returns:
      The path.

    Raises:
      ValueError: the output holds no figures, or the record that is there cannot be read or does
        not fit the output.
    """
    path = Path(path)
    if not isinstance(output, dict) or not output:
        raise ValueError("the output of a benchmark must be a JSON object with figures")
    kept: dict[str, Any] = {"title": f"Benchmark `{path.stem}`"}
    if path.exists():
        load_benchmark(path)
        old = read_json(path, "a benchmark's record")
        kept |= {name: old[name] for name in ("title", "order", "views", "notes") if name in old}
    if note:
        kept["notes"] = [note]
    record = {**kept, "command": command, "date": date, "machine": machine, "output": output}
    _output_sheets(Fields(record, str(path)))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {name: record[name] for name in _FIELDS if name in record})
    return path


def _table(table: Fields) -> tuple[str, Sheet]:
    header, rows = table.texts("header"), table.content.get("rows")
    if not header:
        raise table.wrong("header", "must name the columns")
    if not isinstance(rows, list) or not all(map(_is_texts, rows)):
        raise table.wrong("rows", "must be lists of texts")
    try:
        return table.text("title", ""), Sheet(header, rows)
    except ValueError as error:
        raise table.wrong("rows", f"do not fit: {error}") from error


def _output_sheets(whole: Fields) -> list[tuple[str, Sheet]]:
    output = whole.mapping("output")
    if "views" not in whole.content:
        rows = [(name, _figure(value)) for name, value in _flat(output)]
        return [("", Sheet(["figure", "value"], rows))]
    views = whole.objects("views", ("title", "heading", "rows", "columns"))
    return [_view(output, view) for view in views]


def _view(output: Mapping[str, Any], view: Fields) -> tuple[str, Sheet]:
    place, columns = view.text("rows"), view.text_mapping("columns")
    names = _at(output, place, view)
    if not isinstance(names, dict):
        raise view.wrong("rows", f"names {place}, which holds no fields")
    rows = []
    for name, fields in names.items():
        cells = [name]
        for column in columns.values():
            # A column may come from another part of the output, at the row's name.
            source, _, field = column.rpartition("/")
            of_row = _at(output, source, view).get(name, {}) if source else fields
            cells.append(_figure(_at(of_row, field, view)))
        rows.append(cells)
    return view.text("title", ""), Sheet([view.text("heading", ""), *columns], rows)


def _at(content: Any, place: str, view: Fields) -> Any:
    for part in place.split("."):
        if not isinstance(content, dict) or part not in content:
            raise view.wrong("", f"asks for {place}, which the output does not have")
        content = content[part]
    return content


def _flat(content: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(content, dict):
        return [
            pair for k, v in content.items() for pair in _flat(v, f"{prefix}.{k}" if prefix else k)
        ]
    return [(prefix, content)]


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) for x in value)
