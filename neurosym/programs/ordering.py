"""In which order rules and choices are taken, so that few atoms are open at once."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from neurosym.programs.ground import NO_CHOICE, Rule
from neurosym.programs.sweep import Block, blocks_of

MAX_TRIES = 48
"""Orders that are tried."""

SECONDS = 0.15
"""Of the processor, after which no further order is tried."""


def ordered(rules: Sequence[Rule], kept: Sequence[int]) -> tuple[list[Block], int]:
    """The rules as blocks in an order of small boundaries.

    Each try takes, from another first block, the block after which fewest atoms are open, and of
    equal ones that which closes the atom that was opened first, more or less strictly.

    Args:
      rules: all that are relevant.
      kept: atoms that stay open to the end.

    Returns:
      The blocks, and how many atoms are open at once at most.
    """
    blocks = blocks_of(merged(rules, kept))
    if not blocks:
        return [], 0
    atoms = [sorted(block.atoms) for block in blocks]
    users: dict[int, list[int]] = {}
    for number, own in enumerate(atoms):
        for atom in own:
            users.setdefault(atom, []).append(number)
    search = _Search(atoms, users, frozenset(kept))
    stop = time.process_time() + SECONDS
    chance = random.Random(0)
    best: tuple[tuple[int, float], list[int]] | None = None
    starts = [number for atom in kept for number in users.get(atom, [])[:1]] or [0]
    starts.append(search.by_distance(starts[0])[-1])
    for n in range(MAX_TRIES):
        start = starts[n] if n < len(starts) else chance.randrange(len(blocks))
        noise = (0.0, 3.0, 1000.0)[n // 2 % 3]
        found = search.greedy(start, chance, noise, stop if best else stop + SECONDS)
        if found is None:
            break
        order, widths = found
        cost = (max(widths), sum(2.0 ** min(w, 64) for w in widths))
        if best is None or cost < best[0]:
            best = cost, order
        if time.process_time() > stop:
            break
    if best is None:  # so large that the order in which grounding met the choices has to do
        blocks.sort(key=lambda block: block.choice)
        return blocks, len(users)
    order = best[1]
    if starts[0] != order[0]:
        # What is asked comes first: going up from below then adds to the top of a diagram.
        near = {block: n for n, block in enumerate(search.by_distance(starts[0]))}
        half = len(order) // 2
        if sum(near.get(n, 0) for n in order[:half]) > sum(near.get(n, 0) for n in order[-half:]):
            order = order[::-1]
    return [blocks[n] for n in order], best[0][0]


def merged(rules: Sequence[Rule], kept: Sequence[int]) -> list[Rule]:
    """Rules without the atoms that only name a choice: ``e <- c`` and ``r <- e`` as ``r <- c``.

    Such an atom has one rule, without a body, its choice makes nothing else true, and it is used
    positively by rules without a choice.
    """
    makes: dict[int, set[int]] = {}
    count: dict[int, int] = {}
    for rule in rules:
        count[rule.head] = count.get(rule.head, 0) + 1
        if rule.choice != NO_CHOICE:
            makes.setdefault(rule.choice, set()).add(rule.head)
    names: dict[int, Rule] = {
        rule.head: rule
        for rule in rules
        if rule.choice != NO_CHOICE
        and not rule.body
        and count[rule.head] == 1
        and len(makes[rule.choice]) == 1
        and rule.head not in kept
    }
    for rule in rules:
        own = [x for x in rule.body if abs(x) - 1 in names]
        if len(own) > 1 or rule.choice != NO_CHOICE or any(x < 0 for x in own):
            for x in own:
                names.pop(abs(x) - 1, None)
    found = []
    for rule in rules:
        if rule.head in names:
            continue
        own = [x for x in rule.body if abs(x) - 1 in names]
        if own:
            named = names[own[0] - 1]
            body = tuple(x for x in rule.body if x != own[0])
            rule = rule._replace(body=body, choice=named.choice, value=named.value)
        found.append(rule)
    return found


class _Search:
    def __init__(
        self, atoms: Sequence[Sequence[int]], users: dict[int, list[int]], kept: frozenset[int]
    ) -> None:
        self.atoms, self.users, self.kept = atoms, users, kept

    def by_distance(self, start: int) -> list[int]:
        """The blocks that hang together with one, the nearest first."""
        seen = {start: None}
        level = [start]
        met: set[int] = set()
        while level:
            following = []
            for block in level:
                for atom in self.atoms[block]:
                    if atom not in met:
                        met.add(atom)
                        for other in self.users[atom]:
                            if other not in seen:
                                seen[other] = None
                                following.append(other)
            level = following
        return list(seen)

    def greedy(
        self, start: int, chance: random.Random, noise: float, stop: float
    ) -> tuple[list[int], list[int]] | None:
        """An order, and how many atoms are open after each block; None where time runs out."""
        atoms, users = self.atoms, self.users
        left = {atom: len(own) + (atom in self.kept) for atom, own in users.items()}
        opened: dict[int, int] = {}
        candidates = {start}
        waiting = dict.fromkeys(range(len(atoms)))
        order: list[int] = []
        widths: list[int] = []
        while waiting:
            if not len(order) % 16 and time.process_time() > stop:
                return None
            if not candidates:
                candidates = {next(iter(waiting))}
            best, best_score = -1, (0, 0.0)
            for block in candidates:
                change, oldest = 0, len(atoms) + 1
                for atom in atoms[block]:
                    if atom in opened:
                        change -= left[atom] == 1
                        oldest = min(oldest, opened[atom])
                    else:
                        change += left[atom] > 1
                score = (change, oldest + noise * chance.random())
                if best < 0 or score < best_score:
                    best, best_score = block, score
            candidates.discard(best)
            del waiting[best]
            order.append(best)
            for atom in atoms[best]:
                left[atom] -= 1
                if not left[atom]:
                    opened.pop(atom, None)
                elif atom not in opened:
                    opened[atom] = len(order)
                    candidates.update(n for n in users[atom] if n in waiting)
            widths.append(len(opened))
        return order, widths
