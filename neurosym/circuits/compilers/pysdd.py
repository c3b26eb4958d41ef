"""`compile_circuit`: a network through clauses to a sentential decision diagram to a circuit.

Sentential decision diagrams: Darwiche 2011, "SDD: a new canonical representation of propositional
knowledge bases", IJCAI. PySDD compiles them, bottom up along a balanced vtree that it may change on
the way to keep them small.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurosym.circuits.circuit import Circuit
from neurosym.circuits.evaluation.building import build
from neurosym.circuits.sources.files import graph_of_sdd
from neurosym.circuits.sources.network import Clause, encode
from neurosym.io.sdd import Sdd, Vtree, read_sdd, read_vtree
from neurosym.problems.network import Network


def compile_circuit(network: Network, *, minimize: bool = True) -> Circuit:
    """Compiles a network to a circuit, once; then any semiring, batched and differentiable.

    Needs PySDD: ``pip install 'neurosym[sdd]'``. How large the circuit becomes, and how long that
    takes, depends on the problem and cannot be foretold; what elimination (`neurosym.total`) can
    do, a circuit mostly can as well, and sometimes far more.

    >>> import jax.numpy as jnp
    >>> import neurosym as ns
    >>> problem = ns.Problem()
    >>> x = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x.sum() == 4)
    >>> circuit = compile_circuit(problem.compile())
    >>> circuit.total(jnp.ones((3, 4), int), semiring=ns.COUNTING).item()
    12

    Args:
      network: the compiled problem.
      minimize: looks for a better vtree on the way: a smaller circuit, for a longer compilation.

    Returns:
      A deterministic circuit over weights ``[V, D]`` in the network's order.

    Raises:
      ImportError: if PySDD is not installed.
    """
    encoding = encode(network)
    sdd, vtree = compile_clauses(encoding.clauses, encoding.variables, minimize=minimize)
    shape = (network.variables, network.size)
    graph = graph_of_sdd(sdd, vtree)
    return build(graph, encoding.weights, shape, literals=False, deterministic=True)


def compile_clauses(
    clauses: Sequence[Clause], variables: int, *, minimize: bool = True
) -> tuple[Sdd, Vtree]:
    """The diagram of a formula in conjunctive normal form."""
    try:
        from pysdd.sdd import SddManager
        from pysdd.sdd import Vtree as NativeVtree
    except ImportError as error:
        raise ImportError(
            "compiling a circuit needs PySDD: pip install 'neurosym[sdd]', or use "
            "circuits.trace_elimination, which needs no other compiler"
        ) from error
    manager = SddManager.from_vtree(NativeVtree(var_count=variables, vtree_type="balanced"))
    if minimize:
        manager.auto_gc_and_minimize_on()
    root = _conjoin(manager, clauses, 1, variables + 1)
    with tempfile.TemporaryDirectory() as folder:
        sdd_path, vtree_path = Path(folder) / "circuit.sdd", Path(folder) / "circuit.vtree"
        root.save(str(sdd_path).encode())
        manager.vtree().save(str(vtree_path).encode())
        vtree = read_vtree(vtree_path)
        return read_sdd(sdd_path, vtree), vtree


def _conjoin(manager: Any, clauses: Sequence[Clause], low: int, high: int) -> Any:
    """The conjunction of clauses over variables in [low, high): each half first, then what joins
    them, short clauses before long ones."""
    if high - low == 1 or not clauses:
        halves, joining = [], list(clauses)
    else:
        middle = (low + high) // 2
        left = [clause for clause in clauses if clause and max(map(abs, clause)) < middle]
        right = [clause for clause in clauses if clause and min(map(abs, clause)) >= middle]
        taken = {*left, *right}
        joining = [clause for clause in clauses if clause not in taken]
        halves = [
            _conjoin(manager, left, low, middle),
            _conjoin(manager, right, middle, high),
        ]
    found = manager.true()
    found.ref()
    for part in [*halves, *sorted(joining, key=len)]:
        if isinstance(part, tuple):
            part = _disjoin(manager, part)
            part.ref()
        joined = found.conjoin(part)
        joined.ref()
        found.deref()
        part.deref()
        found = joined
    return found


def _disjoin(manager: Any, clause: Clause) -> Any:
    found = manager.false()
    for literal in clause:
        found = found.disjoin(manager.literal(literal))
    return found
