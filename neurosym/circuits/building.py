"""`circuit_of`: the one door from a graph to a circuit, by sums, bounds, schedules and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neurosym.circuits.circuit import Circuit
from neurosym.circuits.evaluation.layout import lay_out
from neurosym.circuits.evaluation.roots import Answers
from neurosym.circuits.evaluation.smoothing import sums_of
from neurosym.circuits.evaluation.sums import FIRST_LEAF, ONE, Term, bound
from neurosym.circuits.graph import Graph


def circuit_of(
    graph: Graph,
    weights: Mapping[int, int] | None = None,
    shape: tuple[int, int] | None = None,
    *,
    deterministic: bool | None = None,
    names: Sequence[str] = (),
) -> Circuit:
    """The circuit of a graph, to be read in any semiring.

    >>> import jax.numpy as jnp
    >>> import neurosym as ns
    >>> graph = ns.circuits.GraphBuilder(variables=2)
    >>> x1, not_x1, x2 = (graph.literal(n) for n in (1, -1, 2))
    >>> either = graph.disjoin([x1, graph.conjoin([not_x1, x2])])
    >>> circuit = circuit_of(graph.finish(either))
    >>> circuit.total(jnp.ones((2, 2), int), semiring=ns.COUNTING).item()
    3

    Args:
      graph: decomposable.
      weights: where the weight of a literal stands among all V × D, for a graph whose literals
        stand for values of variables; literals that are not there weigh one. By default the weights
        are those of the literals, ``[V, 2]``.
      shape: of the weights, (V, D); given together with ``weights``.
      deterministic: True takes on trust that no model satisfies two branches of an "or", False that
        some may. None looks whether all branches contradict each other in a literal that they
        imply, as those of decisions do; a circuit that is not seen to be deterministic is read in
        idempotent semirings only.
      names: of the V variables, for `Circuit.query`.

    Raises:
      ValueError: if the graph is not decomposable.
    """
    if deterministic is None:
        deterministic = graph.deterministic() is None
    literals = weights is None
    if weights is None or shape is None:
        weights, shape = _of_literals(graph.variables), (graph.variables, 2)
    leaf = dict.fromkeys((s * v for v in range(1, graph.variables + 1) for s in (1, -1)), ONE)
    leaf |= {literal: FIRST_LEAF + n for n, literal in enumerate(weights)}
    sums, roots = sums_of(graph, leaf, len(weights))
    bounded = bound(sums, roots)
    apart = [own for own in bounded.roots if len(own) != 1 or ONE not in own[0]]
    return Circuit(
        tables=lay_out(bounded, list(weights.values()), shape[0] * shape[1]),
        answers=Answers(tuple(graph.answers)),
        shape=shape,
        sizes=_sizes(weights.values(), shape),
        literals=literals,
        deterministic=deterministic,
        layers=_layers([*bounded.terms, *apart], FIRST_LEAF + bounded.leaves),
        names=tuple(names),
    )


def _of_literals(variables: int) -> dict[int, int]:
    """Where the weight of each literal stands in ``[V, 2]``: true before false."""
    return {
        sign * variable: 2 * (variable - 1) + (sign < 0)
        for variable in range(1, variables + 1)
        for sign in (1, -1)
    }


def _sizes(places: Iterable[int], shape: tuple[int, int]) -> tuple[int, ...]:
    """How many values each variable has: those up to the last that has a weight."""
    sizes = [0] * shape[0]
    for place in places:
        variable, value = divmod(place, shape[1])
        sizes[variable] = max(sizes[variable], value + 1)
    return tuple(sizes)


def _layers(terms: Sequence[Sequence[Term]], first: int) -> tuple[tuple[int, int], ...]:
    """Rows and terms of each layer, of rows from ``first`` on that follow what they use."""
    depth = [0] * first
    sizes: dict[int, tuple[int, int]] = {}
    for own in terms:
        depth.append(1 + max(depth[row] for term in own for row in term))
        rows, count = sizes.get(depth[-1], (0, 0))
        sizes[depth[-1]] = (rows + 1, count + len(own))
    return tuple(sizes[n] for n in sorted(sizes))
