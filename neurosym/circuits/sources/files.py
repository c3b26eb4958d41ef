"""Circuits that other compilers made: SDD files, and NNF files of c2d and d4."""

from __future__ import annotations

from pathlib import Path

from neurosym.circuits.building import circuit_of
from neurosym.circuits.circuit import Circuit
from neurosym.circuits.graph import FALSE, TRUE, Graph, GraphBuilder
from neurosym.circuits.sources.nnf import read_nnf
from neurosym.io.sdd import Sdd, Vtree, read_sdd, read_vtree


def from_sdd(sdd_path: str | Path, vtree_path: str | Path) -> Circuit:
    """The circuit of a sentential decision diagram, as the SDD package saves it.

    Its weights are those of literals, elements ``[V, 2]``: see `Circuit`.

    Args:
      sdd_path: the diagram; its last node is the root.
      vtree_path: the vtree that it respects.

    Raises:
      ValueError: a file is cut short or malformed, with its line; it names a node or a variable
        that does not exist; the diagram does not respect the vtree, or the primes of a decision
        cannot be a partition, since they do not have as many models as their variables have
        assignments.
      OSError: a file cannot be read.
    """
    vtree = read_vtree(vtree_path)
    return circuit_of(graph_of_sdd(read_sdd(sdd_path, vtree), vtree), deterministic=True)


def from_nnf(
    path: str | Path, *, variables: int | None = None, deterministic: bool | None = None
) -> Circuit:
    """The circuit of a file in negation normal form, as c2d and d4 write it.

    Its weights are those of literals, elements ``[V, 2]``: see `Circuit`. It need not be smooth.

    Args:
      path: the file, plain or gzip.
      variables: how many there are; None takes the file's number, or in the format of d4, which
        has none, the largest that occurs.
      deterministic: True takes on trust that no model satisfies two branches of an "or", False
        that some may. None looks whether all branches contradict each other in a literal that they
        imply, as those of decisions do; a circuit that is not seen to be deterministic is read in
        idempotent semirings only.

    Raises:
      ValueError: the file is cut short or malformed, with its line; it names a node or a variable
        that does not exist; nodes form a cycle; the circuit is not decomposable.
      OSError: the file cannot be read.
    """
    return circuit_of(read_nnf(path, variables=variables), deterministic=deterministic)


def graph_of_sdd(sdd: Sdd, vtree: Vtree) -> Graph:
    """A decision is an "or" over its elements, an element the "and" of its prime and sub."""
    graph = GraphBuilder(len(vtree.order))
    number: list[int] = []  # of each node of the diagram
    frames: dict[int, tuple[tuple[int, int], ...]] = {}
    _check_partitions(sdd)
    for kind, literal, elements, place, span in zip(
        sdd.kinds, sdd.literals, sdd.elements, sdd.places, sdd.spans, strict=True
    ):
        if kind == "decision":
            start, middle, stop = span
            pairs = [graph.conjoin((number[p], number[s]), place) for p, s in elements]
            frames |= dict.fromkeys(pairs, ((start, middle), (middle, stop)))
            number.append(graph.disjoin(pairs, place))
        elif kind in (FALSE, TRUE):
            number.append((graph.true if kind == TRUE else graph.false)(place))
        else:
            number.append(graph.literal(literal, place))
    return graph.finish(number[-1], order=vtree.order, frames=frames)


def _check_partitions(sdd: Sdd) -> None:
    """Raises where the primes of a decision have more or fewer models than their variables."""
    counts: list[int] = []  # models over the span of each node
    for kind, elements, place, (start, middle, stop) in zip(
        sdd.kinds, sdd.elements, sdd.places, sdd.spans, strict=True
    ):
        if kind != "decision":
            counts.append(0 if kind == "false" else 1)
            continue

        def models(node: int, width: int) -> int:
            first, _, last = sdd.spans[node]
            return counts[node] << (width - (last - first))

        primes = [models(prime, middle - start) for prime, _ in elements]
        if sum(primes) != 1 << (middle - start):
            raise ValueError(f"{place}: the primes of this decision are not a partition")
        subs = [models(sub, stop - middle) for _, sub in elements]
        counts.append(sum(p * s for p, s in zip(primes, subs, strict=True)))
