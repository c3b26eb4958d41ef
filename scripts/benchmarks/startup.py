"""How soon a command answers: `neurosym --help`, and `neurosym train` up to its first step.

Prints JSON: medians over fresh processes. Training starts with a cache of compiled programs that an
unmeasured start has filled; the first step is over when progress is first told.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import _timing

_MAIN = "import sys; from neurosym.cli.main import main; sys.exit(main())"


def help_seconds():
    """Seconds of one `neurosym --help`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", _MAIN, "--help"], check=True, capture_output=True)
    return time.perf_counter() - started


def first_step_seconds(config, cache):
    """Seconds until a training run tells of its first step."""
    with tempfile.TemporaryDirectory() as workdir:
        command = [sys.executable, "-c", _MAIN, "train", f"--config={config}"]
        started = time.perf_counter()
        with subprocess.Popen(
            [*command, f"--workdir={workdir}/run"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": cache},
        ) as process:
            for line in process.stderr:
                if "step 1/" in line:
                    break
            else:
                raise SystemExit("the run ended before its first step")
            seconds = time.perf_counter() - started
            process.kill()
    return seconds


def main():
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/mnist_addition.py:n1")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        cold = first_step_seconds(arguments.config, cache)
        warm = [first_step_seconds(arguments.config, cache) for _ in range(arguments.rounds)]
    helps = [help_seconds() for _ in range(arguments.rounds)]
    report = {
        "config": arguments.config,
        "help_seconds": round(statistics.median(helps), 3),
        "first_step_seconds_warm": round(statistics.median(warm), 2),
        "first_step_seconds_cold": round(cold, 2),
    }
    print(json.dumps({**report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
