"""`d4`: a formula through a decision-DNNF to a graph.

Lagniez and Marquis 2017, "An improved decision-DNNF compiler"
(https://doi.org/10.24963/ijcai.2017/93): top down, by decisions, with the parts that come apart
compiled alone, and found again when they recur. The package d4solver brings it.

It is run in a process of its own. It prints to the standard output of its process, whatever Python
does with ``sys.stdout``; an error of d4 ends no other program; and waiting for d4 can be
interrupted.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from neurosym.circuits.formula import Formula
from neurosym.circuits.graph import Graph
from neurosym.circuits.sources.nnf import parse_nnf
from neurosym.io.text import Text

_CHILD = """
import json, os, sys
path, formula = json.load(sys.stdin)
answers = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
sys.path.insert(0, path)
import py_d4
found = py_d4.Solver(formula["clauses"], formula["variables"]).compile().getNNFString()
with os.fdopen(answers, "w") as stream:
    stream.write(found)
"""
"""What the other process runs. What d4 prints goes nowhere, the graph to the pipe that was
standard output."""


@dataclasses.dataclass(frozen=True)
class D4:
    """The compiler that `d4` makes."""

    def __call__(self, formula: Formula, /) -> Graph:
        """The graph of a formula.

        Raises:
          ImportError: if the package d4solver is not installed.
          RuntimeError: if d4 fails, with the last line of what it says.
        """
        package = importlib.util.find_spec("py_d4")
        if package is None or package.origin is None:
            raise ImportError(
                "the compiler d4 needs the package d4solver: pip install 'neurosym[d4]'"
            )
        order = {"clauses": formula.clauses, "variables": formula.variables}
        done = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD],
            input=json.dumps([str(Path(package.origin).parent.parent), order]),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise RuntimeError(f"d4 failed on this formula: {said}")
        return parse_nnf(Text("<d4>", done.stdout.encode()), variables=formula.variables)


def d4() -> D4:
    """Compiles by d4; the extra ``d4``: ``pip install 'neurosym[d4]'``.

    There are packages for Linux and Windows on x86-64. On random formulas it is faster than PySDD
    by orders of magnitude; its circuits of small problems have up to twice as many terms.

    Returns:
      A `Compiler`.
    """
    return D4()
