"""A derivation in sentences, with the user's names and values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurosym.explanations.derivation import Derivation, Step
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.network import Network

_MOST_NAMES = 12


def sentences(network: Network, derivation: Derivation) -> Iterator[str]:
    """One sentence for each step, and one for the end.

    >>> from neurosym.explanations import explain
    >>> from neurosym.problems import AllDifferent, Problem
    >>> problem = Problem()
    >>> a, b = (problem.variable(name, domain=(1, 2)) for name in "ab")
    >>> problem.add(AllDifferent([a, b]))
    >>> network = problem.compile()
    >>> print(*sentences(network, explain(network, network.restrict({a: 1}))), sep="\\n")
    b is not 1, so b = 2: all different (a, b), as a = 1.
    All 2 variables have their values.
    """
    before = derivation.start
    for step in derivation.steps:
        yield _of_step(network, step, before)
        before = step.left
    names = network.structure.names
    if derivation.status == "SOLVED":
        yield f"All {len(names)} variables have their values."
    elif derivation.status == "CONTRADICTION":
        empty = [names[i] for i in np.flatnonzero(~before.any(axis=1))]
        yield f"Nothing is left for {_listed(empty)}: there is no solution."
    elif derivation.solution is None:
        yield "No single step leads on, and a search shows that there is no solution."
    else:
        open_ = int((before.sum(axis=1) > 1).sum())
        yield f"No single step leads on: {open_} variables are open, and a search finds a solution."


def constraint_name(network: Network, placed: Placed) -> str:
    """The kind of a constraint and its variables."""
    names = [network.structure.names[i] for i in placed.scope]
    return f"{placed.kind.replace('_', ' ')} ({_listed(names)})"


def _of_step(network: Network, step: Step, before: np.ndarray) -> str:
    structure = network.structure
    of: dict[int, list[str]] = {}
    for variable, value in step.removed:
        of.setdefault(variable, []).append(str(structure.domains[variable][value]))
    removed = "; ".join(f"{structure.names[i]} is not {_or(values)}" for i, values in of.items())
    fixed = [
        f"{structure.names[i]} = {structure.domains[i][int(step.left[i].argmax())]}"
        for i in of
        if step.left[i].sum() == 1 and before[i].sum() > 1
    ]
    text = removed + (f", so {', '.join(fixed)}" if fixed else "")
    if step.constraint is None:
        return f"{text}: tried, it leads to a contradiction."
    because = [_domain(network, i, before[i]) for i in step.reasons]
    reason = f", as {', '.join(because)}" if because else ""
    return f"{text}: {constraint_name(network, step.constraint)}{reason}."


def _domain(network: Network, variable: int, left: np.ndarray) -> str:
    values = [str(network.structure.domains[variable][v]) for v in np.flatnonzero(left)]
    name = network.structure.names[variable]
    if len(values) == 1:
        return f"{name} = {values[0]}"
    return f"{name} is {_or(values)}"


def _or(values: list[str]) -> str:
    if not values:
        return "nothing"
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _listed(names: list[str]) -> str:
    shown = names[:_MOST_NAMES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
