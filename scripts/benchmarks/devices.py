"""A training step on several devices: what they tell each other, and the time it takes.

Prints JSON: for each number of devices the collective operations of one step, counted in the
compiled program with the bytes that each device's part has, and milliseconds a step. On a host
without so many devices, XLA_FLAGS=--xla_force_host_platform_device_count=8 cuts the CPU into
virtual ones: then the communication is real and the times say nothing of real devices.
"""

import argparse
import collections
import json
import math
import re

import _timing
import jax
from flax import nnx

from neurosym.cli.configs import load_config
from neurosym.cli.places import import_roots
from neurosym.training import (
    Devices,
    Keys,
    Program,
    Settings,
    load_task,
    make_optimizer,
    make_schedule,
)
from neurosym.training.state import Anatomy

_KINDS = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
_OPERATION = re.compile(rf"= (.+?) ({_KINDS})(?:-start)?\(")
_ARRAY = re.compile(r"([a-z]+?)(\d+)\[([\d,]*)\]")


def communication(compiled):
    """Number and bytes of the collective operations in a compiled program, by kind."""
    counts, sizes = collections.Counter(), collections.Counter()
    for line in compiled.as_text().splitlines():
        if found := _OPERATION.search(line):
            shapes, kind = found.groups()
            counts[kind] += 1
            for _, bits, shape in _ARRAY.findall(shapes):
                numbers = math.prod(int(n) for n in shape.split(",") if n)
                sizes[kind] += max(int(bits) // 8, 1) * numbers
    return {kind: {"operations": counts[kind], "bytes": sizes[kind]} for kind in sorted(counts)}


def main():
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/mnist_addition.py:n1")
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--steps", type=int, default=20, help="steps a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each; 0 only compiles")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    settings = Settings.from_config(config)
    task = load_task(config, import_roots=import_roots())
    split, batch_size = task.split("train"), settings.train.batch_size
    total = settings.train.epochs * (split.size // batch_size)
    optimizer = make_optimizer(settings.optimizer, make_schedule(settings.optimizer, total))
    anatomy = Anatomy.of(task.model(nnx.Rngs(Keys.of(0).init)))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(anatomy.initial()[0]))
    report, turns = {}, {}
    for count in arguments.devices:
        devices = Devices.of(count)
        program = Program(
            task,
            anatomy,
            optimizer,
            split,
            batch_size=batch_size,
            keys=Keys.of(0),
            devices=devices,
        )
        state = [program.initial_state(*anatomy.initial())]
        report[str(count)] = {
            "communication_of_a_step": communication(program.compiled(state[0])),
            "compile_seconds": round(program.compile_seconds, 2),
        }

        def turn(program=program, state=state, devices=devices):
            start = state[0]._replace(step=devices.put(0 * jax.device_get(state[0].step)))
            state[0] = program.run(start, arguments.steps)
            return state[0].step

        turns[str(count)] = turn
    if arguments.rounds:
        times = _timing.interleaved(turns, rounds=arguments.rounds)
        for count, ms in _timing.medians(times).items():
            report[count]["step_ms"] = round(ms / arguments.steps, 3)
    sizes = {"config": arguments.config, "batch_size": batch_size, "parameters": parameters}
    print(json.dumps({**sizes, "devices": report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
