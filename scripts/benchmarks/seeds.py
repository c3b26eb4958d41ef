"""Several seeds as one program against as many single ones in turn: time a step, and compile time.

Prints JSON. The total times are arithmetic on the measured ones: compiling once and stepping the
program of all seeds, against compiling once and stepping the single program for each seed in turn,
as `neurosym train --seeds=N --seeds_at_once=1` does. Contenders take turns.
"""

import argparse
import json
import sys

import _timing
from flax import nnx

from neurosym.cli.configs import load_config
from neurosym.cli.places import import_roots
from neurosym.training import Keys, Program, Settings, load_task, make_optimizer, make_schedule
from neurosym.training.state import Anatomy, stack_seeds


def contender(task, settings, seeds, steps):
    """A turn of steps of a program of these seeds, the program, and the steps of a whole run."""
    split = task.split("train")
    batch_size = settings.train.batch_size
    total = settings.train.epochs * (split.size // batch_size)
    optimizer = make_optimizer(settings.optimizer, make_schedule(settings.optimizer, total))
    anatomies = [Anatomy.of(task.model(nnx.Rngs(Keys.of(seed).init))) for seed in seeds]
    stacked = len(seeds) > 1
    keys = Keys.stacked(seeds) if stacked else Keys.of(seeds[0])
    program = Program(task, anatomies[0], optimizer, split, batch_size=batch_size, keys=keys)
    models = [anatomy.initial() for anatomy in anatomies]
    params, other = stack_seeds(models) if stacked else models[0]
    state = [program.initial_state(params, other)]
    program.compiled(state[0])

    def turn():
        start = state[0]._replace(step=0 * state[0].step)
        state[0] = program.run(start, steps)
        return state[0].step

    return turn, program, total


def main():
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/mnist_addition.py:n1")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20, help="steps a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    settings = Settings.from_config(config)
    task = load_task(config, import_roots=import_roots())
    compiling, turns = {}, {}
    for name, seeds in (("one", [0]), ("all", list(range(arguments.seeds)))):
        turns[name], program, total = contender(task, settings, seeds, arguments.steps)
        compiling[name] = program.compile_seconds
        print(f"{name}: compiled in {compiling[name]:.1f} s", file=sys.stderr)
    times = _timing.interleaved(turns, rounds=arguments.rounds)
    step_ms = {name: ms / arguments.steps for name, ms in _timing.medians(times).items()}
    in_turn = compiling["one"] + arguments.seeds * total * step_ms["one"] / 1e3
    together = compiling["all"] + total * step_ms["all"] / 1e3
    report = {
        "config": arguments.config,
        "seeds": arguments.seeds,
        "step_ms": {name: round(ms, 3) for name, ms in step_ms.items()},
        "compile_seconds": {name: round(seconds, 2) for name, seconds in compiling.items()},
        "all_over_one_step": _timing.ratio(times, "all", "one"),
        "steps_of_a_run": total,
        "total_seconds_by_arithmetic": {
            "in_turn": round(in_turn, 1),
            "together": round(together, 1),
        },
        "times_faster_together": round(in_turn / together, 2),
    }
    print(json.dumps({**report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
