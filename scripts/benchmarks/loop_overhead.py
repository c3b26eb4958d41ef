"""What a run costs besides its steps: metrics, progress and checkpoints, against bare steps.

Prints JSON. A run makes epochs with progress to a file, a line of metrics and a checkpoint.
`overhead` is what is spent of an epoch outside of its steps, over the time in them: both from the
same seconds, so that a noisy machine does not blur it. `against_bare` is a second opinion, which it
does blur: after each epoch of the run the same compiled program is called once for an epoch, with
nothing around it. A checkpoint is written in the background: the CPU time that it takes after the
epoch counts in full, as if the steps had waited for it. Compiling, validating and judging are not
in it.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import statistics
import tempfile
import time

import _timing
import jax
from flax import nnx
from rich.console import Console

from neurosym.cli.configs import load_config
from neurosym.cli.places import import_roots
from neurosym.training import (
    ConsoleProgress,
    Keys,
    Options,
    Program,
    Settings,
    load_task,
    make_optimizer,
    make_schedule,
    train,
)
from neurosym.training.state import Anatomy

# Seconds after an epoch in which its checkpoint is written.
_WRITING = 0.5


class Unvalidated:
    """A task without validation examples."""

    def __init__(self, task):
        self._task = task

    def __getattr__(self, name):
        return getattr(self._task, name)

    def split(self, name):
        """The task's split; that for validation is empty."""
        found = self._task.split(name)
        if name != "validation":
            return found
        examples = jax.tree.map(lambda leaf: leaf[:0], found.examples)
        return dataclasses.replace(found, examples=examples)


class Bare:
    """The compiled steps of a task, with nothing around them."""

    def __init__(self, task, settings):
        split, batch_size = task.split("train"), settings.train.batch_size
        schedule = make_schedule(settings.optimizer, 1_000_000)
        anatomy = Anatomy.of(task.model(nnx.Rngs(Keys.of(0).init)))
        self._program = Program(
            task,
            anatomy,
            make_optimizer(settings.optimizer, schedule),
            split,
            batch_size=batch_size,
            keys=Keys.of(0),
        )
        self._state = self._program.initial_state(*anatomy.initial())
        self.steps = self._program.steps_per_epoch
        self.seconds()

    def seconds(self):
        """Seconds of one epoch."""
        started = time.perf_counter()
        self._state = jax.block_until_ready(self._program.run(self._state, self.steps))
        return time.perf_counter() - started


class Turns:
    """Times the epochs of a run and, between them, bare ones; asked after each chunk of steps."""

    def __init__(self, bare):
        self._bare = bare
        self._step = self._began = 0
        self.steps = 0.0  # seconds of this epoch in steps
        self.run, self.bare, self.inside = [], [], []

    def at(self, step):
        """Notes the step that the run has reached."""
        self._step = step

    def __call__(self):
        if self._step % self._bare.steps == 0:
            seconds, cpu = time.perf_counter() - self._began, time.process_time()
            time.sleep(_WRITING)
            writing = time.process_time() - cpu
            if self._began:  # not the first epoch, in which the run compiles
                self.run.append(seconds + writing)
                self.inside.append(self.steps)
                self.bare.append(self._bare.seconds())
            self.steps = 0.0
            self._began = time.perf_counter()
        return False

    @contextlib.contextmanager
    def steps_timed(self):
        """Notes, while entered, how much of an epoch is spent in compiled steps."""
        run = Program.run

        def timed(program, state, steps):
            started = time.perf_counter()
            state = jax.block_until_ready(run(program, state, steps))
            self.steps += time.perf_counter() - started
            return state

        Program.run = timed
        try:
            yield
        finally:
            Program.run = run


class Told(ConsoleProgress):
    """Progress to nowhere that says how far the run is."""

    def __init__(self, turns):
        super().__init__(Console(file=io.StringIO()))
        self._turns = turns

    def update(self, step, figures):
        """Shows it, and notes the step."""
        super().update(step, figures)
        self._turns.at(step)


def main():
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/mnist_addition.py:n1")
    parser.add_argument("--epochs", type=int, default=12, help="that are timed")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    config.train.epochs = arguments.epochs + 2  # one compiles; after the last nobody is asked
    settings = Settings.from_config(config)
    task = Unvalidated(load_task(config, import_roots=import_roots()))
    bare = Bare(task, settings)
    turns = Turns(bare)
    with tempfile.TemporaryDirectory() as workdir, turns.steps_timed():
        train(
            config,
            workdir,
            task=task,
            options=Options(progress=Told(turns), stop_when=turns, judge_test=False),
        )
    outside = [a / b - 1 for a, b in zip(turns.run, turns.inside, strict=True)]
    against = [a / b - 1 for a, b in zip(turns.run, turns.bare, strict=True)]
    report = {
        "config": arguments.config,
        "steps_per_epoch": bare.steps,
        "run_seconds_per_epoch": round(statistics.median(turns.run), 3),
        "bare_seconds_per_epoch": round(statistics.median(turns.bare), 3),
        "overhead": round(statistics.median(outside), 4),
        "overheads": [round(x, 4) for x in outside],
        "against_bare": round(statistics.median(against), 4),
        "against_bare_each": [round(x, 4) for x in against],
    }
    print(json.dumps({**report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
