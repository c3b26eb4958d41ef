"""Training: one loop for every task. It knows the `Task` protocol, and nothing of tasks.

Exports are lazy: the command line finds a config's faults without waiting for JAX and Orbax.
"""

import importlib
import warnings
from typing import Any

_EXPORTS = {
    "devices": ("Devices",),
    "epoch": ("Keys", "Program"),
    "evaluation": ("Evaluator",),
    "interrupts": ("RunInterrupted", "RunStopped"),
    "failures": (
        "DamagedCheckpointError",
        "NonFiniteError",
        "NotSavedError",
        "ProcessLostError",
        "RunWarning",
    ),
    "seeds": ("seed_workdir", "train_seeds"),
    "metrics": ("read_metrics",),
    "optimizer": ("make_optimizer", "make_schedule"),
    "options": ("Options",),
    "progress": ("ConsoleProgress", "ProgressDisplay", "SilentProgress"),
    "result": ("Result", "read_result"),
    "runs": ("Run", "evaluate_run", "load_run", "picture_run", "predict_run", "restore_best"),
    "settings": ("OptimizerSettings", "Settings", "TrainSettings"),
    "task": (
        "AnsweringTask",
        "PicturingTask",
        "PredictingTask",
        "Split",
        "SummarisingTask",
        "Task",
        "load_task",
    ),
    "single": ("train",),
    "workdir": ("Workdir", "flat_fields", "plain_config"),
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

# What was here once and stands elsewhere now; the old names still work.
_MOVED = dict.fromkeys(("config_hash", "curves_of", "read_record", "record_run"), "reports")

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        home = f"{__name__.partition('.')[0]}.{_MOVED[name]}"
        warnings.warn(f"{__name__}.{name} is {home}.{name} now", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(home), name)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
