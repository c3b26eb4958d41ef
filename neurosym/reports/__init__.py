"""The results of many runs together: tables over seeds, published figures beside ours, differences.

Runs and records come in as `Entry` values, are grouped by config, and go out as text. Nothing here
computes with JAX but `reproduce`, which trains the runs that are missing.
"""

import importlib
from typing import Any

_EXPORTS = {
    "benchmarks": ("Benchmark", "file_output", "load_benchmark"),
    "differences": ("Side", "compare", "read_side"),
    "entries": ("Entry", "Found", "find_entries", "read_entry"),
    "groups": ("Group", "group_entries"),
    "markup": ("Sheet", "csv_text", "latex_text", "markdown_text"),
    "experiment": ("Experiment", "load_experiment"),
    "page": ("MARKER", "page_path", "results_page", "write_results_page"),
    "published": ("Published", "load_published"),
    "records": ("config_hash", "curves_of", "read_record", "record_run"),
    "reproduction": ("Job", "Outcome", "missing_jobs", "run_jobs"),
    "sections": ("experiment_section",),
    "spreads": ("Spread", "spread"),
    "summary": ("raw_sheet", "summary_sheet"),
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
