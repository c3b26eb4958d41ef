"""`pysdd`: a formula through a sentential decision diagram to a graph.

Sentential decision diagrams: Darwiche 2011, "SDD: a new canonical representation of propositional
knowledge bases", IJCAI. PySDD compiles them, bottom up along a balanced vtree that it may change on
the way to keep them small.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurosym.circuits.formula import Clause, Formula
from neurosym.circuits.graph import Graph
from neurosym.circuits.sources.files import graph_of_sdd
from neurosym.io.sdd import read_sdd, read_vtree


@dataclasses.dataclass(frozen=True)
class Pysdd:
    """The compiler that `pysdd` makes."""

    minimize: bool

    def __call__(self, formula: Formula, /) -> Graph:
        """The graph of a formula.

        Raises:
          ImportError: if PySDD is not installed.
        """
        try:
            from pysdd.sdd import SddManager, Vtree
        except ImportError as error:
            raise ImportError(
                "compiling a circuit needs PySDD: pip install 'neurosym[sdd]'; or use the compiler "
                "circuits.d4(), or circuits.trace_elimination, which needs no other package"
            ) from error
        count = formula.variables
        manager = SddManager.from_vtree(Vtree(var_count=count, vtree_type="balanced"))
        if self.minimize:
            manager.auto_gc_and_minimize_on()
        root = _conjoin(manager, formula.clauses, 1, count + 1)
        with tempfile.TemporaryDirectory() as folder:
            sdd_path, vtree_path = Path(folder) / "circuit.sdd", Path(folder) / "circuit.vtree"
            root.save(str(sdd_path).encode())
            manager.vtree().save(str(vtree_path).encode())
            vtree = read_vtree(vtree_path)
            return graph_of_sdd(read_sdd(sdd_path, vtree), vtree)


def pysdd(*, minimize: bool = True) -> Pysdd:
    """Compiles by PySDD; the extra ``sdd``: ``pip install 'neurosym[sdd]'``.

    Args:
      minimize: looks for a better vtree on the way: a smaller circuit, for a longer compilation.

    Returns:
      A `Compiler`.
    """
    return Pysdd(minimize)


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
