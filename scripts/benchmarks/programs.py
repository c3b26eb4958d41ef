#!/usr/bin/env python
"""Logic programs: reachability, whole commands and addition as a program, against ProbLog.

Reachability in grids and a random digraph: parsing, grounding, compiling and evaluating, from text
to a probability, in turns with ProbLog in one process where that ends within a minute. `neurosym
query` and `problog` on a ten-line program as whole commands. Training steps of MNIST addition whose
reasoning is DeepProbLog's program text, in turns with the same task as a `Problem` (--addition;
needs MNIST). Prints one JSON object.

    python scripts/benchmarks/programs.py [--rounds 3] [--skip large] [--addition 1]

DeepProbLog's exact engine takes 1,440 ms for such a step with N=1 and 5,700 ms with N=2 (batch 64)
on a core of this kind; those figures are not measured here.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _timing

os.environ["NEUROSYM_CACHE"] = "off"  # what is measured is made anew each time
ROOT = Path(__file__).parents[2]
DEEPPROBLOG_MS = {1: 1440, 2: 5700}
TEN_LINES = """0.1::burglary.
0.2::earthquake.
person(mary).
person(john).
0.7::hears(X) :- person(X).
alarm :- burglary.
alarm :- earthquake.
calls(X) :- alarm, hears(X).
evidence(calls(john)).
query(burglary).
"""


def grid(size: int, *, directed: bool) -> str:
    """Is the opposite corner reached, where each edge exists with probability one half?"""
    lines = []
    for i, j in itertools.product(range(size), repeat=2):
        for a, b in ((i + 1, j), (i, j + 1)):
            if a < size and b < size:
                lines.append(f"0.5::e(n{i}_{j},n{a}_{b}).")
    lines += ["s(X,Y) :- e(X,Y).", "r(X,Y) :- s(X,Y).", "r(X,Y) :- s(X,Z), r(Z,Y)."]
    if not directed:
        lines.append("s(X,Y) :- e(Y,X).")
    return "\n".join([*lines, f"query(r(n0_0,n{size - 1}_{size - 1}))."])


def digraph(nodes: int, edges: int) -> str:
    """Is one node reached from another in a random graph?"""
    chance = random.Random(0)
    drawn: set[tuple[int, int]] = set()
    while len(drawn) < edges:
        a, b = chance.randrange(nodes), chance.randrange(nodes)
        if a != b:
            drawn.add((a, b))
    lines = [f"0.5::e(v{a},v{b})." for a, b in sorted(drawn)]
    return "\n".join([*lines, "r(X,Y) :- e(X,Y).", "r(X,Y) :- e(X,Z), r(Z,Y).", "query(r(v0,v1))."])


# name -> (text, whether ProbLog answers within a minute, whether it is large)
PROGRAMS = {
    "grid_7": (grid(7, directed=True), True, False),
    "grid_8": (grid(8, directed=True), False, False),
    "grid_12": (grid(12, directed=True), False, True),
    "undirected_4": (grid(4, directed=False), True, False),
    "undirected_5": (grid(5, directed=False), False, False),
    "undirected_6": (grid(6, directed=False), False, True),
    "digraph_100_150": (digraph(100, 150), True, False),
}


def ours(text: str) -> tuple[float, str]:
    """The probability, and how it was compiled."""
    from neurosym.programs import Program

    question = Program.parse(text).compile()
    (value,) = question.probabilities().values()
    return value, question.compiled.statistics["compiler"]


def problog(text: str) -> float:
    """The same of ProbLog."""
    from problog import get_evaluatable
    from problog.program import PrologString

    (value,) = get_evaluatable().create_from(PrologString(text)).evaluate().values()
    return value


def reachability(name: str, rounds: int) -> dict:
    """Seconds of both, in turns."""
    text, with_problog, large = PROGRAMS[name]
    seconds: dict[str, list[float]] = {"neurosym": [], "problog": []}
    values = {}
    for _ in range(1 if large else rounds):
        start = time.perf_counter()
        values["neurosym"], compiler = ours(text)
        seconds["neurosym"].append(time.perf_counter() - start)
        if with_problog:
            start = time.perf_counter()
            values["problog"] = problog(text)
            seconds["problog"].append(time.perf_counter() - start)
    report = {"probability": values["neurosym"], "compiler": compiler}
    report |= {f"{own}_seconds": statistics.median(x) for own, x in seconds.items() if x}
    if with_problog:
        assert abs(values["neurosym"] - values["problog"]) < 1e-6, values
    return report


def commands(rounds: int) -> dict:
    """Seconds of whole commands, in turns."""
    seconds: dict[str, list[float]] = {"neurosym": [], "problog": []}
    with tempfile.NamedTemporaryFile("w", suffix=".pl") as file:
        file.write(TEN_LINES)
        file.flush()
        lines = {
            "neurosym": [
                "-c",
                "import sys; from neurosym.cli.main import main; sys.exit(main())",
                "query",
                file.name,
            ],
            "problog": ["-m", "problog", file.name],
        }
        for _ in range(max(rounds, 5)):
            for name, line in lines.items():
                start = time.perf_counter()
                subprocess.run([sys.executable, *line], check=True, capture_output=True, cwd=ROOT)
                seconds[name].append(time.perf_counter() - start)
    return {f"{name}_seconds": statistics.median(own) for name, own in seconds.items()}


def addition(digits: int, rounds: int, steps: int) -> dict:
    """Milliseconds of a training step, as a program and as a problem, in turns."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    import neurosym as ns
    from neurosym.training import Keys, Program
    from neurosym.training.state import Anatomy

    sys.path[:0] = [str(ROOT)]
    from configs import mnist_addition
    from experiments.digit_addition import DigitAddition

    text = """
        nn(mnist_net, [X], Y, [0,1,2,3,4,5,6,7,8,9]) :: digit(X, Y).
        number([], Result, Result).
        number([H|T], Acc, Result) :- digit(H, Nr), Acc2 is Nr+10*Acc, number(T, Acc2, Result).
        number(X, Y) :- number(X, 0, Y).
        multi_addition(X, Y, Z) :- number(X, X2), number(Y, Y2), Z is X2+Y2.
    """
    images = [f"i{n}" for n in range(2 * digits)]
    first, second = (", ".join(own) for own in (images[:digits], images[digits:]))
    start = time.perf_counter()
    question = ns.Program.parse(text).compile(f"multi_addition([{first}], [{second}], Z)")
    order = [images.index(own) for (own,) in question.inputs("mnist_net")]
    grounding = time.perf_counter() - start

    class AsProgram(DigitAddition):
        """The task with the program's text in place of the problem."""

        def __init__(self, config, **options):
            super().__init__(config, **options)
            self.reasoning = lambda x: question(mnist_net=x[:, jnp.asarray(order)])

    config = mnist_addition.get_config(f"n{digits}")
    programs, states = {}, {}
    for name, task_class in (("program", AsProgram), ("problem", DigitAddition)):
        task = task_class(config)
        anatomy = Anatomy.of(task.model(nnx.Rngs(0)))
        program = Program(
            task,
            anatomy,
            optax.adamw(1e-3),
            task.split("train"),
            batch_size=64,
            keys=Keys.of(0),
        )
        state = program.run(program.initial_state(*anatomy.initial()), 1)
        programs[name], states[name] = program, jax.block_until_ready(state)

    def run(name: str):
        def go():
            first = states[name]._replace(step=jnp.zeros((), jnp.int32))
            states[name] = programs[name].run(first, steps)
            return states[name].step

        return go

    times = _timing.interleaved({name: run(name) for name in programs}, rounds=rounds)
    times = {name: [t / steps for t in own] for name, own in times.items()}
    medians = _timing.medians(times)
    return {
        "digits": digits,
        "median_ms_a_step": medians,
        "program_over_problem": _timing.ratio(times, "program", "problem"),
        "grounding_and_compiling_seconds": round(grounding, 2),
        "deepproblog_reported_ms": DEEPPROBLOG_MS[digits],
        "times_faster_than_deepproblog": round(DEEPPROBLOG_MS[digits] / medians["program"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", default="", help="`large` leaves out what takes a minute")
    parser.add_argument("--only", default="", help="one of the programs, `commands` or `addition`")
    parser.add_argument("--addition", type=int, default=0, choices=(0, 1, 2), help="digits; 0: not")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    report: dict = {"benchmark": "programs"}
    for name, (_, _, large) in PROGRAMS.items():
        if arguments.only in ("", name) and not (large and arguments.skip == "large"):
            report[name] = reachability(name, arguments.rounds)
    if arguments.only in ("", "commands"):
        report["commands"] = commands(arguments.rounds)
    if arguments.addition:
        report["addition"] = addition(arguments.addition, arguments.rounds, arguments.steps)
    print(json.dumps({**report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
