"""A question as a `Problem`: a variable for each choice, one for the answer, and what ties them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator

from neurosym.circuits.graph import AND, LITERAL, OR, TRUE, Graph
from neurosym.problems.constraints.table import Table
from neurosym.problems.problem import Problem
from neurosym.programs.ground import Choice
from neurosym.programs.question import ProgramQuery
from neurosym.programs.syntax import ProgramError
from neurosym.programs.terms import Term, show, to_python

MAX_WORLDS = 200_000
"""Rows of the table that says which answer a world has."""


def problem_of(question: ProgramQuery) -> Problem:
    """A question with exactly one answer in every world, as variables and a constraint.

    The variables are the choices, by name, over what their values say; and ``answer``, over the
    answers.

    Raises:
      ProgramError: if some world has no answer or several, or there are too many worlds.
    """
    ground, width = question.ground, question.compiled.width
    if ground.evidence:
        raise ProgramError("a question with evidence is not a problem: ask it without")
    sizes = [choice.size for choice in ground.choices]
    worlds = math.prod(sizes)
    if worlds > MAX_WORLDS:
        raise ProgramError(
            f"the question has {worlds:,} worlds, more than the {MAX_WORLDS:,} that a table takes"
        )
    names = list(question.answers)
    rows: dict[tuple[int, ...], int] = {}
    roots = question.compiled.graph.roots[: len(names)]  # without answers it has one all the same
    for number, root in enumerate(roots):
        for model in _models(question.compiled.graph, root):
            fixed = {(x - 1) // width: (x - 1) % width for x in model}
            options = [[fixed[c]] if c in fixed else range(n) for c, n in enumerate(sizes)]
            for world in itertools.product(*options):
                if rows.setdefault(world, number) != number:
                    raise ProgramError(
                        f"{names[rows[world]]} and {names[number]} hold in one world: the question "
                        "is not a problem with one answer"
                    )
    if len(rows) < worlds:
        raise ProgramError("in some world no answer holds: the question is not a problem")
    problem = Problem()
    domains = [_domain(choice) for choice in ground.choices]
    variables = [
        problem.variable(choice.name, domain=domain)
        for choice, domain in zip(ground.choices, domains, strict=True)
    ]
    answer = problem.variable("answer", domain=names)
    table = [
        (*[domain[v] for domain, v in zip(domains, world, strict=True)], names[number])
        for world, number in rows.items()
    ]
    problem.add(Table((*variables, answer), tuple(table)))
    return problem


def _domain(choice: Choice) -> list[Hashable]:
    """What the values say: a network's outputs, or atoms; None for none of them."""
    found: list[Hashable] = []
    for atom in choice.outcomes:
        found.append(None if atom is None else _said(atom, choice))
    return found


def _said(atom: Term, choice: Choice) -> Hashable:
    """The one argument in which the outcomes of a network differ, else the atom."""
    others = [x for x in choice.outcomes if isinstance(x, tuple)]
    if choice.network is not None and isinstance(atom, tuple) and len(others) == choice.size:
        places = [
            n
            for n in range(1, len(atom))
            if len({str(other[n]) for other in others}) == choice.size
        ]
        if places:
            value = to_python(atom[places[0]])
            return show(atom[places[0]]) if isinstance(value, list) else value
    return show(atom)


def _models(graph: Graph, root: int) -> Iterator[tuple[int, ...]]:
    """The positive literals of each model of a root."""
    kind, children = graph.kinds[root], graph.children[root]
    if kind == LITERAL:
        yield (graph.literals[root],)
    elif kind == TRUE:
        yield ()
    elif kind == OR:
        for child in children:
            yield from _models(graph, child)
    elif kind == AND:
        for parts in itertools.product(*[list(_models(graph, child)) for child in children]):
            yield tuple(itertools.chain(*parts))
