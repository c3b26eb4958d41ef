#!/usr/bin/env python
"""How long the first answer takes, in a process of its own: commands, library calls, small models.

Each row runs once with an empty cache of compiled programs ("cold") and again with what that run
left ("second"), `--rounds` times; figures are medians. Library rows are CPU seconds of the call
alone on one core (`_first_calls.py`), with the number of programs that XLA compiled. Commands are
whole processes, or processes up to their first step, in wall and CPU seconds on all cores. Rows
"after_…" count a second model of the same kinds in the same process. One run more, which is not
timed, counts all programs that are asked for, and their instructions as JAX hands them to XLA
("asked"). Data are looked for where the user's commands look. Prints one JSON object.

    python scripts/benchmarks/first_answer.py [--only ab_total train_digits ...] [--rounds 3]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import _timing
from _first_calls import ROWS

HERE = Path(__file__).parent
MAIN = "import sys; from neurosym.cli.main import main; sys.exit(main())"
FIRST_STEPS = {
    "n1": "configs/mnist_addition.py:n1",
    "n4": "configs/mnist_addition.py:n4",
    "formula": "configs/formula.py:lenet",
    "visual_sudoku": "configs/visual_sudoku.py",
    "gumbel_bits": "configs/visual_sudoku.py:gumbel_bits",
}
CNF = "p cnf 4 3\n1 -2 3 0\n-1 2 0\n2 -3 4 0\n"

Figures = dict[str, float]


class Place(NamedTuple):
    """What a run is given: where compiled programs are kept, and where their texts are written."""

    cache: str
    texts: str = ""  # "" writes none

    def environment(self) -> dict[str, str]:
        """Of the process."""
        return {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": self.cache,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }


def library(row: str, place: Place) -> Figures:
    """One row of `_first_calls.py`."""
    command = [sys.executable, str(HERE / "_first_calls.py"), row, place.texts]
    found = subprocess.run(command, env=place.environment(), capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"{row} failed:\n{found.stderr}")
    return json.loads(found.stdout.splitlines()[-1])


def command(arguments: list[str], place: Place, until: str = "") -> Figures:
    """A whole command, or one up to the line of its standard error that holds ``until``."""
    written = {"JAX_DUMP_IR_TO": place.texts} if place.texts else {}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**place.environment(), **written},
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if until and until in line:
                seconds = time.perf_counter() - started
                process.kill()
                break
        else:
            process.wait()
            seconds = time.perf_counter() - started
            if until or process.returncode:
                raise SystemExit(f"{' '.join(arguments)} failed:\n{''.join(lines)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}


def train_digits(place: Place) -> Figures:
    """`neurosym train` of the 8x8 digits for one epoch, the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        config = ["--config=configs/digits_addition.py", "--config.train.epochs=1"]
        return command(["train", *config, f"--workdir={folder}/run"], place)


def first_step(config: str, place: Place) -> Figures:
    """`neurosym train` up to its first step."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["train", f"--config={config}", f"--workdir={folder}/run"]
        return command(arguments, place, until="step 1/")


def solve_cnf(place: Place) -> Figures:
    """`neurosym solve` of three clauses, the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.cnf"
        path.write_text(CNF)
        return command(["solve", str(path)], place)


def rows() -> dict[str, Callable[[Place], Figures]]:
    """Of each row what measures it."""
    found: dict[str, Callable[[Place], Figures]] = {"train_digits": train_digits}
    for name, config in FIRST_STEPS.items():
        found[f"first_step_{name}"] = lambda place, config=config: first_step(config, place)
    found["solve_cnf"] = solve_cnf
    for row in ROWS:
        found[row] = lambda place, row=row: library(row, place)
    return found


def measured(measure: Callable[[Place], Figures], rounds: int) -> dict[str, Figures]:
    """Medians of cold and of second runs, and what was asked for."""
    runs: dict[str, list[Figures]] = {"cold": [], "second": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for times in runs.values():
                times.append(measure(Place(cache)))
    found = {
        name: {key: round(statistics.median(run[key] for run in times), 3) for key in times[0]}
        for name, times in runs.items()
    }
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as texts:
        measure(Place(cache, texts))
        found["asked"] = asked(Path(texts))
    return found


def asked(texts: Path) -> Figures:
    """How many programs were written as text, and how many instructions they have together."""
    programs = [path.read_text(encoding="utf-8") for path in texts.glob("*_compile.mlir")]
    lines = [line for text in programs for line in text.splitlines()]
    return {"programs": len(programs), "instructions": sum(" = " in line for line in lines)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = rows()
    parser.add_argument("--only", nargs="+", choices=known, metavar="ROW", help=", ".join(known))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    report = {}
    for name in arguments.only or known:
        report[name] = measured(known[name], arguments.rounds)
        print(name, json.dumps(report[name]), file=sys.stderr)
    print(json.dumps({"rows": report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
