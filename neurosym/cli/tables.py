"""How figures look on the terminal, and which messages of other libraries are left out."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging
from rich.console import Console
from rich.table import Table

from neurosym.training.files import finite_or_null, json_text


def print_metrics(title: str, columns: Mapping[str, Mapping[str, float]]) -> None:
    """Prints metrics, one in each row, with one column for each split."""
    table = Table(title=title, title_justify="left")
    table.add_column("metric")
    for name in columns:
        table.add_column(name, justify="right")
    metrics = dict.fromkeys(metric for column in columns.values() for metric in column)
    for metric in metrics:
        cells = [f"{c[metric]:.4f}" if metric in c else "" for c in columns.values()]
        table.add_row(metric, *cells)
    _console().print(table)


def print_spread(title: str, each: Sequence[Mapping[str, float]]) -> None:
    """Prints the mean and the sample standard deviation of each metric over several runs."""
    table = Table(title=title, title_justify="left")
    for name in ("metric", "mean", "sample standard deviation", "lowest", "highest"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for metric in dict.fromkeys(name for metrics in each for name in metrics):
        values = [metrics[metric] for metrics in each if metric in metrics]
        spread = f"{statistics.stdev(values):.4f}" if len(values) > 1 else "–"
        figures = (statistics.fmean(values), min(values), max(values))
        mean, low, high = (f"{figure:.4f}" for figure in figures)
        table.add_row(metric, mean, spread, low, high)
    _console().print(table)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows of text under a header."""
    table = Table(title=title, title_justify="left")
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def print_json(value: Any) -> None:
    """Prints a value as JSON; arrays become lists, and what is not finite becomes null."""
    plain = json.loads(json.dumps(value, default=_plain))
    print(json_text(finite_or_null(plain), indent=2))


def quiet_logs() -> None:
    """Keeps what other libraries log off the terminal: their errors are raised as well."""
    logging.set_verbosity(logging.FATAL)


def _console() -> Console:
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        # Piped output is not cut to the 80 columns of a terminal that is not there.
        console = Console(markup=False, highlight=False, width=140)
    return console


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
