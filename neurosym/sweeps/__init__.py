"""Sweeps: many trials of one config, with the values that its file's `sweep(trial)` varies.

From a config file's function to a space (`space`), to a study that workers on any number of
machines share (`study`), to trials (`worker`) in processes that are watched (`crew`), to what is
left at the end (`outcome`). Exports are lazy: a config's faults are found without waiting for JAX.
"""

import importlib
from typing import Any

_EXPORTS = {
    "crew": ("Crew",),
    "display": ("SweepDisplay",),
    "outcome": ("importances", "write_best_config", "write_sweep"),
    "space": ("Proposal", "Space"),
    "strategies": ("PRUNERS", "SAMPLERS", "make_pruner", "make_sampler"),
    "study": ("SweepStudy",),
    "trials": ("TrialSummary", "summarise"),
    "worker": ("Worker",),
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
