"""`neurosym infer`: sums, marginals and best assignments of Bayesian networks and random fields.

A file becomes a network with potentials (`neurosym.languages`), each instance of the evidence is
answered (`neurosym.reasoning.weighted`), and answers become lines.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

from neurosym.cli.command import Command, UsageError

if TYPE_CHECKING:
    from neurosym.io import Text
    from neurosym.languages.graphical_model import GraphicalModel
    from neurosym.reasoning.weighted import Weighed

TASKS = ("mpe", "mar", "pr")


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "task",
        None,
        "pr, the logarithm (base 10) of the sum of all weights; mar, the probability of each "
        "value; or mpe, the assignment of greatest weight",
        flag_values=values,
    )
    flags.DEFINE_string(
        "evidence",
        None,
        "an .evid file: the variables that are observed, one instance or several",
        flag_values=values,
    )
    flags.DEFINE_string(
        "observe",
        None,
        "evidence in place of a file: NAME=VALUE,NAME=VALUE",
        flag_values=values,
    )
    flags.DEFINE_float(
        "memory",
        1.0,
        "GiB that exact inference on one instance may take; beyond it the answer is that of "
        "belief propagation, or of a search with a limit, and its status says so",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "json", False, "print one JSON object on each line, one an instance", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if len(arguments) != 1:
        raise UsageError("name one FILE, a .uai or .bif; - is standard input")
    if values.task not in TASKS:
        raise UsageError(f"--task is {', '.join(TASKS)}, not {values.task!r}")
    if values.evidence and values.observe:
        raise UsageError("--evidence and --observe exclude each other")
    if not values.memory > 0:
        raise UsageError(f"--memory is a number above 0, not {values.memory}")
    from neurosym.io import read_text

    text = read_text(arguments[0])
    evidence = read_text(values.evidence) if values.evidence else None
    # JAX is imported only now that the command line is known to be right.
    return _answer(text, evidence, values)


def _answer(text: Text, evidence_text: Text | None, values: flags.FlagValues) -> int:
    from neurosym.cli.runtime import prepare_jax

    prepare_jax()
    import jax

    from neurosym.languages.uai import uai_evidence
    from neurosym.reasoning import weighted
    from neurosym.soft import Effort

    with jax.enable_x64(True):  # sums of many logarithms
        named = text.name.lower().removesuffix(".gz").endswith(".bif")
        model = _read(text, named)
        sizes = [len(domain) for domain in model.network.structure.domains]
        if evidence_text is not None:
            instances = uai_evidence(evidence_text, sizes)
        else:
            instances = [_observed(values.observe, model)]
        begin = time.monotonic()
        asked = weighted.Model(model.network, jax.device_put(model.weights), model.potentials)
        effort = Effort(memory_limit=max(1, int(values.memory * 2**30)))
        ask = {"mpe": weighted.best, "mar": weighted.marginals, "pr": weighted.partition}
        if not values.json and not named:
            print(values.task.upper())
        standings = []
        for evidence in instances:
            mask = np.array(model.network.mask)
            for row, value in evidence.items():
                mask[row] = np.arange(mask.shape[1]) == value
            found = ask[values.task](asked, jax.device_put(mask), effort)
            standings.append(found.standing.value)
            show = _json if values.json else _by_name if named else _competition
            print(show(values.task, model, found), flush=True)
    statuses = ", ".join(f"{standings.count(s)} {s}" for s in dict.fromkeys(standings))
    print(
        f"{text.name}: {len(sizes)} variables, {statuses}; {time.monotonic() - begin:.2f} s with "
        "compiling",
        file=sys.stderr,
    )
    return 0


def _read(text: Text, named: bool) -> GraphicalModel:
    if named:
        from neurosym.languages.bif import bif_model

        return bif_model(text)
    from neurosym.languages.uai import uai_model

    return uai_model(text)


def _observed(observe: str | None, model: GraphicalModel) -> dict[int, int]:
    """Evidence of the command line."""
    found: dict[int, int] = {}
    for part in (observe or "").split(",") if observe else []:
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"--observe is NAME=VALUE,NAME=VALUE; {part!r} has no =")
        row = model.network.index(name.strip())
        domain = [str(x) for x in model.network.structure.domains[row]]
        if value.strip() not in domain:
            raise UsageError(
                f"--observe: {name.strip()} is {', '.join(domain)}; not {value.strip()!r}"
            )
        found[row] = domain.index(value.strip())
    return found


def _competition(task: str, model: GraphicalModel, found: Weighed) -> str:
    """The line of the UAI competitions."""
    sizes = [len(domain) for domain in model.network.structure.domains]
    if task == "pr":
        return f"{float(found.value) / math.log(10):.10g}"
    if task == "mpe":
        return " ".join(map(str, [len(sizes), *found.value.tolist()]))
    parts = [str(len(sizes))]
    for row, size in zip(found.value.tolist(), sizes, strict=True):
        parts += [str(size), *(f"{p:.9g}" for p in row[:size])]
    return " ".join(parts)


def _by_name(task: str, model: GraphicalModel, found: Weighed) -> str:
    """A line for each variable."""
    content = _content(task, model, found)
    if task == "pr":
        return f"log10 {content['log10']:.10g}"
    if task == "mpe":
        return "\n".join(f"{name} {value}" for name, value in content["assignment"].items())
    return "\n".join(
        f"{name}  " + "  ".join(f"{value} {p:.6f}" for value, p in row.items())
        for name, row in content["marginals"].items()
    )


def _json(task: str, model: GraphicalModel, found: Weighed) -> str:
    return json.dumps({"task": task, "status": found.standing.value} | _content(task, model, found))


def _content(task: str, model: GraphicalModel, found: Weighed) -> dict[str, Any]:
    structure = model.network.structure
    if task == "pr":
        return {"log10": _finite(float(found.value) / math.log(10))}
    if task == "mpe":
        return {
            "assignment": _decoded(structure.names, structure.domains, found.value.tolist()),
            "log10": _finite(_in_tens(found.log_weight)),
            "bound": _finite(_in_tens(found.bound)),
        }
    rows = zip(structure.names, structure.domains, found.value.tolist(), strict=True)
    return {
        "marginals": {
            name: {str(value): p for value, p in zip(domain, row, strict=False)}
            for name, domain, row in rows
        }
    }


def _decoded(
    names: Sequence[str], domains: Sequence[Sequence[Any]], values: Sequence[int]
) -> dict[str, Any]:
    every = zip(names, domains, values, strict=True)
    return {name: domain[value] if value >= 0 else None for name, domain, value in every}


def _in_tens(log: float | None) -> float:
    return math.nan if log is None else log / math.log(10)


def _finite(x: float) -> float | None:
    """JSON has no infinity: null says that there is nothing."""
    return x if math.isfinite(x) else None


COMMAND = Command(
    name="infer",
    usage="infer FILE --task=mpe|mar|pr [--evidence=FILE | --observe=NAME=VALUE,...] [--json]",
    description=(
        "Reads a Bayesian network or a Markov random field, a .uai file (MARKOV or BAYES) or a "
        ".bif file, gzip or not, and answers one question for each instance of the evidence. The "
        "answer is exact where elimination fits into --memory. Otherwise it is that of belief "
        "propagation, whose status says whether it converged, or for mpe of a branch and bound "
        "with a limit, with a bound on what it may have missed. A .uai file gets the lines that "
        "UAI competitions ask for, a .bif file names."
    ),
    examples=(
        "neurosym infer network.uai --task=mar --evidence=network.uai.evid",
        "neurosym infer alarm.bif.gz --task=mpe --observe=HRBP=HIGH,PRESS=NORMAL --json",
        "neurosym infer grid.uai.gz --task=pr",
    ),
    define_flags=_define_flags,
    run=_run,
)
