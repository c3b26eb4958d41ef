"""T_P by PySDD: the same fixpoint as `diagrams`, with the joins made in C.

Along a right-linear vtree a sentential decision diagram is an ordered binary decision diagram. The
values of a choice are bits next to each other: value v is "bit v alone", the last value "no bit".
Going down a diagram by the bits of each value leaves a branch for each value, which is how it comes
back to `Decisions`; codes that stand for no value are never followed.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neurosym.circuits.sources.decisions import FALSE, TRUE, Decisions, DiagramTooLargeError
from neurosym.programs.dependence import Component
from neurosym.programs.ground import NO_CHOICE, GroundProgram, Rule


def available() -> bool:
    """Whether PySDD is installed."""
    return importlib.util.find_spec("pysdd") is not None


def atom_sdds(
    program: GroundProgram,
    parts: Sequence[Component],
    diagrams: Decisions,
    levels: Mapping[int, int],
    max_nodes: int,
) -> Callable[[Sequence[int]], int]:
    """The diagrams of all atoms, in PySDD.

    Args:
      program, parts, diagrams, levels: as of `atom_diagrams`.
      max_nodes: beyond which `DiagramTooLargeError` is raised.

    Returns:
      A function from literals (``1 + atom``, negative for a negation) to the diagram of their
      conjunction, in ``diagrams``.
    """
    from pysdd.sdd import SddManager, Vtree

    order = sorted(levels, key=lambda choice: levels[choice])
    starts, bits = {}, 0
    for choice in order:
        starts[choice] = bits
        bits += program.choices[choice].size - 1
    count = max(bits, 1)
    manager = SddManager.from_vtree(
        Vtree(var_count=count, var_order=[*range(1, count + 1)], vtree_type="right")
    )
    manager.auto_gc_and_minimize_off()
    values = _values(program, manager, starts)
    rules = program.rules_of()
    found: list[Any] = [manager.false() for _ in program.atoms]

    def literal(x: int) -> Any:
        return found[x - 1] if x > 0 else ~found[-x - 1]

    def body(rule: Rule) -> Any:
        own = manager.true()
        for x in rule.body:
            own = own & literal(x)
        if rule.choice != NO_CHOICE:
            own = own & values[rule.choice][rule.value]
        return own

    def look() -> None:
        if manager.count() > max_nodes:
            raise DiagramTooLargeError(f"PySDD made more than {max_nodes:,} nodes")
        if diagrams.deadline is not None and time.monotonic() > diagrams.deadline:
            raise DiagramTooLargeError("PySDD took more than the time that it has")

    for part in parts:
        users: dict[int, list[int]] = {atom: [] for atom in part.atoms}
        for atom in part.atoms:
            for rule in rules[atom]:
                for x in set(rule.body):
                    if x - 1 in users and atom not in users[x - 1]:
                        users[x - 1].append(atom)
        pending = dict.fromkeys(part.atoms)
        while pending:
            atom = next(iter(pending))
            del pending[atom]
            new = found[atom]
            for rule in rules[atom]:
                new = new | body(rule)
            if new != found[atom]:
                found[atom] = new
                pending |= dict.fromkeys(users[atom])
            look()
    follow = _Follow(manager, program, order, starts, diagrams, levels)

    def conjunction(literals: Sequence[int]) -> int:
        own = manager.true()
        for x in literals:
            own = own & literal(x)
        return follow.down(own)

    return conjunction


def _values(program: GroundProgram, manager: Any, starts: Mapping[int, int]) -> dict[int, list]:
    """The function of each value of each choice."""
    found = {}
    for choice, start in starts.items():
        size = program.choices[choice].size
        own = [manager.literal(start + v + 1) for v in range(size - 1)]
        last = manager.true()
        for x in own:
            last = last & ~x
        found[choice] = [*own, last]
    return found


class _Follow:
    """From diagrams over bits to diagrams over choices."""

    def __init__(
        self,
        manager: Any,
        program: GroundProgram,
        order: Sequence[int],
        starts: Mapping[int, int],
        diagrams: Decisions,
        levels: Mapping[int, int],
    ) -> None:
        self.diagrams = diagrams
        self.by_bit: dict[int, tuple[int, int, int]] = {}  # of a bit: level, first bit, values
        for choice in order:
            size = program.choices[choice].size
            for bit in range(starts[choice], starts[choice] + size - 1):
                self.by_bit[bit] = (levels[choice], starts[choice], size)
        self.known: dict[int, int] = {}
        self.branches: dict[int, tuple[int, Any, Any]] = {}

    def down(self, node: Any) -> int:
        """The diagram of a node."""
        if node.is_true():
            return TRUE
        if node.is_false():
            return FALSE
        key = node.id
        found = self.known.get(key)
        if found is None:
            level, first, size = self.by_bit[self.split(node)[0]]
            children = tuple(
                self.down(self.after(node, first, size, value)) for value in range(size)
            )
            found = self.known[key] = self.diagrams.node(level, children)
        return found

    def after(self, node: Any, first: int, size: int, value: int) -> Any:
        """Where a node leads under the bits of a value."""
        while not (node.is_true() or node.is_false()):
            bit, low, high = self.split(node)
            if bit >= first + size - 1:
                break
            node = high if bit - first == value else low
        return node

    def split(self, node: Any) -> tuple[int, Any, Any]:
        """The topmost bit of a node, from 0; where it leads if that is not set, and if it is."""
        found = self.branches.get(node.id)
        if found is None:
            if node.is_literal():
                manager = node.manager
                sides = (manager.false(), manager.true())
                positive = node.literal > 0
                found = (abs(node.literal) - 1, sides[not positive], sides[positive])
            else:
                low = high = node.manager.false()
                bit = 0
                for prime, sub in node.elements():
                    bit = abs(prime.literal) - 1
                    if prime.literal > 0:
                        high = sub
                    else:
                        low = sub
                found = (bit, low, high)
            self.branches[node.id] = found
        return found
