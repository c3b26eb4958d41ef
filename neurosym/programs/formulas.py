"""A ground program as clauses, for any `circuits.Compiler`, and its graphs put together again.

    q <- a, c0 = 1       q <=> b1,   b1 <=> a & c0=1       exactly one value of c0
    a <- a, ...          copies a', a'', ... of a component that recurses, one for each round of T_P

Every atom is equivalent to its rules (Clark's completion), so the choices decide all else, and a
model of the clauses is a world. In the graph what is not a value of a choice weighs one and is left
out.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.circuits.compilers.compiler import Compiler
from neurosym.circuits.formula import Formula
from neurosym.circuits.graph import AND, FALSE, LITERAL, OR, Graph, GraphBuilder
from neurosym.programs.dependence import Component
from neurosym.programs.ground import NO_CHOICE, GroundProgram, Rule

Clause = tuple[int, ...]


class Clauses:
    """The clauses of a program; values of choices come first, then atoms and bodies."""

    def __init__(self, program: GroundProgram, parts: Sequence[Component], width: int) -> None:
        """Writes them.

        Args:
          program: the rules.
          parts: its components.
          width: value v of choice c is the variable ``c * width + v + 1``.
        """
        self.values = len(program.choices) * width
        self.width = width
        self.count = self.values
        self.clauses: list[Clause] = []
        self.atoms: list[int] = [0] * len(program.atoms)  # the variable of each atom; 0: false
        for choice, own in enumerate(program.choices):
            group = [choice * width + v + 1 for v in range(own.size)]
            self.clauses.append(tuple(group))
            self.clauses += [(-a, -b) for n, a in enumerate(group) for b in group[:n]]
            self.clauses += [(-(choice * width + v + 1),) for v in range(own.size, width)]
        rules = program.rules_of()
        for part in parts:
            if not part.cyclic:
                (atom,) = part.atoms
                self.atoms[atom] = self._either([self._body(rule) for rule in rules[atom]])
                continue
            for _ in part.atoms:  # after as many rounds nothing changes any more
                new = {
                    atom: self._either([self._body(rule) for rule in rules[atom]])
                    for atom in part.atoms
                }
                for atom, variable in new.items():
                    self.atoms[atom] = variable

    def formula(self, literals: Sequence[int]) -> Formula | None:
        """The formula that some literals of the program hold; None where they cannot."""
        units = []
        for x in literals:
            variable = self.atoms[abs(x) - 1]
            if not variable and x > 0:
                return None
            if variable:
                units.append((variable if x > 0 else -variable,))
        return Formula([*self.clauses, *units], max(self.count, 1))

    def _body(self, rule: Rule) -> list[int] | None:
        """The literals of a body; None where it is false."""
        found = []
        for x in rule.body:
            variable = self.atoms[abs(x) - 1]
            if not variable and x > 0:
                return None
            if variable:
                found.append(variable if x > 0 else -variable)
        if rule.choice != NO_CHOICE:
            found.append(rule.choice * self.width + rule.value + 1)
        return found

    def _either(self, bodies: Sequence[list[int] | None]) -> int:
        """A variable that is equivalent to some bodies; 0 where all are false."""
        own = [body for body in bodies if body is not None]
        if not own:
            return 0
        sides = [body[0] if len(body) == 1 else self._all(body) for body in own]
        head = self._variable()
        self.clauses.append((-head, *sides))
        self.clauses += [(head, -side) for side in sides]
        return head

    def _all(self, body: Sequence[int]) -> int:
        both = self._variable()
        self.clauses += [(-both, x) for x in body]
        self.clauses.append((both, *[-x for x in body]))
        return both

    def _variable(self) -> int:
        self.count += 1
        return self.count


def compiled_by(
    compiler: Compiler,
    program: GroundProgram,
    parts: Sequence[Component],
    width: int,
    roots: Sequence[Sequence[int] | None],
    answers: Sequence[object],
) -> Graph:
    """A graph whose roots are conjunctions of literals, None where one is false."""
    clauses = Clauses(program, parts, width)
    builder = GraphBuilder(clauses.values)
    nodes = []
    for literals in roots:
        formula = None if literals is None else clauses.formula(literals)
        graph = None if formula is None else compiler(formula)
        nodes.append(builder.false() if graph is None else _added(builder, graph, clauses.values))
    return builder.finish(*nodes, answers=tuple(answers), smooth=True)


def _added(builder: GraphBuilder, graph: Graph, values: int) -> int:
    """The root of a graph, added to another without the literals that weigh one."""
    names: list[int] = []
    for kind, literal, children in zip(graph.kinds, graph.literals, graph.children, strict=True):
        own = [names[child] for child in children]
        if kind == LITERAL:
            kept = 0 < literal <= values
            names.append(builder.literal(literal) if kept else builder.true())
        elif kind == AND:
            names.append(builder.conjoin(own))
        elif kind == OR:
            names.append(builder.disjoin(own))
        else:
            names.append(builder.false() if kind == FALSE else builder.true())
    return names[graph.root]
