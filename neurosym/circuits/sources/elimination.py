"""`trace_elimination`: the sums and products of variable elimination, kept as a circuit.

Contracting the tensors of a network sums products of weights. Done once with rows of a circuit in
place of numbers, and with what is zero left out, it leaves a circuit that is deterministic,
decomposable and smooth because elimination is right (Darwiche 2003, section 4,
https://doi.org/10.1145/765568.765570; Chavira and Darwiche 2007, "Compiling Bayesian networks using
variable elimination"). It needs no other compiler. Where constraints leave few assignments it is
far smaller than the tensors that `neurosym.total` contracts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from neurosym.circuits.circuit import Circuit
from neurosym.circuits.evaluation.building import circuit_of_rows
from neurosym.circuits.evaluation.sums import FIRST_LEAF, ONE, ZERO, Rows, Term
from neurosym.circuits.sources.network import tensors_of
from neurosym.problems.network import Network
from neurosym.semirings.operations.tensor_network import plan_contraction

MAX_TERMS = 2**21
"""Terms that a trace may take unless the caller says otherwise."""

Labels = Sequence[Hashable]
Sparse = dict[tuple[int, ...], int]
"""From the indices of a tensor to rows, without those that are zero."""


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
    domains = network.structure.domains
    places = [(i, v) for i, domain in enumerate(domains) for v in range(len(domain))]
    leaf = {place: FIRST_LEAF + n for n, place in enumerate(places)}
    rows = Rows(len(places))
    masks, sizes = tensors_of(network)
    labels: list[Labels] = [(i,) for i in range(len(domains))]
    tensors: list[Sparse] = [
        {(v,): leaf[i, v] for v in range(len(domain))} for i, domain in enumerate(domains)
    ]
    for own, mask in masks:
        labels.append(own)
        tensors.append({tuple(index): ONE for index in np.argwhere(mask).tolist()})
    plan = plan_contraction([tuple(own) for own in labels], (), sizes)
    count = 0
    for step in plan.steps:
        sides = [(labels[n], tensors[n]) for n in (step.left, step.right)]
        terms = _contract(*sides[0], *sides[1], step.labels, max_terms - count)
        count += sum(map(len, terms.values()))
        if count >= max_terms:
            raise ValueError(
                f"eliminating the variables takes more than {max_terms:,} products; give a larger "
                "max_terms, or compile with compile_circuit"
            )
        found = {key: rows.sum(rows.product(term) for term in own) for key, own in terms.items()}
        labels.append(step.labels)
        tensors.append({key: row for key, row in found.items() if row != ZERO})
    if plan.steps:
        root = tensors[-1].get((), ZERO)
    else:
        root = rows.sum(rows.product([row]) for row in tensors[0].values())
    weights = [i * network.size + v for i, v in places]
    shape = (network.variables, network.size)
    return circuit_of_rows(
        rows, [[(root, ONE)]], weights, shape, literals=False, deterministic=True
    )


def _contract(
    left_labels: Labels,
    left: Sparse,
    right_labels: Labels,
    right: Sparse,
    output: Labels,
    limit: int,
) -> dict[tuple[int, ...], list[Term]]:
    """The terms of each entry of the result; stops when there are ``limit``."""
    shared = [label for label in left_labels if label in right_labels]
    left_at, right_at = (
        [list(own).index(label) for label in shared] for own in (left_labels, right_labels)
    )
    partners: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = {}
    for index, row in right.items():
        key = tuple(index[n] for n in right_at)
        partners.setdefault(key, []).append((index, row))
    joined = [*left_labels, *right_labels]
    kept = [joined.index(label) for label in output]
    terms: dict[tuple[int, ...], list[Term]] = {}
    count = 0
    for index, row in left.items():
        for other, beside in partners.get(tuple(index[n] for n in left_at), ()):
            both = index + other
            terms.setdefault(tuple(both[n] for n in kept), []).append((row, beside))
            count += 1
        if count >= limit:
            break
    return terms
