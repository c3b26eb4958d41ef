"""From a ground program to a graph with one root for each query.

ground program ─ components, order ─▶ diagrams of atoms ─ evidence ─▶ graph with many roots

Two ways make the diagrams, and both keep positive loops from being unrolled. *T_P*: from below, all
atoms together (`diagrams`). *Sweep*: one pass over the rules for each root (`sweep`), which pays
where recursion ties many atoms together and few roots are asked. T_P by PySDD is the same fixpoint
in C. The default chooses by how many atoms recursion ties together and how many are open at once,
and goes on to the next way where one grows too large.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from neurosym.circuits.compilers.compiler import Compiler
from neurosym.circuits.graph import Graph
from neurosym.circuits.sources.decisions import FALSE, TRUE, Decisions, DiagramTooLargeError
from neurosym.programs import sdd
from neurosym.programs.dependence import Component, components_of
from neurosym.programs.diagrams import atom_diagrams
from neurosym.programs.ground import NO_CHOICE, GroundProgram, Rule
from neurosym.programs.ordering import ordered
from neurosym.programs.sweep import Block, sweep
from neurosym.programs.syntax import ProgramError

EVIDENCE = "evidence"
"""The answer of the root that all evidence together has."""

LADDER = (
    ("tp", 60_000),
    ("sweep", 4_000),
    ("pysdd", 3_000_000),
    ("tp", 400_000),
    ("sweep", 30_000),
    ("tp", 3_000_000),
)
"""What is tried one after the other: nodes of T_P, states at once of a sweep, nodes of PySDD."""

FEW_ROOTS = 8
"""Roots for which sweeps are tried."""

MANY_TIED, NARROW = 12, 9
"""Where more atoms than this depend on each other, a sweep comes first if no more atoms than that
are open at once, else PySDD does."""


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A ground program as a graph.

    Attributes:
      program: what was compiled.
      graph: roots are the queries together with the evidence, in their order; then, where there is
        evidence, the evidence alone. The literal of value v of choice c is
        ``c * width + v + 1``.
      width: the most values that a choice has, D.
      statistics: what came of each stage, for people.
    """

    program: GroundProgram
    graph: Graph
    width: int
    statistics: dict[str, Any]

    @property
    def queries(self) -> int:
        """How many roots are queries."""
        return len(self.program.queries)


def compile_program(
    program: GroundProgram,
    *,
    deadline: float | None = None,
    method: str | None = None,
    compiler: Compiler | None = None,
) -> Compiled:
    """Compiles a ground program.

    Args:
      program: what grounding left.
      deadline: of `time.monotonic`, after which it is given up.
      method: "tp", "sweep" or "pysdd" for one of the ways alone; None chooses.
      compiler: such as ``circuits.d4()``, in place of these ways; called once for each root.

    Raises:
      ProgramError: negation is not stratified, evidence contradicts the rules, or it is too large.
      DiagramTooLargeError: the deadline has passed.
    """
    start = time.perf_counter()
    parts = components_of(program)
    roots = [atom for _, atom in program.queries if atom >= 0]
    seen = [atom for _, atom, _ in program.evidence if atom >= 0]
    if compiler is not None:
        return _by_compiler(program, parts, compiler, start)
    blocks, width = ordered(program.rules, list(dict.fromkeys([*roots, *seen])))
    order = list(dict.fromkeys(block.choice for block in blocks if block.choice != NO_CHOICE))
    order += [c for c in range(len(program.choices)) if c not in set(order)]
    found, tried = _diagrams(program, parts, blocks, order, width, deadline, method)
    statistics: dict[str, Any] = {
        "atoms": len(program.atoms),
        "rules": len(program.rules),
        "choices": len(program.choices),
        "components": len(parts),
        "recursive components": [len(part.atoms) for part in parts if part.cyclic],
        "open atoms at once": width,
        "compiler": tried[-1],
        "tried": tried,
    }
    diagrams, nodes, evidence = found
    if evidence == FALSE:
        raise ProgramError(
            "the evidence is inconsistent: no choice of the program makes all of it true"
        )
    answers: list[Any] = [term for term, _ in program.queries]
    if program.evidence:
        nodes, answers = [*nodes, evidence], [*answers, (EVIDENCE,)]
    most = max((choice.size for choice in program.choices), default=1)
    numbers = [
        range(choice * most + 1, choice * most + 1 + program.choices[choice].size)
        for choice in order
    ]
    graph = diagrams.graph(
        nodes or [TRUE],
        answers=answers or [(EVIDENCE,)],
        numbers=numbers,
        variables=most * len(program.choices),
    )
    statistics["nodes"] = len(graph.kinds)
    statistics["seconds"] = time.perf_counter() - start
    return Compiled(program, graph, most, statistics)


def _by_compiler(
    program: GroundProgram, parts: Sequence[Component], compiler: Compiler, start: float
) -> Compiled:
    """By a compiler of clauses."""
    from neurosym.programs.formulas import compiled_by

    seen = [(a + 1) * (1 if value else -1) for _, a, value in program.evidence if a >= 0]
    possible = not any(a < 0 and value for _, a, value in program.evidence)
    roots = [[atom + 1, *seen] if atom >= 0 and possible else None for _, atom in program.queries]
    answers: list[Any] = [term for term, _ in program.queries]
    if program.evidence:
        roots, answers = [*roots, seen if possible else None], [*answers, (EVIDENCE,)]
    most = max((choice.size for choice in program.choices), default=1)
    if not roots:  # a graph has at least one
        roots, answers = [[]], [(EVIDENCE,)]
    graph = compiled_by(compiler, program, parts, most, roots, answers)
    statistics = {
        "atoms": len(program.atoms),
        "rules": len(program.rules),
        "choices": len(program.choices),
        "components": len(parts),
        "recursive components": [len(part.atoms) for part in parts if part.cyclic],
        "compiler": f"{compiler}, called for each of {len(roots):,} roots",
        "nodes": len(graph.kinds),
        "seconds": time.perf_counter() - start,
    }
    return Compiled(program, graph, most, statistics)


def _ways(
    program: GroundProgram, tied: int, width: int, method: str | None
) -> list[tuple[str, int]]:
    """What is tried, in this order; ``tied`` atoms at most depend on each other."""
    if method is not None:
        return [way for way in LADDER if way[0] == method]
    few = len({atom for _, atom in program.queries}) <= FEW_ROOTS
    ways = [way for way in LADDER if few or way[0] != "sweep"]
    ways = [way for way in ways if way[0] != "pysdd" or sdd.available()]
    if few and tied > MANY_TIED:
        first = "sweep" if width <= NARROW else "pysdd"
        ways = [*[way for way in ways if way[0] == first][:1], *ways]
    return list(dict.fromkeys(ways))


_WAYS = {
    "tp": "T_P on decision diagrams, at most {:,} nodes",
    "sweep": "sweep over rules, at most {:,} states at once",
    "pysdd": "T_P by PySDD, at most {:,} nodes",
}


def _diagrams(
    program: GroundProgram,
    parts: Sequence[Component],
    blocks: Sequence[Block],
    order: Sequence[int],
    width: int,
    deadline: float | None,
    method: str | None,
) -> tuple[tuple[Decisions, list[int], int], list[str]]:
    """The roots, the evidence, and which ways were tried."""
    sizes = [program.choices[choice].size for choice in order]
    levels = {choice: level for level, choice in enumerate(order)}
    tried: list[str] = []

    def by_fixpoint(most: int) -> tuple[Decisions, list[int], int]:
        diagrams = Decisions(sizes, max_nodes=most, deadline=deadline)
        with diagrams.deep():
            atoms = atom_diagrams(program, parts, diagrams, levels)
            evidence = diagrams.conjoin_all(
                (atoms[a] if seen else diagrams.negate(atoms[a])) if a >= 0 else int(not seen)
                for _, a, seen in program.evidence
            )
            nodes = [
                diagrams.conjoin(atoms[atom], evidence) if atom >= 0 else FALSE
                for _, atom in program.queries
            ]
        return diagrams, nodes, evidence

    def by_pysdd(most: int) -> tuple[Decisions, list[int], int]:
        diagrams = Decisions(sizes, deadline=deadline)
        with diagrams.deep():
            conjunction = sdd.atom_sdds(program, parts, diagrams, levels, most)
            seen = [(a + 1) * (1 if v else -1) for _, a, v in program.evidence if a >= 0]
            possible = not any(a < 0 and v for _, a, v in program.evidence)
            evidence = conjunction(seen) if possible else FALSE
            nodes = [
                conjunction([atom + 1, *seen]) if atom >= 0 and possible else FALSE
                for _, atom in program.queries
            ]
        return diagrams, nodes, evidence

    tied = max((len(part.atoms) for part in parts if part.cyclic), default=0)
    ways = _ways(program, tied, width, method)
    for name, most in ways:
        tried.append(_WAYS[name].format(most))
        try:
            if name == "tp":
                return by_fixpoint(most), tried
            if name == "pysdd":
                return by_pysdd(most), tried
            return _by_sweeps(program, blocks, sizes, levels, most, deadline), tried
        except DiagramTooLargeError:
            if deadline is not None and time.monotonic() > deadline:
                raise
    raise ProgramError(
        f"the program is too large for decision diagrams ({len(program.choices):,} choices; tried "
        f"{'; '.join(tried)}): ask for bounds (neurosym query --bounds), or take another compiler"
    )


def _by_sweeps(
    program: GroundProgram,
    blocks: Sequence[Block],
    sizes: Sequence[int],
    levels: dict[int, int],
    most: int,
    deadline: float | None,
) -> tuple[Decisions, list[int], int]:
    """One sweep for each root; what a root is made of is one more rule."""
    diagrams = Decisions(sizes, deadline=deadline)
    seen = [(atom + 1) * (1 if value else -1) for _, atom, value in program.evidence if atom >= 0]
    impossible = any(atom < 0 and value for _, atom, value in program.evidence)
    known: dict[tuple[int, ...], int] = {(): TRUE}

    def swept(body: Sequence[int]) -> int:
        key = tuple(sorted(set(body)))
        if any(-x in key for x in key):
            return FALSE
        if key not in known:
            root = len(program.atoms)
            first = Block(NO_CHOICE, (Rule(root, key, NO_CHOICE, 0, -1),))
            order = [first, *relevant_blocks(blocks, key)]
            known[key] = sweep(order, root, diagrams, levels, max_states=most)
        return known[key]

    evidence = FALSE if impossible else swept(seen)
    nodes = [
        FALSE if atom < 0 or impossible else swept([atom + 1, *seen]) for _, atom in program.queries
    ]
    return diagrams, nodes, evidence


def relevant_blocks(blocks: Sequence[Block], literals: Sequence[int]) -> list[Block]:
    """The blocks of what some literals depend on, in the same order."""
    own: dict[int, list[Rule]] = {}
    for block in blocks:
        for rule in block.rules:
            own.setdefault(rule.head, []).append(rule)
    seen = {abs(x) - 1 for x in literals}
    stack = list(seen)
    while stack:
        for rule in own.get(stack.pop(), ()):
            for x in rule.body:
                if abs(x) - 1 not in seen:
                    seen.add(abs(x) - 1)
                    stack.append(abs(x) - 1)
    found = []
    for block in blocks:
        rules = tuple(rule for rule in block.rules if rule.head in seen)
        if rules:
            found.append(Block(block.choice, rules))
    return found
