#!/usr/bin/env python
"""How long the first answer takes, in a process of its own: commands, library calls, small models.

Each row runs once with an empty cache of compiled programs ("cold") and again with what that run
left ("second"), `--rounds` times; figures are medians. Library rows are CPU seconds of the call
alone on one core (`_first_calls.py`), with the number of programs that XLA compiled. Commands are
whole processes, or processes up to their first step, in wall and CPU seconds on all cores. Rows
"after_…" count a second model of the same kinds in the same process. Prints one JSON object.

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


def library(row: str, cache: str) -> Figures:
    """One row of `_first_calls.py`."""
    kept = {
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, str(HERE / "_first_calls.py"), row]
    found = subprocess.run(command, env={**os.environ, **kept}, capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f"{row} failed:\n{found.stderr}")
    return json.loads(found.stdout.splitlines()[-1])


def command(arguments: list[str], cache: str, until: str = "") -> Figures:
    """A whole command, or one up to the line of its standard error that holds ``until``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": cache},
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


def train_digits(cache: str) -> Figures:
    """`neurosym train` of the 8x8 digits for one epoch, the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        config = ["--config=configs/digits_addition.py", "--config.train.epochs=1"]
        return command(["train", *config, f"--workdir={folder}/run"], cache)


def first_step(config: str, cache: str) -> Figures:
    """`neurosym train` up to its first step."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["train", f"--config={config}", f"--workdir={folder}/run"]
        return command(arguments, cache, until="step 1/")


def solve_cnf(cache: str) -> Figures:
    """`neurosym solve` of three clauses, the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.cnf"
        path.write_text(CNF)
        return command(["solve", str(path)], cache)


def rows() -> dict[str, Callable[[str], Figures]]:
    """Of each row what measures it, given the folder of the cache."""
    found: dict[str, Callable[[str], Figures]] = {"train_digits": train_digits}
    for name, config in FIRST_STEPS.items():
        found[f"first_step_{name}"] = lambda cache, config=config: first_step(config, cache)
    found["solve_cnf"] = solve_cnf
    for row in ROWS:
        found[row] = lambda cache, row=row: library(row, cache)
    return found


def measured(measure: Callable[[str], Figures], rounds: int) -> dict[str, Figures]:
    """Medians of cold and of second runs."""
    runs: dict[str, list[Figures]] = {"cold": [], "second": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            for times in runs.values():
                times.append(measure(cache))
    return {
        name: {key: round(statistics.median(run[key] for run in times), 3) for key in times[0]}
        for name, times in runs.items()
    }


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
