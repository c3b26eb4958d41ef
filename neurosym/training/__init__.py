"""Training: one loop for every task. It knows the `Task` protocol, and nothing of tasks."""

from neurosym.training.epoch import Keys, Program
from neurosym.training.evaluation import Evaluator
from neurosym.training.interrupts import RunInterrupted
from neurosym.training.loop import NonFiniteError, train
from neurosym.training.metrics import read_metrics
from neurosym.training.optimizer import make_optimizer, make_schedule
from neurosym.training.progress import ConsoleProgress, ProgressDisplay, SilentProgress
from neurosym.training.result import Result, read_result
from neurosym.training.runs import Run, evaluate_run, load_run, restore_best
from neurosym.training.settings import OptimizerSettings, Settings, TrainSettings
from neurosym.training.task import (
    PicturingTask,
    PredictingTask,
    Split,
    SummarisingTask,
    Task,
    load_task,
)
from neurosym.training.workdir import Workdir

__all__ = [
    "ConsoleProgress",
    "Evaluator",
    "Keys",
    "NonFiniteError",
    "OptimizerSettings",
    "PicturingTask",
    "PredictingTask",
    "Program",
    "ProgressDisplay",
    "Result",
    "Run",
    "RunInterrupted",
    "Settings",
    "SilentProgress",
    "Split",
    "SummarisingTask",
    "Task",
    "TrainSettings",
    "Workdir",
    "evaluate_run",
    "load_run",
    "load_task",
    "make_optimizer",
    "make_schedule",
    "read_metrics",
    "read_result",
    "restore_best",
    "train",
]
