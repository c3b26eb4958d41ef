"""`neurosym train`: from a config to a trained run, its figures and its pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.configs import parse_with_config
from neurosym.cli.places import import_roots
from neurosym.cli.processes import define_process_flags, process_options
from neurosym.cli.run_flags import define_data_dir, define_workdir, given_workdir

if TYPE_CHECKING:
    from neurosym.training import Options

_EXIT_UNWRITABLE = 2


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "config",
        None,
        "config file, with its variant after a colon; --config.a.b=value overrides a field",
        flag_values=values,
    )
    define_workdir(values, "folder of the run")
    define_data_dir(values)
    flags.DEFINE_integer(
        "seeds",
        None,
        "train so many seeds, from config.seed on, each in WORKDIR/seed_K",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seeds_at_once",
        None,
        "seeds in one program; else as many as memory allows",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "devices",
        None,
        "devices of this host that share each batch; else one",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "profile", False, "write a trace of a few steps to WORKDIR/profile", flag_values=values
    )
    flags.DEFINE_list(
        "tracker",
        ["tensorboard"],
        "who shows the curves while it trains: tensorboard, trackio, wandb, several of them, or "
        "nobody if empty; metrics.jsonl has them anyway",
        flag_values=values,
    )
    define_process_flags(values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"train takes flags only, got {' '.join(arguments)!r}")
    given_workdir(values)
    if values.seeds_at_once and not values.seeds:
        raise UsageError("--seeds_at_once goes with --seeds")
    processes = process_options(values)
    # JAX is imported only now that the command line is known to be right.
    import sys

    from rich.console import Console

    from neurosym.cli.runtime import joined, leave, prepare_jax
    from neurosym.training import (
        ConsoleProgress,
        NotSavedError,
        Options,
        RunInterrupted,
        SilentProgress,
    )

    prepare_jax()
    interrupted: RunInterrupted | None = None
    with joined(processes, "neurosym train") as first:
        progress = ConsoleProgress(Console(stderr=True)) if first else SilentProgress()
        try:
            options = Options(
                progress=progress, profile=values.profile, trackers=tuple(values.tracker)
            )
            (_train_seeds if values.seeds else _train_one)(values, options, show=first)
        except RunInterrupted as signalled:
            interrupted = signalled
        except NotSavedError as error:
            # TensorBoard's writer would try again at exit, and end in a traceback.
            leave(f"neurosym train: error: {error}", _EXIT_UNWRITABLE)
    if interrupted is not None:
        print(f"neurosym train: {interrupted}", file=sys.stderr)
        return 128 + interrupted.signal_number
    return 0


def _train_one(values: flags.FlagValues, options: "Options", *, show: bool) -> None:
    from neurosym.cli.pictures import draw_pictures
    from neurosym.cli.tables import print_metrics
    from neurosym.training import Workdir, train

    place = Workdir(Path(values.workdir))
    result = train(
        values.config,
        place.path,
        data_dir=values.data_dir,
        import_roots=import_roots(),
        devices=values.devices,
        options=options,
    )
    if not show:
        return
    columns = {"test": result.metrics}
    if result.validation:
        columns = {"validation": result.validation, **columns}
    title = f"{place.path}: {result.steps} steps in {result.wall_seconds:.1f} s"
    print_metrics(title, columns)
    pictures = draw_pictures(place, data_dir=values.data_dir, debug=values.debug)
    if pictures:
        print("pictures: " + " ".join(str(path) for path in pictures))
    if values.profile:
        _say_where_the_trace_is(place.path)


def _train_seeds(values: flags.FlagValues, options: "Options", *, show: bool) -> None:
    from neurosym.cli.tables import print_spread
    from neurosym.training import seed_workdir, train_seeds

    results = train_seeds(
        values.config,
        values.workdir,
        values.seeds,
        at_once=values.seeds_at_once,
        data_dir=values.data_dir,
        import_roots=import_roots(),
        devices=values.devices,
        options=options,
    )
    if not show:
        return
    print_spread(f"{values.workdir}: {len(results)} seeds", [r.metrics for r in results])
    if values.profile:
        _say_where_the_trace_is(seed_workdir(values.workdir, results[0].seed))


def _say_where_the_trace_is(workdir: Path) -> None:
    folder = workdir / "profile"
    if folder.is_dir():
        print(
            f"trace: {folder} (tensorboard --logdir={workdir}, after "
            "pip install 'neurosym[profile]')"
        )
    else:
        print("no trace: a finished run, or one of a single chunk of steps, has none to take")


COMMAND = Command(
    name="train",
    usage="train --config=FILE.py[:VARIANT] --workdir=FOLDER [--config.FIELD=VALUE ...]",
    description=(
        "Trains the task that a config names, with data, checkpoints, metrics and the final "
        "result in the workdir. Stopped by whatever means, the same command goes on where it "
        "was; a finished run is only shown. The test split is read once, at the end, with the "
        "parameters that were best on the validation split. Seeds and devices change where and "
        "how fast a run is computed, not what is computed. On several hosts, start the same "
        "command on each, with --distributed or a coordinator."
    ),
    examples=(
        "neurosym train --config=configs/digits_addition.py --workdir=runs/digits",
        "neurosym train --config=configs/mnist_addition.py:n2 --workdir=runs/add2 \\",
        "    --config.train.epochs=20 --config.seed=1",
        "neurosym train --config=my_config.py --workdir=runs/mine --config.init_from=runs/digits",
        "neurosym train --config=configs/mnist_addition.py --workdir=runs/ten --seeds=10",
        "neurosym train --config=configs/mnist_addition.py --workdir=runs/add --devices=8",
        "neurosym train --config=configs/mnist_addition.py --workdir=runs/add --tracker=wandb",
        "neurosym train --config=configs/mnist_addition.py --workdir=runs/add \\",
        "    --coordinator=host:1234 --num_processes=4 --process_id=0",
    ),
    define_flags=_define_flags,
    run=_run,
    parse=parse_with_config,
)
