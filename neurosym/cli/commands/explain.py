"""`neurosym explain`: why an instance has the solution that it has, or none, in sentences.

Of an instance without a solution it first says which of the givens cannot hold together, and then
derives the contradiction from these alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.inputs import load_jobs, read_inputs

if TYPE_CHECKING:
    import numpy as np

    from neurosym.cli.jobs import Job
    from neurosym.explanations import Derivation

_MOST_FRAMES = 200


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "problem",
        None,
        "sudoku, queens, latin, magic, cnf, or module:NAME for a Puzzle of your own; files that "
        "are DIMACS CNF say so themselves",
        flag_values=values,
    )
    flags.DEFINE_integer("size", None, "of the problem, as for `solve`", flag_values=values)
    flags.DEFINE_integer("instance", 1, "which of several instances, from 1", flag_values=values)
    flags.DEFINE_boolean(
        "smallest",
        False,
        "of an instance without a solution, the fewest givens that cannot hold together",
        flag_values=values,
    )
    flags.DEFINE_string("out", None, "draw the steps: a .gif or .png file", flag_values=values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if not arguments and values.problem is None:
        raise UsageError("nothing to explain: name a FILE (- is standard input) or a --problem")
    out = Path(values.out) if values.out else None
    if out and out.suffix.lower() not in (".gif", ".png"):
        raise UsageError(f"--out is a .gif or .png file, not {out.name!r}")
    if values.instance < 1:
        raise UsageError(f"--instance goes from 1, not {values.instance}")
    given = read_inputs(arguments, values.problem, values.size)
    # JAX is imported only now that the command line is known to be right.
    jobs = load_jobs(given)
    position = values.instance - 1
    for job in jobs:
        if position < job.count:
            if out and job.layout is None:
                raise UsageError(f"--out: {job.name} does not say where its variables stand")
            _explain(job, job.masks(position, position + 1)[0], out, smallest=values.smallest)
            return 0
        position -= job.count
    total = sum(job.count for job in jobs)
    raise UsageError(f"--instance={values.instance}: there are {total}")


def _explain(job: Job, given: np.ndarray, out: Path | None, *, smallest: bool) -> None:
    import numpy as np

    from neurosym.explanations import conflict, explain, sentences
    from neurosym.explanations.sentences import constraint_name

    network = job.network
    found = conflict(network, given, smallest=smallest)
    if found.constraints:
        print("The constraints themselves have no solution, whatever is given. These conflict:")
        for placed in found.constraints:
            print(f"  {constraint_name(network, placed)}")
    elif not found.satisfiable:
        print("There is no solution. These cannot hold together, and without any one they can:")
        domains = network.structure.domains
        for i in np.flatnonzero(found.restrictions):
            values = [str(domains[i][v]) for v in np.flatnonzero(given[i])]
            print(f"  {network.structure.names[i]} = {' or '.join(values) or 'nothing'}")
        given = np.where(found.restrictions[:, None], given, np.asarray(network.mask))
    derivation = explain(network, given)
    for number, sentence in enumerate(sentences(network, derivation), 1):
        print(f"{number}. {sentence}")
    solution = _solution(derivation)
    if solution is not None:
        print(job.board(list(network.decode(solution.tolist()).values())))
    if out:
        _draw(job, derivation, out)


def _solution(derivation: Derivation) -> np.ndarray | None:
    if derivation.status == "SOLVED":
        return derivation.left.argmax(axis=1)
    return derivation.solution


def _draw(job: Job, derivation: Derivation, out: Path) -> None:
    import numpy as np

    from neurosym.plots import propagation_trace

    assert job.layout is not None
    frames, titles = [derivation.start], ["start"]
    every = max(1, len(derivation.steps) // _MOST_FRAMES)
    for number, step in enumerate(derivation.steps, 1):
        if number % every == 0 or number == len(derivation.steps):
            frames.append(step.left)
            titles.append(f"step {number}")
    titles[-1] += f": {derivation.status.lower()}"
    propagation_trace(np.stack(frames), out, titles=titles, **job.layout()._asdict())
    print(f"{out}: {titles[-1]}", file=sys.stderr)


COMMAND = Command(
    name="explain",
    usage="explain [FILE...] [--problem=NAME] [--instance=N] [--smallest] [--out=FILE]",
    description=(
        "Says step by step how the solution of one instance follows: which constraint removes "
        "which values, and what it needs for that, steps of the fewest reasons first. Where no "
        "constraint removes anything by itself, values are tried and refuted. Of an instance "
        "without a solution it says which of the givens cannot hold together: a minimal set, with "
        "--smallest the smallest; or which constraints, where nothing that is given is to blame."
    ),
    examples=(
        "neurosym explain puzzle.txt --problem=sudoku",
        "neurosym explain puzzle.txt --problem=sudoku --instance=3 --out=why.gif",
        "neurosym explain formula.cnf --smallest",
    ),
    define_flags=_define_flags,
    run=_run,
)
