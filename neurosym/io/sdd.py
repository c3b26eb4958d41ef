"""Sentential decision diagrams and their vtrees, as the SDD package (and PySDD) saves them.

http://reasoning.cs.ucla.edu/sdd. Both files have a header with the number of their nodes, and then
one node on each line, children first; the last node of an SDD is its root. A decision node lists
its elements, a prime and a sub each.

    vtree 3                 sdd 5
    L 0 1                   L 0 0 1
    L 2 2                   L 1 2 -2
    I 1 0 2                 L 2 0 -1
                            T 3
                            D 4 1 2  0 1  2 3
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from neurosym.io.text import Text, read_text
from neurosym.io.words import Line, lines_of


@dataclasses.dataclass(frozen=True, eq=False)
class Vtree:
    """A binary tree over variables.

    Attributes:
      order: the variables from left to right.
      spans: for each node, the places in ``order`` below it, ``(start, middle, stop)``; the right
        child starts at the middle, which for a leaf is the stop.
    """

    order: tuple[int, ...]
    spans: dict[int, tuple[int, int, int]]


@dataclasses.dataclass(frozen=True, eq=False)
class Sdd:
    """A diagram; children come before their parents and the root is the last node.

    Attributes:
      kinds: "false", "true", "literal" or "decision", for each node.
      literals: ``v`` or ``-v`` for each literal, 0 for other nodes.
      elements: pairs of prime and sub of each decision.
      places: where each node is written, "FILE:LINE".
      spans: for each node, the variables that it may mention, as the spans of a `Vtree`; an empty
        span for a constant.
    """

    kinds: tuple[str, ...]
    literals: tuple[int, ...]
    elements: tuple[tuple[tuple[int, int], ...], ...]
    places: tuple[str, ...]
    spans: tuple[tuple[int, int, int], ...]


def read_vtree(path: str | Path) -> Vtree:
    """Reads a vtree.

    Args:
      path: the file, plain or gzip; `-` is standard input.

    Raises:
      FormatError: the file is cut short or malformed, with the line; it is not a tree, or lacks a
        variable or has it twice.
      OSError: the file cannot be read.
    """
    return parse_vtree(read_text(path))


def read_sdd(path: str | Path, vtree: Vtree) -> Sdd:
    """Reads a diagram.

    Args:
      path: the file, plain or gzip; `-` is standard input.
      vtree: the vtree that the diagram respects.

    Raises:
      FormatError: the file is cut short or malformed, with the line; it names a node or a variable
        that does not exist, or does not respect the vtree.
      OSError: the file cannot be read.
    """
    return parse_sdd(read_text(path), vtree)


def parse_vtree(text: Text | str) -> Vtree:
    """The vtree of a text; see `read_vtree`.

    >>> parse_vtree("vtree 3\\nL 0 2\\nL 2 1\\nI 1 0 2\\n").order
    (2, 1)
    """
    lines = _lines(text, "vtree")
    leaves: dict[int, int] = {}
    inner: dict[int, tuple[int, int]] = {}
    below: set[int] = set()
    seen: dict[int, Line] = {}  # of each variable
    for line in lines[1:]:
        values = line.integers("a node")
        if (line.words[0], len(values)) not in (("L", 2), ("I", 3)):
            raise line.error("a node of a vtree is 'L NODE VARIABLE' or 'I NODE LEFT RIGHT'")
        node, *rest = values
        if node in leaves or node in inner:
            raise line.error(f"node {node} is declared a second time")
        if len(rest) == 1:
            if rest[0] < 1:
                raise line.error(f"a variable is a positive number, not {rest[0]}")
            if rest[0] in seen:
                raise line.error(f"variable {rest[0]} is on line {seen[rest[0]].number} already")
            leaves[node] = rest[0]
            seen[rest[0]] = line
        else:
            for child in rest:
                if child not in leaves and child not in inner:
                    raise line.error(f"node {child} does not come before its parent")
                if child in below:
                    raise line.error(f"node {child} has two parents")
                below.add(child)
            inner[node] = (rest[0], rest[1])
    roots = (set(leaves) | set(inner)) - below
    if len(roots) != 1:
        raise lines[-1].error(f"a vtree has one root, not {len(roots)}")
    missing = set(range(1, len(seen) + 1)) - set(seen)
    if missing:
        raise lines[-1].error(f"there are {len(seen)} variables, but none is {min(missing)}")
    spans: dict[int, tuple[int, int, int]] = {}
    order: list[int] = []
    stack = [(roots.pop(), False)]
    while stack:
        node, done = stack.pop()
        if node in leaves:
            order.append(leaves[node])
            spans[node] = (len(order) - 1, len(order), len(order))
        elif done:
            left, right = inner[node]
            spans[node] = (spans[left][0], spans[right][0], spans[right][2])
        else:
            left, right = inner[node]
            stack += [(node, True), (right, False), (left, False)]
    return Vtree(tuple(order), spans)


def parse_sdd(text: Text | str, vtree: Vtree) -> Sdd:
    """The diagram of a text; see `read_sdd`."""
    lines = _lines(text, "sdd")
    where = {variable: n for n, variable in enumerate(vtree.order)}
    number: dict[int, int] = {}
    spans: list[tuple[int, int, int]] = []
    kinds: list[str] = []
    literals: list[int] = []
    elements: list[tuple[tuple[int, int], ...]] = []
    for line in lines[1:]:
        sign, values = line.words[0], line.integers("a node")
        own: tuple[tuple[int, int], ...] = ()
        literal, span = 0, (0, 0, 0)
        if sign in ("T", "F") and len(values) == 1:
            kind = "true" if sign == "T" else "false"
        elif sign == "L" and len(values) == 3:
            kind, literal = "literal", values[2]
            if abs(literal) not in where:
                raise line.error(f"the vtree has no variable {abs(literal)}")
            place = where[abs(literal)]
            span = (place, place + 1, place + 1)
        elif sign == "D" and len(values) > 2 and len(values) == 3 + 2 * values[2]:
            kind = "decision"
            own, span = _decision(line, values, vtree, number, spans)
        else:
            raise line.error(
                "a node is 'T NODE', 'F NODE', 'L NODE VTREE LITERAL' or "
                "'D NODE VTREE COUNT PRIME SUB ...'"
            )
        if values[0] in number:
            raise line.error(f"node {values[0]} is declared a second time")
        number[values[0]] = len(kinds)
        kinds.append(kind)
        literals.append(literal)
        elements.append(own)
        spans.append(span)
    return Sdd(
        kinds=tuple(kinds),
        literals=tuple(literals),
        elements=tuple(elements),
        places=tuple(line.place for line in lines[1:]),
        spans=tuple(spans),
    )


def _decision(
    line: Line,
    values: list[int],
    vtree: Vtree,
    number: dict[int, int],
    spans: list[tuple[int, int, int]],
) -> tuple[tuple[tuple[int, int], ...], tuple[int, int, int]]:
    """The elements, and the variables that the node may speak of."""
    if values[1] not in vtree.spans:
        raise line.error(f"the vtree has no node {values[1]}")
    start, middle, stop = vtree.spans[values[1]]
    sides = ((start, middle, "prime"), (middle, stop, "sub"))
    own = []
    for pair in zip(values[3::2], values[4::2], strict=True):
        for child, (low, high, what) in zip(pair, sides, strict=True):
            if child not in number:
                raise line.error(f"node {child} does not come before this node")
            first, _, last = spans[number[child]]
            if first < last and not low <= first <= last <= high:
                raise line.error(f"{what} {child} speaks of variables on the other side of vtree")
        own.append((number[pair[0]], number[pair[1]]))
    if not own:
        raise line.error("a decision has at least one element")
    return tuple(own), (start, middle, stop)


def _lines(text: Text | str, kind: str) -> list[Line]:
    """The header and the nodes, as many as it states."""
    if isinstance(text, str):
        text = Text("<text>", text.encode())
    lines = lines_of(text)
    if not lines or lines[0].words[0] != kind:
        raise text.error(f"the header '{kind} NODES' is missing")
    stated = lines[0].integers("the header")
    if len(stated) != 1 or stated[0] < 1:
        raise lines[0].error(f"the header is '{kind} NODES', at least one")
    found = len(lines) - 1
    if found < stated[0]:
        raise lines[-1].error(
            f"the header states {stated[0]:,} nodes, the file ends here after {found:,}"
        )
    if found > stated[0]:  # Then it cannot be known which of them is the root.
        raise lines[1 + stated[0]].error(
            f"the header states {stated[0]:,} nodes, the file has {found:,}"
        )
    return lines
