"""`neurosym train`: from a config to a trained run, its figures and its pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.configs import parse_with_config
from neurosym.cli.places import import_roots

if TYPE_CHECKING:
    from neurosym.training import Workdir

_CURVES = "learning_curves.png"


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "config",
        None,
        "config file, with its variant after a colon; --config.a.b=value overrides a field",
        flag_values=values,
    )
    flags.DEFINE_string("workdir", None, "folder of the run", flag_values=values)
    flags.DEFINE_string(
        "data_dir", None, "where the data lie; else NEUROSYM_DATA_DIR", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"train takes flags only, got {' '.join(arguments)!r}")
    if not values.workdir:
        raise UsageError("--workdir=FOLDER is missing")
    # JAX is imported only now that the command line is known to be right.
    import sys

    from rich.console import Console

    from neurosym.cli.tables import print_metrics, quiet_logs
    from neurosym.training import ConsoleProgress, RunInterrupted, Workdir, train

    quiet_logs()
    place = Workdir(Path(values.workdir))
    progress = ConsoleProgress(Console(stderr=True))
    try:
        result = train(
            values.config,
            place.path,
            data_dir=values.data_dir,
            import_roots=import_roots(),
            progress=progress,
        )
    except RunInterrupted as interrupted:
        print(f"neurosym train: {interrupted}", file=sys.stderr)
        return 128 + interrupted.signal_number
    columns = {"test": result.metrics}
    if result.validation:
        columns = {"validation": result.validation, **columns}
    title = f"{place.path}: {result.steps} steps in {result.wall_seconds:.1f} s"
    print_metrics(title, columns)
    pictures = _pictures(place, values.data_dir)
    if pictures:
        print("pictures: " + " ".join(str(path) for path in pictures))
    return 0


def _pictures(place: "Workdir", data_dir: str | None) -> list[Path]:
    """Draws the pictures of a finished run, unless they are there; returns where they are."""
    curves = place.path / _CURVES
    if curves.exists():
        return sorted(place.path.glob("*.png"))
    from neurosym.plots import learning_curves
    from neurosym.training import PicturingTask, load_run, read_metrics

    run = load_run(place.path, data_dir, import_roots=import_roots())
    pictures = []
    if isinstance(run.task, PicturingTask):
        pictures = [Path(path) for path in run.task.pictures(run.model, place.path)]
    records = read_metrics(place.metrics)
    if records:
        learning_curves(records, curves, metric=run.task.metric)
        pictures = [curves, *pictures]
    return pictures


COMMAND = Command(
    name="train",
    usage="train --config=FILE.py[:VARIANT] --workdir=FOLDER [--config.FIELD=VALUE ...]",
    description=(
        "Trains the task that a config names, with data, checkpoints, metrics and the final "
        "result in the workdir. Stopped by whatever means, the same command goes on where it "
        "was; a finished run is only shown. The test split is read once, at the end, with the "
        "parameters that were best on the validation split."
    ),
    examples=(
        "neurosym train --config=configs/digits_addition.py --workdir=runs/digits",
        "neurosym train --config=configs/mnist_addition.py:n2 --workdir=runs/add2 \\",
        "    --config.train.epochs=20 --config.seed=1",
        "neurosym train --config=my_config.py --workdir=runs/mine --config.init_from=runs/digits",
    ),
    define_flags=_define_flags,
    run=_run,
    parse=parse_with_config,
)
