"""What the command line draws of logic programs: their dependency graph."""

from __future__ import annotations

from pathlib import Path

from neurosym.programs.program import Program
from neurosym.programs.strata import predicate_graph


def show_program(file: str, out: Path | None) -> str:
    """The dependencies of a program's predicates, as text; drawn where ``out`` is given.

    Raises:
      ProgramError: the program is wrong.
      OSError: the file cannot be read.
    """
    program = Program.read(file)
    graph = predicate_graph(program.clauses)
    if out is not None:
        from neurosym.plots import dependency_graph

        dependency_graph(graph.names, graph.edges, graph.components, out, heading=Path(file).name)
    recursive = graph.recursive()
    lines = []
    for component in reversed(graph.components):
        for node in component:
            needs = [
                ("\\+ " if negated else "") + graph.names[other]
                for (own, other), negated in graph.edges.items()
                if own == node
            ]
            said = f"{graph.names[node]}" + (f" <- {', '.join(needs)}" if needs else "")
            lines.append(said + ("   (recursive)" if node in recursive else ""))
    count = sum(len(own) > 1 or own[0] in recursive for own in graph.components)
    parts = "no component recurses" if not count else f"{count} recursive components"
    if count == 1:
        parts = "one component recurses"
    lines.append(f"{len(graph.names)} predicates, {parts}")
    return "\n".join(lines if out is None else [f"{out}: {lines[-1]}"])
