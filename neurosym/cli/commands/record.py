"""`neurosym record`: keeps the results of finished runs as small files, to be committed."""

import datetime
import json
import sys
from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.command_lines import command_of
from neurosym.cli.configs import default_variant, load_config, split_source
from neurosym.cli.places import SHIPPED_PREFIX

_DEFAULT = "default"


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "config",
        None,
        "config file of the runs, with its variant after a colon",
        flag_values=values,
    )
    flags.DEFINE_string("results", "docs/results", "folder of the results", flag_values=values)
    flags.DEFINE_string(
        "benchmark",
        None,
        "record what this benchmark printed (a file, or - for standard input) instead of runs",
        flag_values=values,
    )
    flags.DEFINE_string(
        "arguments", "", "the arguments that the benchmark was run with", flag_values=values
    )
    flags.DEFINE_string(
        "note", "", "a sentence to stand below the benchmark's figures", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if values.benchmark:
        if values.config or len(arguments) != 1:
            raise UsageError("--benchmark=NAME takes one file of its output, and no --config")
        print(_record_benchmark(values, arguments[0]))
        return 0
    if not values.config:
        raise UsageError("--config=FILE.py[:VARIANT] is missing")
    if not arguments:
        raise UsageError("no runs were given")
    config = load_config(values.config)
    from neurosym.reports import read_record, record_run
    from neurosym.training import Workdir

    file, variant = split_source(values.config)
    # All are looked at before the first is written.
    commands = {
        path: command_of(Workdir(Path(path)).read_config(), config, values.config)
        for path in arguments
    }
    for path, command in commands.items():
        written = record_run(
            path,
            values.results,
            experiment=Path(file.removeprefix(SHIPPED_PREFIX)).stem,
            variant=variant or default_variant(file) or _DEFAULT,
            command=command,
        )
        print(written)
        revision = read_record(written)["result"].get("revision") or ""
        if revision.endswith("-dirty"):
            print(
                f"neurosym record: {path} ran on changed source ({revision}), so its revision does "
                "not give it again",
                file=sys.stderr,
            )
    return 0


def _record_benchmark(values: flags.FlagValues, source: str) -> Path:
    """Files the output of a benchmark; says what could not be made of it."""
    from neurosym.reports.benchmarks import FOLDER, file_output
    from neurosym.training.result import device, versions

    name = values.benchmark
    if Path(name).name != name or name.startswith("."):
        raise UsageError(f"--benchmark={name} cannot be the name of a file")
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        output = json.loads(text)
    except ValueError as error:
        named = "standard input" if source == "-" else source
        raise ValueError(f"{named} is not what a benchmark prints: {error}") from error
    found = versions()
    return file_output(
        output,
        Path(values.results) / FOLDER / f"{name}.json",
        command=f"neurosym bench {name} {values.arguments}".strip(),
        date=datetime.date.today().isoformat(),
        machine=f"{device()}, Python {found['python']}, JAX {found['jax']}",
        note=values.note,
    )


COMMAND = Command(
    name="record",
    usage="record --config=FILE.py[:VARIANT] RUN... | --benchmark=NAME OUTPUT.json",
    description=(
        "Keeps the results of finished runs of a config: one file for each run, "
        "RESULTS/FILE/VARIANT-HASH-seedK.json, with the figures, the whole config and the "
        "command that trains it again. The hash is of the config without its seed. A run that "
        "is not finished is refused, and so is a run whose place is taken by other figures. "
        "With --benchmark, keeps the output of a benchmark in RESULTS/benchmarks/NAME.json. "
        "`neurosym results` makes the page of both."
    ),
    examples=(
        "neurosym record --config=configs/mnist_addition.py:n4 runs/n4/seed_*",
        "neurosym bench chains | neurosym record --benchmark=chains -",
    ),
    define_flags=_define_flags,
    run=_run,
)
