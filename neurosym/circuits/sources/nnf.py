"""Graphs from files in negation normal form, as knowledge compilers write them.

The format of c2d (also dsharp, minic2d and others), http://reasoning.cs.ucla.edu/c2d: a header with
the numbers of nodes, edges and variables, then one node on each line, numbered from 0, children
first. The last node is the root. ``A 0`` is true and ``O 0 0`` is false; the first number of an O
is the variable that it decides, or 0. Compilers count edges and nodes in ways of their own, so only
a file with fewer nodes than its header states is refused: it is cut short.

    nnf 3 2 2
    L 1
    L -2
    A 2 0 1

The format of d4 (https://github.com/crillab/d4): nodes ``o``, ``a``, ``t`` (true) and ``f`` (false)
with a number each, and edges from a parent to a child under literals. The first node is the root.

    o 1 0
    t 2 0
    1 2 -1 3 0
    1 2 1 0
"""

from __future__ import annotations

from pathlib import Path

from neurosym.circuits.graph import AND, FALSE, LITERAL, OR, TRUE, Graph, GraphBuilder
from neurosym.io.text import Text, read_text
from neurosym.io.words import Line, lines_of


def read_nnf(path: str | Path, *, variables: int | None = None) -> Graph:
    """Reads a circuit, in the format of c2d or of d4.

    >>> import neurosym as ns
    >>> ns.io.parse_nnf("nnf 1 1 10\\nL 1").variables  # one literal of ten variables
    10

    Args:
      path: the file, plain or gzip; `-` is standard input.
      variables: how many there are; None takes the header's number, or in the format of d4, which
        has none, the largest that occurs.

    Raises:
      FormatError: the file is cut short or malformed, with the line; it names a node or a variable
        that does not exist; nodes form a cycle.
      OSError: the file cannot be read.
    """
    return parse_nnf(read_text(path), variables=variables)


def parse_nnf(text: Text | str, *, variables: int | None = None) -> Graph:
    """The circuit of a text; see `read_nnf`.

    >>> circuit = parse_nnf("nnf 3 2 2\\nL 1\\nL -2\\nA 2 0 1\\n")
    >>> circuit.kinds, circuit.children[-1]
    (('literal', 'literal', 'and'), (0, 1))
    """
    if isinstance(text, str):
        text = Text("<text>", text.encode())
    lines = lines_of(text)
    if not lines:
        raise text.error("there is no circuit in it")
    if lines[0].words[0] == "nnf":
        return _parse_c2d(text, lines, variables)
    return _parse_d4(text, lines, variables)


def _parse_c2d(text: Text, lines: list[Line], variables: int | None) -> Graph:
    header, *rest = lines
    stated = header.integers("the header")
    if len(stated) != 3 or min(stated) < 0:
        raise header.error("the header is 'nnf NODES EDGES VARIABLES'")
    nodes, _, known = stated
    known = _variables(header, known, variables)
    kinds: list[str] = []
    literals: list[int] = []
    children: list[tuple[int, ...]] = []
    for line in rest:
        kind, literal, own = _c2d_node(line, len(kinds), known)
        kinds.append(kind)
        literals.append(literal)
        children.append(own)
    if len(kinds) < nodes:
        raise lines[-1].error(
            f"the header states {nodes:,} nodes, the file ends here after {len(kinds):,}"
        )
    if not kinds:
        raise header.error("there is no circuit in it: a false one is a node 'O 0 0'")
    return Graph(
        variables=known,
        kinds=tuple(kinds),
        literals=tuple(literals),
        children=tuple(children),
        roots=(len(kinds) - 1,),
        places=tuple(line.place for line in rest),
    )


def _c2d_node(line: Line, number: int, variables: int) -> tuple[str, int, tuple[int, ...]]:
    """Kind, literal and children."""
    sign = line.words[0]
    if sign not in ("L", "A", "O"):
        raise line.error(f"a node starts with L, A or O, not {sign[:20]!r}")
    values = line.integers("a node")
    if sign == "L":
        if len(values) != 1 or not 1 <= abs(values[0]) <= variables:
            raise line.error(f"'L LITERAL' with a variable from 1 to {variables:,}")
        return LITERAL, values[0], ()
    start = 2 if sign == "O" else 1
    if len(values) < start or len(values) != start + values[start - 1]:
        shape = "O DECIDED COUNT CHILD ..." if sign == "O" else "A COUNT CHILD ..."
        raise line.error(f"{shape!r} with as many children as the count says")
    own = tuple(values[start:])
    if own and not 0 <= min(own) <= max(own) < number:
        bad = next(child for child in own if not 0 <= child < number)
        raise line.error(f"node {number} refers to node {bad}, which does not come before it")
    if sign == "A":
        return (AND if own else TRUE), 0, own
    if not 0 <= values[0] <= variables:
        raise line.error(f"variable {values[0]:,} does not exist; there are {variables:,}")
    return (OR if own else FALSE), 0, own


def _parse_d4(text: Text, lines: list[Line], variables: int | None) -> Graph:
    names: dict[int, tuple[str, Line]] = {}
    edges: dict[int, list[tuple[int, list[int], Line]]] = {}
    root = None
    for line in lines:
        sign = line.words[0]
        if sign in ("o", "a", "t", "f"):
            values = line.integers("a node")
            if len(values) > 2 and values[-1] == 0 and min(values[:-1]) > 0:
                raise line.error(
                    f"a node is '{sign} NUMBER 0'; this one has more numbers, as in the certified "
                    "dialect of d4, which is not read: write the file without -drat"
                )
            if len(values) != 2 or values[1] != 0 or values[0] < 1:
                raise line.error(f"a node is '{sign} NUMBER 0'")
            if values[0] in names:
                raise line.error(f"node {values[0]} is declared a second time")
            names[values[0]] = (sign, line)
            root = values[0] if root is None else root
            continue
        if sign == "nnf" or not sign.lstrip("-").isdigit():
            raise line.error(f"a line starts with o, a, t, f or a number, not {sign[:20]!r}")
        values = line.integers("an edge", start=0)
        if len(values) < 3 or values[-1] != 0 or 0 in values[:-1]:
            raise line.error("an edge is 'PARENT CHILD LITERAL ... 0'")
        for end in values[:2]:
            if end not in names:
                raise line.error(f"node {end} is not declared before this edge")
        if names[values[0]][0] in "tf":
            raise line.error(f"node {values[0]} is a constant and has no children")
        edges.setdefault(values[0], []).append((values[1], values[2:-1], line))
    if root is None:
        raise text.error("there is no circuit in it")
    largest = max(
        (abs(x) for own in edges.values() for _, literals, _ in own for x in literals), default=0
    )
    known = largest if variables is None else variables
    graph = GraphBuilder(known)
    number: dict[int, int] = {}  # of the nodes of the file
    for name in _children_first(root, names, edges):
        sign, line = names[name]
        own = edges.get(name, [])
        if not own and sign in "oa":
            raise line.error(f"node {name} has no edges: is the file cut short?")
        branches = [_branch(graph, number[child], literals, at) for child, literals, at in own]
        if sign in "tf":
            number[name] = (graph.true if sign == "t" else graph.false)(line.place)
        else:
            join = graph.disjoin if sign == "o" else graph.conjoin
            number[name] = join(branches, line.place)
    return graph.finish(number[root])


def _branch(graph: GraphBuilder, child: int, literals: list[int], line: Line) -> int:
    """The node below an edge: the child and the literals together."""
    for literal in literals:
        if abs(literal) > graph.variables:
            raise line.error(
                f"variable {abs(literal):,} does not exist; there are {graph.variables:,}"
            )
    if not literals:
        return child
    place = line.place
    return graph.conjoin([*(graph.literal(x, place) for x in literals), child], place)


def _children_first(
    root: int,
    names: dict[int, tuple[str, Line]],
    edges: dict[int, list[tuple[int, list[int], Line]]],
) -> list[int]:
    """The nodes below the root, each after its children; raises where they form a cycle."""
    order: list[int] = []
    state = {root: 1}  # 1: its children are being visited; 2: done
    stack = [(root, iter(edges.get(root, [])))]
    while stack:
        name, rest = stack[-1]
        edge = next(rest, None)
        if edge is None:
            stack.pop()
            state[name] = 2
            order.append(name)
        elif state.get(edge[0]) == 1:
            raise edge[2].error(f"a cycle: node {edge[0]} is below itself")
        elif edge[0] not in state:
            state[edge[0]] = 1
            stack.append((edge[0], iter(edges.get(edge[0], []))))
    return order


def _variables(header: Line, stated: int, wanted: int | None) -> int:
    if wanted is not None and wanted < stated:
        raise header.error(f"the header states {stated:,} variables, more than {wanted:,}")
    return stated if wanted is None else wanted
