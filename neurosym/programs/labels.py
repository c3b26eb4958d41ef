"""The choice that a clause makes for one grounding of its variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

from neurosym.programs.clauses import Clause, Learnable
from neurosym.programs.ground import Choice
from neurosym.programs.probabilities import TOLERANCE, check_total, probability
from neurosym.programs.terms import (
    Bindings,
    Term,
    Variable,
    is_ground,
    resolve,
    show,
    show_all,
    to_python,
)


def choice_of(clause: Clause, bindings: Bindings) -> tuple[Hashable, Callable[[], Choice]]:
    """What tells this choice from others, and how it is made where it is new."""
    output = clause.neural.output if clause.neural else None
    values = [resolve(v, bindings) for v in clause.variables if v is not output]
    key = (clause.number, *["_" if isinstance(x, Variable) else x for x in values])
    return key, lambda: _neural(clause, bindings) if clause.neural else _stated(clause, bindings)


def _stated(clause: Clause, bindings: Bindings) -> Choice:
    weights: list[float] = []
    learned = [isinstance(head.label, Learnable) for head in clause.heads]
    for head in clause.heads:
        if isinstance(head.label, Learnable):
            weights.append(math.nan if head.label.initial is None else head.label.initial)
        else:
            weights.append(probability(head.label, bindings, clause.place))
    known = math.fsum(x for x in weights if not math.isnan(x))
    check_total([known], clause.place)
    open_ones = sum(map(math.isnan, weights))
    if open_ones:  # an equal share of what is left, for each of them and for none
        share = max(0.0, 1 - known) / (open_ones + 1)
        weights = [share if math.isnan(x) else x for x in weights]
    rest = max(0.0, 1 - math.fsum(weights))
    atoms: list[Term | None] = [resolve(head.atom, bindings) for head in clause.heads]
    free = tuple(learned)
    if rest > TOLERANCE or any(learned) or len(weights) == 1:
        weights.append(rest)
        atoms.append(None)
        free = (*free, True)
    place = clause.place
    return Choice(
        name=_name(clause, atoms),
        outcomes=tuple(atoms),
        probabilities=tuple(weights),
        group=f"{place.line}:{place.column}" if any(learned) else None,
        free=free if any(learned) else (),
    )


def _neural(clause: Clause, bindings: Bindings) -> Choice:
    neural = clause.neural
    assert neural is not None
    inputs = tuple(resolve(x, bindings) for x in neural.inputs)
    if not all(is_ground(x) for x in inputs):
        raise clause.place.error(
            f"the inputs [{show_all(inputs)}] of the network {neural.name} are not bound"
        )
    atom = clause.heads[0].atom
    if neural.output is None:
        outcomes: list[Term | None] = [resolve(atom, bindings), None]
    else:
        free = {v: x for v, x in bindings.items() if v is not neural.output}
        outcomes = [resolve(atom, {**free, neural.output: value}) for value in neural.values]
    return Choice(
        name=f"{neural.name}({show_all(inputs)})",
        outcomes=tuple(outcomes),
        probabilities=(math.nan,) * len(outcomes),
        network=(neural.name, inputs),
        labels=tuple(map(to_python, neural.values)),
    )


def _name(clause: Clause, atoms: list[Term | None]) -> str:
    said = "; ".join(show(x) for x in atoms if x is not None)
    return f"{said} (line {clause.place.line})"
