"""From a ground program to a decision diagram in one sweep over its rules, loops and all.

    r(b) <- r(a), e1.   r(a) <- r(b), e1.   r(c) <- r(b), e2.   asked: r(c), where r(a) holds
    after the block of e1, true:   r(a) needs r(b) | r(b) needs nothing      r(a) leaves for good
    after the block of e2, true:   r(c) needs nothing                        true

Rules come in blocks: a choice with all its rules, or one rule without a choice. After some blocks
all that the rest has to know is how the atoms that still occur in it follow from each other: for
each of them the least sets of such atoms that make it true. What no longer occurs is eliminated:
the least fixpoint of ``x = f(x, y)`` is ``f(false, y)``. Equal states are one node, so the diagram
has as many nodes as there are states, and a positive loop costs nothing of its own. It is
frontier-based search (Kawahara, Inoue, Iwashita and Minato 2017, https://doi.org/10.1587/
transfun.E100.A.1773) for definite rules in place of edges. A negated atom is a symbol of its own
until the atom leaves.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from neurosym.circuits.sources.decisions import FALSE, TRUE, Decisions, DiagramTooLargeError
from neurosym.programs.ground import NO_CHOICE, Rule

Terms = tuple[int, ...]
"""The least sets of symbols that make an atom true, as bits; sorted."""

State = tuple[Terms, ...]
"""`Terms` of each slot."""

HOLDS: Terms = (0,)


@dataclasses.dataclass(frozen=True)
class Block:
    """Rules that are taken at once: those of one choice, or a single one."""

    choice: int
    rules: tuple[Rule, ...]

    @property
    def atoms(self) -> frozenset[int]:
        """All atoms of the rules."""
        return frozenset(
            atom for rule in self.rules for atom in (rule.head, *(abs(x) - 1 for x in rule.body))
        )


def blocks_of(rules: Sequence[Rule]) -> list[Block]:
    """The blocks of some rules."""
    own: dict[int, list[Rule]] = {}
    found = []
    for rule in rules:
        if rule.choice == NO_CHOICE:
            found.append(Block(NO_CHOICE, (rule,)))
        else:
            own.setdefault(rule.choice, []).append(rule)
    return found + [Block(choice, tuple(group)) for choice, group in own.items()]


def sweep(
    blocks: Sequence[Block],
    root: int,
    diagrams: Decisions,
    levels: Mapping[int, int],
    *,
    max_states: int,
) -> int:
    """The diagram of an atom.

    Args:
      blocks: all rules that it depends on, in the order in which they are taken.
      root: the atom; no body mentions it.
      diagrams: where nodes are made.
      levels: of the choices, in the order of the blocks.
      max_states: states after one block, beyond which it is given up.

    Raises:
      DiagramTooLargeError: if there are more states, or the diagrams' deadline has passed.
    """
    sizes = {choice: diagrams.sizes[level] for choice, level in levels.items()}
    plan = plan_of(blocks, root, sizes)
    width = plan.width
    layers: list[tuple[int, list[list[int]]]] = []
    states: dict[State, int] = {((),) * width: 2}
    root_slot = plan.root
    for step in plan.steps:
        following: dict[State, int] = {}
        moves = []
        for state in states:
            own = []
            for clauses in step.clauses:
                new = advance(state, clauses, step, width)
                if new[root_slot] == HOLDS:
                    own.append(TRUE)
                else:
                    own.append(following.setdefault(new, len(following) + 2))
            moves.append(own)
        if len(following) > max_states:
            raise DiagramTooLargeError(f"the sweep has more than {max_states:,} states at once")
        if diagrams.deadline is not None and time.monotonic() > diagrams.deadline:
            raise DiagramTooLargeError("the sweep took more than the time that it has")
        layers.append((step.choice, moves))
        states = following
    # A last state in which the root does not hold yet will never make it hold.
    nodes = [FALSE, TRUE, *[FALSE] * len(states)]
    for choice, moves in reversed(layers):
        if choice == NO_CHOICE:
            below = [nodes[own[0]] for own in moves]
        else:
            below = [diagrams.node(levels[choice], tuple([nodes[n] for n in o])) for o in moves]
        nodes = [FALSE, TRUE, *below]
    return nodes[2]


class SlotRule(NamedTuple):
    head: int  # slot
    positive: tuple[int, ...]  # slots of the body
    negative: tuple[int, ...]


class Step(NamedTuple):
    choice: int
    clauses: list[list[SlotRule]]  # for each value
    final: tuple[int, ...]  # slots that no later rule derives, and this is the first time so
    unread: tuple[int, ...]  # slots that no later rule reads; none where there is negation
    leaving: tuple[int, ...]
    closed: int  # bits of slots that no rule derives from this block on


class Plan(NamedTuple):
    steps: list[Step]
    width: int
    root: int


def plan_of(blocks: Sequence[Block], root: int, sizes: Mapping[int, int]) -> Plan:
    """Slots of atoms, and when each is derived, read and met for the last time."""
    last_head: dict[int, int] = {}
    last_read: dict[int, int] = {}
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for place, block in enumerate(blocks):
        for rule in block.rules:
            last_head[rule.head] = place
            for x in rule.body:
                last_read[abs(x) - 1] = place
        for atom in block.atoms:
            first.setdefault(atom, place)
            last[atom] = place
    first[root], last[root] = 0, len(blocks)  # its slot is its own throughout
    slots: dict[int, int] = {}
    free: list[int] = []
    width = 0
    enters: list[list[int]] = [[] for _ in blocks]
    for atom, place in first.items():
        enters[place].append(atom)
    leaves: list[list[int]] = [[] for _ in range(len(blocks) + 1)]
    for atom, place in last.items():
        leaves[place].append(atom)
    shapes = []
    for place, block in enumerate(blocks):
        for atom in sorted(enters[place]):
            if free:
                slots[atom] = free.pop()
            else:
                slots[atom] = width
                width += 1
        shapes.append({atom: slots[atom] for atom in block.atoms})
        free.extend(slots[atom] for atom in leaves[place])
    steps: list[Step] = []
    present: set[int] = set()
    negation = any(x < 0 for block in blocks for rule in block.rules for x in rule.body)
    for place, block in enumerate(blocks):
        present |= set(enters[place])
        own = shapes[place]
        final = {a for a in present if max(last_head.get(a, -1), first[a]) == place}
        unread = {a for a in present if last_read.get(a, -1) <= place and a != root}
        closed = {a for a in present if last_head.get(a, -1) < place}
        clauses: list[list[SlotRule]] = [[] for _ in range(sizes.get(block.choice, 1))]
        for rule in block.rules:
            positive = tuple(own[x - 1] for x in rule.body if x > 0)
            negative = tuple(own[-x - 1] for x in rule.body if x < 0)
            clauses[rule.value].append(SlotRule(own[rule.head], positive, negative))
        steps.append(
            Step(
                block.choice,
                clauses,
                tuple(slots[a] for a in final - set(leaves[place])),
                () if negation else tuple(slots[a] for a in unread - set(leaves[place])),
                tuple(slots[a] for a in leaves[place]),
                sum(1 << slots[a] for a in closed),
            )
        )
        present -= set(leaves[place])
    return Plan(steps, width, slots[root])


def advance(state: State, clauses: Sequence[SlotRule], step: Step, width: int) -> State:
    """The state after some rules, and after what leaves has left."""
    own = list(state)
    for rule in clauses:
        _add(own, rule, step.closed, width)
    for slot in step.final:
        _settle(own, slot, width)
    for slot in step.leaving:
        _settle(own, slot, width)
        own[slot] = ()
    for slot in step.unread:
        if own[slot] != HOLDS:
            own[slot] = ()
    return tuple(own)


def _add(own: list[Terms], rule: SlotRule, closed: int, width: int) -> None:
    """Adds a rule to a state that is closed under resolution, and closes it again."""
    head, positive, negative = rule
    before = own[head]
    if before == HOLDS:
        return
    bit = 1 << head
    found = [0]
    for slot in positive:
        ways = own[slot]
        if ways == HOLDS:
            continue
        if not closed >> slot & 1:
            ways = (1 << slot, *ways)
        if not ways:
            return
        found = [x | y for x in found for y in ways]
    for slot in negative:
        if own[slot] == HOLDS:
            return
        ways = _negation(own[slot], width) if closed >> slot & 1 else (1 << (width + slot),)
        found = [x | y for x in found for y in ways]
    new = [x for x in found if not x & bit and not x >> width & x]
    new = list(_least([x for x in new if not any(t & x == t for t in before)]))
    if not new:
        return
    own[head] = _least([*before, *new])
    if own[head] == HOLDS:
        new = [0]
    for slot, terms in enumerate(own):
        if slot == head or terms == HOLDS:
            continue
        touched = [t for t in terms if t & bit]
        if touched:
            itself = 1 << slot
            more = [(t & ~bit) | n for t in touched for n in new]
            kept = [t for t in more if not t & itself and not t >> width & t]
            own[slot] = _least([*terms, *kept])


def _settle(own: list[Terms], slot: int, width: int) -> None:
    """What follows from an atom, said without it: all that its rules give is resolved already."""
    bit, negated = 1 << slot, 1 << (width + slot)
    against: Terms | None = None
    for other, terms in enumerate(own):
        if not any(term & (bit | negated) for term in terms):
            continue
        kept = []
        for term in terms:
            if term & negated:
                if against is None:
                    against = _negation(own[slot], width)
                kept += [(term & ~negated) | x for x in against]
            elif not term & bit:
                kept.append(term)
        own[other] = _least([t for t in kept if not t >> width & t])


def _negation(terms: Terms, width: int) -> Terms:
    """The least sets of symbols under which none of some terms holds."""
    found: Terms = (0,)
    for term in terms:
        ways = [1 << (width + n) for n in range(width) if term >> n & 1]
        ways += [1 << n for n in range(width) if term >> (width + n) & 1]
        found = _least([x | way for x in found for way in ways])
    return tuple(x for x in found if not x >> width & x)


def _least(terms: Sequence[int]) -> Terms:
    """Without those that contain another; sorted."""
    if len(terms) <= 1:
        return tuple(terms)
    ordered = sorted(set(terms), key=lambda t: (t.bit_count(), t))
    if ordered[0] == 0:
        return HOLDS
    found: list[int] = []
    for term in ordered:
        if not any(other & term == other for other in found):
            found.append(term)
    found.sort()
    return tuple(found)
