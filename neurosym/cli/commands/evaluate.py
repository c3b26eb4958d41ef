"""`neurosym evaluate`: the metrics of a run's best model on one of its splits."""

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.places import import_roots
from neurosym.cli.run_flags import define_data_dir, define_workdir, required_workdir


def _define_flags(values: flags.FlagValues) -> None:
    define_workdir(values, "folder of the run")
    flags.DEFINE_enum(
        "split", "test", ["train", "validation", "test"], "which split", flag_values=values
    )
    flags.DEFINE_boolean("json", False, "print JSON", flag_values=values)
    define_data_dir(values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"evaluate takes flags only, got {' '.join(arguments)!r}")
    workdir = required_workdir(values)
    from neurosym.cli.runtime import prepare_jax
    from neurosym.cli.tables import print_json, print_metrics
    from neurosym.training import evaluate_run, load_run

    prepare_jax()
    run = load_run(workdir, values.data_dir, import_roots=import_roots())
    metrics = evaluate_run(run, values.split)
    if values.json:
        print_json({"workdir": str(workdir), "split": values.split, "metrics": metrics})
    else:
        print_metrics(str(workdir), {values.split: metrics})
    return 0


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
