"""`trace_elimination`: the sums and products of variable elimination, kept as a circuit.

Contracting the tensors of a network sums products of weights. Done once with nodes of a graph in
place of numbers, and with zeros left out, it leaves a circuit that is deterministic, decomposable
and smooth because elimination is right (Darwiche 2003, section 4,
https://doi.org/10.1145/765568.765570; Chavira and Darwiche 2007, "Compiling Bayesian networks using
variable elimination"). It needs no other compiler. Where constraints leave few assignments it is
far smaller than the tensors that `neurosym.total` contracts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from neurosym.circuits.building import circuit_of
from neurosym.circuits.circuit import Circuit
from neurosym.circuits.graph import Graph, GraphBuilder
from neurosym.circuits.sources.network import tensors_of
from neurosym.problems.network import Network
from neurosym.semirings.operations.tensor_network import plan_contraction

MAX_TERMS = 2**21
"""Terms that a trace may take unless the caller says otherwise."""

Labels = Sequence[Hashable]
Sparse = dict[tuple[int, ...], int]
"""From the indices of a tensor to nodes, without those that are false."""

Pair = tuple[int, int]
"""Two nodes that hold together."""


def trace_elimination(network: Network, *, max_terms: int = MAX_TERMS) -> Circuit:
    """Compiles a network to a circuit by eliminating its variables, without PySDD.

    >>> import jax.numpy as jnp
    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> x = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x.sum() == 4)
    >>> circuit = trace_elimination(problem.compile())
    >>> circuit.total(jnp.ones((3, 4), int), semiring=ns.COUNTING).item()
    12

    Args:
      network: the compiled problem.
      max_terms: products that the trace may have.

    Returns:
      A deterministic circuit over weights ``[V, D]`` in the network's order.

    Raises:
      ValueError: if elimination in the order that opt_einsum finds takes more terms.
    """
    graph, weights = graph_of_network(network, max_terms=max_terms)
    structure = network.structure
    return circuit_of(graph, weights, (network.variables, network.size), names=structure.names)


def graph_of_network(
    network: Network, *, max_terms: int = MAX_TERMS
) -> tuple[Graph, dict[int, int]]:
    """The trace as a graph with one literal for each value of each variable.

    Returns:
      The graph, and where the weight of each literal stands among all V × D.
    """
    domains = network.structure.domains
    places = [(i, v) for i, domain in enumerate(domains) for v in range(len(domain))]
    graph = GraphBuilder(len(places))
    leaf = {place: graph.literal(n) for n, place in enumerate(places, start=1)}
    always = graph.true()
    masks, sizes = tensors_of(network)
    labels: list[Labels] = [(i,) for i in range(len(domains))]
    tensors: list[Sparse] = [
        {(v,): leaf[i, v] for v in range(len(domain))} for i, domain in enumerate(domains)
    ]
    for own, mask in masks:
        labels.append(own)
        tensors.append({tuple(index): always for index in np.argwhere(mask).tolist()})
    plan = plan_contraction([tuple(own) for own in labels], (), sizes)
    count = 0
    for step in plan.steps:
        sides = [(labels[n], tensors[n]) for n in (step.left, step.right)]
        pairs = _contract(*sides[0], *sides[1], step.labels, max_terms - count)
        count += sum(map(len, pairs.values()))
        if count >= max_terms:
            raise ValueError(
                f"eliminating the variables takes more than {max_terms:,} products; give a larger "
                "max_terms, or compile with compile_circuit"
            )
        labels.append(step.labels)
        tensors.append({key: graph.disjoin(map(graph.conjoin, own)) for key, own in pairs.items()})
    if plan.steps:
        found = tensors[-1].get(())
        root = graph.false() if found is None else found
    else:
        root = graph.disjoin(tensors[0].values())
    weights = {n: i * network.size + v for n, (i, v) in enumerate(places, start=1)}
    return graph.finish(graph.conjoin([root]), smooth=True), weights


def _contract(
    left_labels: Labels,
    left: Sparse,
    right_labels: Labels,
    right: Sparse,
    output: Labels,
    limit: int,
) -> dict[tuple[int, ...], list[Pair]]:
    """The pairs that each entry of the result adds up; stops when there are ``limit``."""
    shared = [label for label in left_labels if label in right_labels]
    left_at, right_at = (
        [list(own).index(label) for label in shared] for own in (left_labels, right_labels)
    )
    partners: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = {}
    for index, node in right.items():
        key = tuple(index[n] for n in right_at)
        partners.setdefault(key, []).append((index, node))
    joined = [*left_labels, *right_labels]
    kept = [joined.index(label) for label in output]
    pairs: dict[tuple[int, ...], list[Pair]] = {}
    count = 0
    for index, node in left.items():
        for other, beside in partners.get(tuple(index[n] for n in left_at), ()):
            both = index + other
            pairs.setdefault(tuple(both[n] for n in kept), []).append((node, beside))
            count += 1
        if count >= limit:
            break
    return pairs
