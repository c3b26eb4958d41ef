"""`neurosym learn`: the probabilities t(...) of a logic program, from examples."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_integer("steps", None, "steps of the optimiser", flag_values=values)
    flags.DEFINE_float("learning_rate", None, "where its rate starts", flag_values=values)
    flags.DEFINE_integer("seed", 0, "of what t(_) starts from", flag_values=values)
    flags.DEFINE_string("output", None, "where the learned program is written", flag_values=values)
    flags.DEFINE_boolean("json", False, "print one JSON object", flag_values=values)


@dataclasses.dataclass(frozen=True)
class LearnFlags:
    """The flags, checked."""

    program: str
    examples: str
    steps: int | None
    learning_rate: float | None
    seed: int
    output: str | None
    json: bool

    @classmethod
    def read(cls, values: flags.FlagValues, arguments: list[str]) -> LearnFlags:
        """Raises `UsageError` for flags that are wrong."""
        if len(arguments) != 2:
            raise UsageError("name a program and a file of examples: PROGRAM EXAMPLES")
        if values.steps is not None and values.steps < 1:
            raise UsageError(f"--steps is at least 1, not {values.steps}")
        if values.learning_rate is not None and not values.learning_rate > 0:
            raise UsageError(f"--learning_rate is above 0, not {values.learning_rate:g}")
        if values.seed < 0:
            raise UsageError(f"--seed is at least 0, not {values.seed}")
        return cls(
            program=arguments[0],
            examples=arguments[1],
            steps=values.steps,
            learning_rate=values.learning_rate,
            seed=values.seed,
            output=values.output,
            json=values.json,
        )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    options = LearnFlags.read(values, arguments)
    import optax

    from neurosym.io.text import read_text
    from neurosym.programs import learning
    from neurosym.programs.program import Program

    program = Program.read(options.program)
    examples = read_text(options.examples)
    interpretations = learning.read_interpretations(examples.content.decode("utf-8"), examples.name)
    steps = options.steps or learning.STEPS
    rate = options.learning_rate or learning.LEARNING_RATE
    found = learning.learn(
        program,
        interpretations,
        optimizer=optax.adam(optax.cosine_decay_schedule(rate, steps), b2=0.99),
        steps=steps,
        seed=options.seed,
    )
    if options.output is not None:
        Path(options.output).write_text(found.text, encoding="utf-8")
    if options.json:
        report = {
            "parameters": {place: list(own) for place, own in found.probabilities.items()},
            "log_likelihood": found.log_likelihood,
            "examples": found.examples,
            "program": found.text,
        }
        print(json.dumps(report))
        return 0
    if options.output is None:
        print(found.text, end="" if found.text.endswith("\n") else "\n")
    print(
        f"log-likelihood {found.log_likelihood:.6g} of {found.examples:,} examples",
        file=sys.stderr,
    )
    return 0


COMMAND = Command(
    name="learn",
    usage="learn PROGRAM EXAMPLES [--output=FILE] [--steps=N] [--learning_rate=X] [--json] ...",
    description=(
        "Learns the probabilities t(_) and t(0.3) of a logic program by gradient and prints the "
        "program with what was learned. EXAMPLES holds interpretations, each a few sentences "
        "evidence(atom). or evidence(atom, false)., separated by lines of ---; what an "
        "interpretation does not mention is open. A program with networks is trained as a task: "
        "configs/program.py."
    ),
    examples=(
        "neurosym learn program.pl examples.pl",
        "neurosym learn program.pl examples.pl --output=learned.pl",
        "neurosym learn program.pl examples.pl --steps=3000 --json",
    ),
    define_flags=_define_flags,
    run=_run,
)
