"""`neurosym predict`: a run's best model reads the user's own files."""

from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.places import import_roots
from neurosym.cli.run_flags import define_data_dir, define_workdir, required_workdir


def _define_flags(values: flags.FlagValues) -> None:
    define_workdir(values, "folder of the run")
    flags.DEFINE_boolean("json", False, "print JSON", flag_values=values)
    define_data_dir(values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    workdir = required_workdir(values)
    paths = [Path(argument) for argument in arguments]
    if not paths:
        raise UsageError("no files to read were given")
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise UsageError(f"there is no file {', '.join(missing)}")
    from neurosym.cli.runtime import prepare_jax
    from neurosym.cli.tables import print_json
    from neurosym.training import load_run, predict_run

    prepare_jax()
    run = load_run(workdir, values.data_dir, import_roots=import_roots())
    answer = predict_run(run, paths)
    if values.json:
        print_json(dict(answer))
        return 0
    width = max((len(name) for name in answer), default=0)
    for name, value in answer.items():
        shown = f"{value:.4f}" if isinstance(value, float) else str(value)
        print(f"{name:<{width}}  {shown}")
    return 0


COMMAND = Command(
    name="predict",
    usage="predict --workdir=FOLDER FILE... [--json]",
    description=(
        "Reads your own files with the best parameters of a run, and prints what was read, the "
        "answer and the confidence. The task says how many files it reads, and of which kind."
    ),
    examples=("neurosym predict --workdir=runs/add a.png b.png",),
    define_flags=_define_flags,
    run=_run,
)
