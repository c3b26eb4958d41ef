"""From a graph to a circuit: rows, bounds, schedules, tables."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from neurosym.circuits.circuit import Circuit, layers_of
from neurosym.circuits.evaluation.layout import lay_out
from neurosym.circuits.evaluation.roots import Answers
from neurosym.circuits.evaluation.sums import FIRST_LEAF, ONE, Rows, Term, bound
from neurosym.circuits.graph import Graph, rows_of


def build(
    graph: Graph,
    weights: dict[int, int],
    shape: tuple[int, int],
    *,
    literals: bool,
    deterministic: bool,
) -> Circuit:
    """The circuit of a graph.

    Args:
      graph: decomposable.
      weights: where the weight of a literal stands among all V × D; literals that are not there
        weigh one.
      shape: of the weights, (V, D).
      literals: whether the weights are those of literals.
      deterministic: whether the graph is.

    Raises:
      ValueError: if the graph is not decomposable.
    """
    leaf = dict.fromkeys((s * v for v in range(1, graph.variables + 1) for s in (1, -1)), ONE)
    leaf |= {literal: FIRST_LEAF + n for n, literal in enumerate(weights)}
    rows, root = rows_of(graph, leaf, len(weights))
    places = list(weights.values())
    return circuit_of_rows(
        rows, [[(root, ONE)]], places, shape, literals=literals, deterministic=deterministic
    )


def circuit_of_rows(
    rows: Rows,
    roots: Sequence[Sequence[Term]],
    weights: Sequence[int],
    shape: tuple[int, int],
    *,
    literals: bool,
    deterministic: bool,
    answers: Sequence[Hashable] = (True,),
) -> Circuit:
    """The circuit of rows; else as `build`.

    Args:
      rows: of which those are kept that a root needs.
      roots: the terms of each root.
      weights: where the weight of each leaf stands.
      shape: of the weights, (V, D).
      literals: whether the weights are those of literals.
      deterministic: whether no root counts a model twice.
      answers: what each root stands for.
    """
    bounded = bound(rows, roots)
    sums = [own for own in bounded.roots if len(own) != 1 or ONE not in own[0]]
    return Circuit(
        tables=lay_out(bounded, weights, shape[0] * shape[1]),
        answers=Answers(tuple(answers)),
        shape=shape,
        literals=literals,
        deterministic=deterministic,
        layers=layers_of([*bounded.terms, *sums], FIRST_LEAF + bounded.leaves),
    )


def build_formula(graph: Graph, *, deterministic: bool) -> Circuit:
    """The circuit of a graph whose weights are those of its literals, ``[V, 2]``."""
    weights = {
        sign * variable: 2 * (variable - 1) + (sign < 0)
        for variable in range(1, graph.variables + 1)
        for sign in (1, -1)
    }
    shape = (graph.variables, 2)
    return build(graph, weights, shape, literals=True, deterministic=deterministic)
