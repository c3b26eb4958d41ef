"""`compile_circuit` and `compile_formula`: a source, a compiler, and the door to circuits.

network ─ encode ─▶ formula ─ compiler ─▶ graph ─ circuit_of ─▶ circuit
"""

from __future__ import annotations

from neurosym.circuits.building import circuit_of
from neurosym.circuits.circuit import Circuit
from neurosym.circuits.compilers.compiler import Compiler
from neurosym.circuits.compilers.pysdd import pysdd
from neurosym.circuits.formula import Formula
from neurosym.circuits.graph import Graph, GraphBuilder
from neurosym.circuits.sources.network import encode
from neurosym.problems.network import Network


def compile_circuit(
    network: Network, *, compiler: Compiler | None = None, minimize: bool | None = None
) -> Circuit:
    """Compiles a network to a circuit, once; then any semiring, batched and differentiable.

    The size of the circuit and the time that it takes to compile depend on the problem and cannot
    be foretold. A circuit mostly can do whatever elimination (`neurosym.total`) can, and sometimes
    far more.

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
      compiler: from a formula to a graph, such as ``circuits.pysdd()`` (by default) or
        ``circuits.d4()``, or a function of your own; see `circuits.Compiler`.
      minimize: of the default compiler, as for `circuits.pysdd`.

    Returns:
      A deterministic circuit over weights ``[V, D]`` in the network's order.

    Raises:
      ImportError: if the compiler's package is not installed.
      ValueError: if ``minimize`` is given together with a compiler, or a compiler of your own makes
        a graph that is not decomposable or has other variables.
    """
    encoding = encode(network)
    graph = _compiled(encoding.formula, compiler, minimize)
    structure = network.structure
    return circuit_of(
        graph,
        encoding.weights,
        (network.variables, network.size),
        deterministic=True,
        names=structure.names,
    )


def compile_formula(
    formula: Formula, *, compiler: Compiler | None = None, minimize: bool | None = None
) -> Circuit:
    """Compiles clauses to a circuit over the weights of their literals, ``[V, 2]``.

    >>> import jax.numpy as jnp
    >>> import neurosym as ns
    >>> circuit = compile_formula(ns.circuits.Formula([(1, 2)], variables=2))
    >>> circuit.total(jnp.ones((2, 2), int), semiring=ns.COUNTING).item()
    3

    Args and errors as for `compile_circuit`.
    """
    return circuit_of(_compiled(formula, compiler, minimize), deterministic=True)


def _compiled(formula: Formula, compiler: Compiler | None, minimize: bool | None) -> Graph:
    if compiler is None:
        compiler = pysdd(minimize=True if minimize is None else minimize)
    elif minimize is not None:
        raise ValueError("minimize belongs to a compiler: compiler=pysdd(minimize=...)")
    if not formula.variables:  # There is no clause, or an empty one; compilers are not asked.
        constant = GraphBuilder(0)
        return constant.finish(constant.false() if formula.clauses else constant.true())
    graph = compiler(formula)
    if not isinstance(graph, Graph):
        raise ValueError(f"a compiler returns a circuits.Graph, not {type(graph).__name__}")
    if len(graph.roots) != 1 or graph.variables != formula.variables:
        raise ValueError(
            f"the formula has {formula.variables:,} variables and one root; the compiler's graph "
            f"has {graph.variables:,} variables and {len(graph.roots):,} roots"
        )
    return graph
