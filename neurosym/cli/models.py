"""`neurosym solve` for models of other tools: what a file is, how it is searched, what is printed.

.xml   XCSP3-core           o, s and v lines of the XCSP3 competition
.wcnf  weighted clauses     o, s and v lines of the MaxSAT evaluations
.opb   pseudo-Boolean       o, s and v lines of the PB competition
.wcsp  a cost network       o, s and v lines; v has one value for each variable
.mzn   MiniZinc             refused, with what to do
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neurosym.cli.command import UsageError

if TYPE_CHECKING:
    from neurosym.io import Text
    from neurosym.languages.search import Outcome

SUFFIXES = (".xml", ".wcnf", ".opb", ".wcsp", ".mzn", ".fzn")

STATUS_LINES = {
    "OPTIMAL": "OPTIMUM FOUND",
    "FEASIBLE": "SATISFIABLE",
    "UNSATISFIABLE": "UNSATISFIABLE",
    "UNKNOWN": "UNKNOWN",
}


def suffix_of(name: str) -> str | None:
    """The suffix of a file of a model, or None for another file."""
    lower = name.lower().removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), None)


def solve_models(
    arguments: Sequence[str], *, time_limit: float | None, count_all: bool, as_json: bool
) -> int:
    """Solves files one after another and prints the answers.

    Args:
      arguments: paths.
      time_limit: seconds for each of them.
      count_all: count the solutions, of a model without an objective.
      as_json: one object for each file.

    Raises:
      UsageError: for a limit below zero, or kinds of files that do not go together.
      ValueError: for a file that is wrong, or a model that has no translation, by name.
    """
    if time_limit is not None and not time_limit >= 0:
        raise UsageError(f"--time_limit is a number of seconds from 0 up, not {time_limit}")
    kinds = [suffix_of(name) for name in arguments]
    if None in kinds:
        strange = arguments[kinds.index(None)]
        raise UsageError(f"{strange} is not a model, but other files are: solve them apart")
    if any(kind in (".mzn", ".fzn") for kind in kinds):
        raise UsageError(
            "MiniZinc models are not read yet: write the model for XCSP3 or for CPMpy "
            "(neurosym.Problem.from_cpmpy), which both have MiniZinc's globals"
        )
    from neurosym.io import read_text

    texts = [read_text(name) for name in arguments]
    # JAX is imported only now that the command line is known to be right.
    from neurosym.cli.runtime import prepare_jax

    prepare_jax()
    for text, kind in zip(texts, kinds, strict=True):
        begin = time.monotonic()
        search = _cost_network if kind == ".wcsp" else _model
        answer = search(text, str(kind), begin, time_limit, count_all)
        print(_json(answer) if as_json else _lines(answer, str(kind)), flush=True)
        seconds = time.monotonic() - begin
        objective = "" if answer.objective is None else f", objective {answer.objective:,}"
        count = "" if answer.total is None else f", {answer.total:,} solutions"
        print(f"{text.name}: {answer.status}{objective}{count}; {seconds:.2f} s", file=sys.stderr)
    return 0


class _Answer(NamedTuple):
    name: str
    status: str  # of CPMpy's ExitStatus
    objective: int | None
    values: dict[str, Any] | None  # of the variables of the file
    total: int | None = None  # solutions


def _model(
    text: Text, kind: str, begin: float, time_limit: float | None, count_all: bool
) -> _Answer:
    try:
        from neurosym.languages.cpmpy import CPM_neurosym, files
        from neurosym.languages.cpmpy.library import NotSupportedError
    except ModuleNotFoundError as error:
        raise ValueError(f"{text.name}: {error}") from None
    read = {".xml": files.xcsp3_model, ".wcnf": files.wcnf_model, ".opb": files.opb_model}[kind]
    try:
        solver = CPM_neurosym(read(text))
    except (ModuleNotFoundError, NotSupportedError, NotImplementedError) as error:
        raise ValueError(f"{text.name}: {error}") from None
    if count_all and solver.has_objective():
        raise UsageError(f"{text.name} has an objective: --count=all counts without one")
    left = None if time_limit is None else max(0.0, begin + time_limit - time.monotonic())
    count = solver.solveAll(time_limit=left) if count_all else None
    if not count_all:
        solver.solve(time_limit=left)
    status = solver.status().exitstatus.name
    values = None
    if status in ("OPTIMAL", "FEASIBLE"):
        named = sorted(solver.user_vars, key=lambda x: _natural(x.name))
        values = {x.name: int(x.value()) for x in named}
    return _Answer(text.name, status, solver.objective_value(), values, count)


def _cost_network(
    text: Text, kind: str, begin: float, time_limit: float | None, count_all: bool
) -> _Answer:
    import jax

    from neurosym.languages.wcsp import wcsp_model
    from neurosym.soft import TooWideError, k_best

    if count_all:
        raise UsageError(f"{text.name} is a cost network, which has no count")
    costs = wcsp_model(text)
    network, weights, potentials = costs.model.network, costs.model.weights, costs.model.potentials
    deadline = None if time_limit is None else begin + time_limit

    def answer(found: Outcome) -> _Answer:
        if found.objective is not None and found.objective >= costs.bound:
            return _Answer(text.name, "UNSATISFIABLE", None, None)
        values = None
        if found.assignment is not None:
            values = dict(zip(network.structure.names, found.assignment.tolist(), strict=True))
        return _Answer(text.name, found.status, found.objective, values)

    from neurosym.languages.search import Outcome, cheapest

    if deadline is not None and time.monotonic() >= deadline:
        return answer(Outcome("UNKNOWN", None, None))

    def cost_of(assignment: np.ndarray) -> int:
        return costs.constant - round(costs.model.log_weight(assignment.tolist()))

    try:
        with jax.enable_x64(True):  # whole costs are exact there
            found = k_best(network, jax.device_put(weights), k=1, potentials=potentials)
    except TooWideError:
        mask = np.asarray(network.mask)
        given = jax.device_put(weights.astype(np.float32))
        outcome = cheapest(network, mask, given, cost_of, deadline, potentials=potentials)
        if outcome.status == "OPTIMAL" and not costs.exact_in_float32:
            outcome = outcome._replace(status="FEASIBLE")
        return answer(outcome)
    if not int(found.found):
        return answer(Outcome("UNSATISFIABLE", None, None))
    best = np.asarray(found.assignments[0])
    return answer(Outcome("OPTIMAL", best, cost_of(best)))


def _lines(answer: _Answer, kind: str) -> str:
    """The lines of the competition of the format."""
    lines = []
    if answer.total is not None:
        lines.append(f"c {answer.total} solutions")
    if answer.objective is not None:
        lines.append(f"o {answer.objective}")
    status = STATUS_LINES[answer.status]
    if answer.status == "OPTIMAL" and answer.objective is None:
        status = "SATISFIABLE"  # all solutions of a model without an objective
    lines.append(f"s {status}")
    if answer.values is None:
        return "\n".join(lines)
    values = answer.values
    if kind == ".wcnf":
        lines.append(f"v {''.join(map(str, values.values()))}")
    elif kind == ".opb":
        lines.append("v " + " ".join(x if v else f"-{x}" for x, v in values.items()))
    elif kind == ".wcsp":
        lines.append("v " + " ".join(map(str, values.values())))
    else:
        cost = "" if answer.objective is None else f" cost='{answer.objective}'"
        kind = "optimum" if answer.status == "OPTIMAL" and cost else "solution"
        lines += [
            f"v <instantiation type='{kind}'{cost}>",
            f"v   <list> {' '.join(values)} </list>",
            f"v   <values> {' '.join(map(str, values.values()))} </values>",
            "v </instantiation>",
        ]
    return "\n".join(lines)


def _json(answer: _Answer) -> str:
    found = {
        "name": answer.name,
        "status": answer.status,
        "objective": answer.objective,
        "assignment": answer.values,
    }
    return json.dumps(found if answer.total is None else found | {"count": answer.total})


def _natural(name: str) -> list[Any]:
    """Sorts x2 before x10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
