"""`neurosym evaluate`: the metrics of a run's best model on one of its splits."""

from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.places import import_roots


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string("workdir", None, "folder of the run", flag_values=values)
    flags.DEFINE_enum(
        "split", "test", ["train", "validation", "test"], "which split", flag_values=values
    )
    flags.DEFINE_boolean("json", False, "print JSON", flag_values=values)
    flags.DEFINE_string(
        "data_dir", None, "where the data lie; else NEUROSYM_DATA_DIR", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"evaluate takes flags only, got {' '.join(arguments)!r}")
    workdir = required_workdir(values)
    from neurosym.cli.tables import print_json, print_metrics, quiet_logs
    from neurosym.training import evaluate_run, load_run

    quiet_logs()
    run = load_run(workdir, values.data_dir, import_roots=import_roots())
    metrics = evaluate_run(run, values.split)
    if values.json:
        print_json({"workdir": str(workdir), "split": values.split, "metrics": metrics})
    else:
        print_metrics(str(workdir), {values.split: metrics})
    return 0


def required_workdir(values: flags.FlagValues) -> Path:
    """The workdir of an existing run that `--workdir` names.

    Raises:
      UsageError: the flag is missing, or there is no such run.
    """
    if not values.workdir:
        raise UsageError("--workdir=FOLDER is missing")
    workdir = Path(values.workdir)
    if not (workdir / "config.json").is_file():
        reason = "it has no config.json" if workdir.is_dir() else "there is no such folder"
        raise UsageError(f"{workdir} is not the workdir of a run: {reason}")
    return workdir


COMMAND = Command(
    name="evaluate",
    usage="evaluate --workdir=FOLDER [--split=test|validation|train] [--json]",
    description=(
        "Evaluates the best parameters of a run on a whole split: the same figures as in its "
        "result.json."
    ),
    examples=(
        "neurosym evaluate --workdir=runs/add",
        "neurosym evaluate --workdir=runs/add --split=validation --json",
    ),
    define_flags=_define_flags,
    run=_run,
)
