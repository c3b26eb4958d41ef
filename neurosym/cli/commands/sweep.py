"""`neurosym sweep`: many trials of one config, in worker processes, on one study."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.configs import config_source, load_function, overridden_fields, parse_with_config
from neurosym.cli.run_flags import (
    define_data_dir,
    define_duration,
    define_workdir,
    given_workdir,
)

if TYPE_CHECKING:
    from neurosym.sweeps import Crew, Space, SweepStudy, TrialSummary
    from neurosym.sweeps.jobs import JobCrew

_LOOK_SECONDS = 1.0
_WORKER = (sys.executable, "-m", "neurosym.cli.sweep_worker")


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "config",
        None,
        "config file with a function sweep(trial), its variant after a colon; "
        "--config.a.b=value sets a field for every trial, which is then not varied",
        flag_values=values,
    )
    define_workdir(values, "folder of the sweep")
    flags.DEFINE_integer(
        "trials",
        50,
        "trials in all, over every call and machine; pruned and failed ones count, those that are "
        "retried count once",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "workers", 1, "workers at the same time, a trial each", lower_bound=1, flag_values=values
    )
    flags.DEFINE_enum(
        "launcher",
        "processes",
        ["processes", "slurm", "local"],
        "what workers are: processes of this machine, jobs of SLURM, or the same jobs on this "
        "machine, to try them; jobs need pip install 'neurosym[slurm]', and machines that see the "
        "workdir",
        flag_values=values,
    )
    flags.DEFINE_list(
        "job",
        [],
        "what a job asks for, as NAME=VALUE of submitit: timeout_min, gpus_per_node, "
        "cpus_per_task, mem_gb, slurm_partition and so on",
        flag_values=values,
    )
    define_duration(
        values,
        "timeout",
        None,
        "seconds for this call; trials that run then are saved and go on in the next call",
    )
    flags.DEFINE_string(
        "storage",
        None,
        "URL of an Optuna storage, such as postgresql://user@host/database: machines that name the "
        "same share the study; else sqlite:///WORKDIR/study.db",
        flag_values=values,
    )
    flags.DEFINE_string(
        "study", None, "name of the study; else that of the workdir", flag_values=values
    )
    flags.DEFINE_string(
        "sampler",
        "tpe",
        "tpe (Parzen estimators over all fields together, 10 random trials first), random, or grid "
        "(every combination once; floats need a step)",
        flag_values=values,
    )
    flags.DEFINE_string(
        "pruner",
        "median",
        "median (worse than the median of the trials before at the same epoch, after a quarter of "
        "its epochs and from the 6th on), "
        "hyperband, asha (successive halving, a third goes on), or none",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "heartbeat",
        15,
        "seconds between two signs of life of a worker; its trial is retried when four are missing",
        lower_bound=1,
        flag_values=values,
    )
    define_data_dir(values)


def _parse(values: flags.FlagValues, arguments: list[str]) -> list[str]:
    rest = parse_with_config(values, arguments)
    # What the config's own values do not say: where they come from, and which were set by hand.
    flags.DEFINE_string("source", config_source(arguments), "", flag_values=values)
    flags.DEFINE_list("fixed", overridden_fields(arguments), "", flag_values=values)
    return rest


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"sweep takes flags only, got {' '.join(arguments)!r}")
    workdir = given_workdir(values)
    import optuna

    from neurosym.cli.tables import quiet_logs
    from neurosym.sweeps import Space, SweepStudy, make_pruner, make_sampler
    from neurosym.sweeps.storage import sqlite_url
    from neurosym.sweeps.strategies import check_sampler
    from neurosym.sweeps.study import claim_folder
    from neurosym.training import Settings

    quiet_logs()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"the workdir {workdir} is a file")
    if (workdir / "config.json").exists():
        raise ValueError(f"{workdir} is the workdir of a run; take another --workdir")
    space = Space(values.config, load_function(values.source, "sweep"), fixed=values.fixed)
    settings = Settings.from_config(space.defaults().config)
    # Both are made again in each worker; here their names are checked.
    make_sampler(values.sampler, seed=settings.seed)
    check_sampler(values.sampler, space.everything())
    make_pruner(values.pruner, epochs=settings.train.epochs)
    if values.job and values.launcher == "processes":
        raise UsageError("--job says what jobs ask for: it goes with --launcher=slurm or local")
    if values.storage is None:
        workdir.mkdir(parents=True, exist_ok=True)
    storage = values.storage or sqlite_url(workdir / "study.db")
    study = SweepStudy(storage, values.study or workdir.resolve().name, heartbeat=values.heartbeat)
    claim_folder(workdir, study, study.create(space))
    job = {
        "config": space.config.to_dict(),
        "source": values.source,
        "fixed": sorted(space.fixed),
        "storage": storage,
        "study": study.name,
        "heartbeat": values.heartbeat,
        "sampler": values.sampler,
        "pruner": values.pruner,
        "seed": settings.seed,
        "epochs": settings.train.epochs,
        "workdir": str(workdir),
        "data_dir": values.data_dir,
        "trials": values.trials,
        "folder": str(Path.cwd()),
    }
    stopped_by = 0
    if not study.is_over(values.trials):
        stopped_by = _supervise(values, study, workdir, job)
    return _conclude(values, study, space, workdir, stopped_by)


def _supervise(
    values: flags.FlagValues, study: "SweepStudy", workdir: Path, job: dict[str, Any]
) -> int:
    """Runs the workers; returns the number of the signal that stopped them, else 0."""
    from rich.console import Console

    from neurosym.sweeps import SweepDisplay, summarise
    from neurosym.training.interrupts import Interrupts

    deadline = None if values.timeout is None else time.monotonic() + values.timeout
    display = SweepDisplay(Console(stderr=True), values.trials, str(workdir))
    display.skip(summarise(study.trials()))
    stopping = False
    with (
        Interrupts() as interrupts,
        display,
        _crew(values, study, workdir, job) as crew,
    ):
        while not crew.is_gone():
            for message in crew.look_after():
                display.say(message)
            display.update(summarise(study.trials()))
            late = deadline is not None and time.monotonic() > deadline
            if not stopping and (late or interrupts.received is not None):
                stopping = True
                why = "time is up" if interrupts.received is None else "stopping"
                display.say(f"{why}: trials that run are saved")
                crew.stop()
            time.sleep(_LOOK_SECONDS)
        display.update(summarise(study.trials()))
    return interrupts.received or 0


def _crew(
    values: flags.FlagValues, study: "SweepStudy", workdir: Path, job: dict[str, Any]
) -> "Crew | JobCrew":
    """The workers: processes of this machine, or jobs of a cluster."""
    from neurosym.sweeps import Crew

    logs = workdir / "logs"
    if values.launcher == "processes":
        return Crew(_WORKER, job, values.workers, study, logs)
    from neurosym.cli.sweep_worker import work
    from neurosym.sweeps.jobs import JobCrew, read_parameters

    parameters = read_parameters(values.job)
    return JobCrew(values.launcher, work, job, values.workers, study, logs, parameters=parameters)


def _conclude(
    values: flags.FlagValues,
    study: "SweepStudy",
    space: "Space",
    workdir: Path,
    stopped_by: int,
) -> int:
    """Writes what the sweep leaves and says what it found; returns the exit code."""
    from neurosym.sweeps import summarise, write_sweep
    from neurosym.sweeps.trials import best_of

    trials = summarise(study.trials())
    written = [write_sweep(workdir, trials)]
    best = best_of(trials)
    counted = [t for t in trials if not t.retried]
    finished = [t for t in counted if t.state not in ("RUNNING", "WAITING")]
    if best is not None:
        command = _write_best(values, space, workdir, best, study.metric(), len(finished))
        drawn = _pictures(study, trials, workdir, debug=values.debug)
        written += [workdir / "best_config.py", *drawn]
        print(f"best {study.metric()} on validation: {best.value:.4f}, trial {best.number}")
        print(f"  {command}")
    print("written: " + " ".join(str(path) for path in written))
    if len(finished) < values.trials:
        name = "neurosym sweep"
        why = "nothing new is left to try" if study.is_exhausted() else "the same command goes on"
        print(
            f"{name}: {len(finished)} of {values.trials} trials are finished; {why}",
            file=sys.stderr,
        )
    if stopped_by:
        return 128 + stopped_by
    if finished and all(t.state == "FAIL" for t in finished):
        raise RuntimeError(
            f"every trial has failed; trial {finished[0].number}: {finished[0].error}"
        )
    return 0


def _write_best(
    values: flags.FlagValues,
    space: "Space",
    workdir: Path,
    best: "TrialSummary",
    metric: str,
    finished: int,
) -> str:
    """Writes `best_config.py`; returns the command line with overrides that trains the same."""
    from neurosym.cli.command_lines import command_of
    from neurosym.cli.configs import load_config
    from neurosym.sweeps import write_best_config

    config = space.with_fields(best.fields)
    command = command_of(config, load_config(values.source), values.source)
    reached = f"{metric} {best.value:.4f} on validation"
    heading = f"The best of {finished} trials: trial {best.number}, {reached}."
    write_best_config(workdir, config, heading=heading, command=command)
    return command


def _pictures(
    study: "SweepStudy", trials: "list[TrialSummary]", workdir: Path, *, debug: bool
) -> list[Path]:
    """Draws history, importances and parallel coordinates, as far as there is something to draw."""
    from neurosym.cli.pictures import drawn_or_said
    from neurosym.plots import parallel_coordinates, parameter_importances, sweep_history
    from neurosym.sweeps import importances
    from neurosym.sweeps.outcome import scales

    metric = study.metric()
    records = [trial.as_json() for trial in trials]

    def history() -> list[Path]:
        return [sweep_history(records, workdir / "history.png", metric=metric)]

    def what_matters() -> list[Path]:
        mattering = importances(study.study)
        path = workdir / "importances.png"
        return [parameter_importances(mattering, path)] if mattering else []

    def coordinates() -> list[Path]:
        logarithmic = [name for name, log in scales(study.study).items() if log]
        path = workdir / "parallel_coordinates.png"
        drawn = parallel_coordinates(records, path, metric=metric, logarithmic=logarithmic)
        return [drawn]

    safe = f"The trials are safe in {workdir / 'sweep.json'}."
    pictures = {
        "the history": history,
        "the importances": what_matters,
        "the parallel coordinates": coordinates,
    }
    return [
        path
        for what, draw in pictures.items()
        for path in drawn_or_said(draw, what, command="sweep", safe=safe, debug=debug)
    ]


COMMAND = Command(
    name="sweep",
    usage=(
        "sweep --config=FILE.py[:VARIANT] --workdir=FOLDER [--trials=N] [--workers=N] "
        "[--config.FIELD=VALUE ...]"
    ),
    description=(
        "Trains a config many times, and varies the fields that the function sweep(trial) of "
        "its file names. Trial 0 has the config's own values. Trials are judged by their best "
        "validation metric, trials without hope are given up early, and the test split is never "
        "read. Stopped by whatever means, the same command goes on; a larger --trials adds "
        "some. At the end: best_config.py, sweep.json and pictures."
    ),
    examples=(
        "neurosym sweep --config=configs/mnist_addition.py --workdir=sweeps/add --trials=50 \\",
        "    --workers=2",
        "neurosym sweep --config=configs/digits_addition.py --workdir=sweeps/digits --trials=20 \\",
        "    --config.train.epochs=10 --timeout=3600",
        "neurosym sweep --config=configs/mnist_addition.py --workdir=sweeps/add --workers=16 \\",
        "    --launcher=slurm --job=slurm_partition=gpu,gpus_per_node=1,timeout_min=120",
        "neurosym train --config=sweeps/digits/best_config.py --workdir=runs/digits_best",
    ),
    define_flags=_define_flags,
    run=_run,
    parse=_parse,
)
