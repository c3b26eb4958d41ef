"""From a graph to a circuit: rows, bounds, schedules, tables."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.circuits.circuit import Circuit, layers_of
from neurosym.circuits.graph import Graph, rows_of
from neurosym.circuits.layout import lay_out
from neurosym.circuits.rows import FIRST_LEAF, ONE, Rows, bound


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
        rows, root, places, shape, literals=literals, deterministic=deterministic
    )


def circuit_of_rows(
    rows: Rows,
    root: int,
    weights: Sequence[int],
    shape: tuple[int, int],
    *,
    literals: bool,
    deterministic: bool,
) -> Circuit:
    """The circuit of rows, given where the weight of each leaf stands; else as `build`."""
    bounded = bound(rows, root)
    tables, top = lay_out(bounded, weights, shape[0] * shape[1])
    return Circuit(
        tables=tables,
        root=top,
        shape=shape,
        literals=literals,
        deterministic=deterministic,
        layers=layers_of(bounded.terms, FIRST_LEAF + bounded.leaves),
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
