"""Files that CPMpy reads, looked through first: what is wrong with one is said with its line.

.xml    XCSP3-core, by CPMpy's reader, which needs pycsp3 (the extra `xcsp3`)
.wcnf   weighted clauses of the MaxSAT evaluations, of the old dialect ("p wcnf ... top") too
.opb    pseudo-Boolean constraints
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.util
import io
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from neurosym.io import Text
from neurosym.languages.cpmpy import library as lib


def xcsp3_model(text: Text) -> Any:
    """The CPMpy model of an XCSP3-core instance.

    Raises:
      FormatError: for a file that is not XML, is cut short, or is not an instance, with the line.
      ValueError: for an element that CPMpy's reader does not know, with its name.
      ModuleNotFoundError: without pycsp3.
    """
    try:
        root = ElementTree.fromstring(text.content)
    except ElementTree.ParseError as error:
        line, column = error.position
        place = _offset(text, line, column)
        raise text.error(f"the XML is cut short or damaged: {error}", place) from None
    if root.tag != "instance" or root.get("format") != "XCSP3":
        raise text.error(f"<{root.tag}> is not an XCSP3 instance", text.content.find(b"<"))
    if root.get("type") not in ("CSP", "COP"):
        raise text.error(f"instances are CSP or COP, not {root.get('type')}", 0)
    _refuse_unknown(text, root)
    if importlib.util.find_spec("pycsp3") is None:
        raise ModuleNotFoundError("XCSP3 files are read by pycsp3: pip install 'neurosym[xcsp3]'")
    from cpmpy.tools.io import load_xcsp3

    with tempfile.TemporaryDirectory() as folder, _arguments_hidden():
        path = Path(folder) / "instance.xml"
        path.write_bytes(text.content)
        return _loaded(text, lambda: load_xcsp3(str(path)))


def wcnf_model(text: Text) -> Any:
    """The CPMpy model of weighted clauses, which minimises the weight of those that do not hold.

    Raises:
      FormatError: for a line that is not a clause, or a file with fewer clauses than it states.
    """
    from cpmpy.tools.io.wcnf import load_wcnf

    lines: list[str] = []
    top: int | None = None
    stated: int | None = None
    for offset, line in _lines(text):
        words = line.split()
        if not words or words[0] == "c":
            continue
        if words[0] == "p":
            numbers = [int(w) for w in words[2:] if w.isdigit()]
            if words[1:2] != ["wcnf"] or len(numbers) != len(words) - 2 or len(numbers) < 2:
                raise text.error("the header is `p wcnf VARIABLES CLAUSES [TOP]`", offset)
            stated, top = numbers[1], numbers[2] if len(numbers) > 2 else None
            continue
        hard = words[0] == "h"
        integers = words[1:] if hard else words
        if not all(re.fullmatch(r"-?\d+", w, re.ASCII) for w in integers):
            wrong = next(w for w in integers if not re.fullmatch(r"-?\d+", w, re.ASCII))
            raise text.error(f"{wrong!r} is not a weight or a literal", offset)
        if integers[-1:] != ["0"] or (not hard and len(integers) < 2):
            raise text.error("the file is cut short: a clause ends with 0", offset)
        if not hard and int(integers[0]) < 1:
            raise text.error(f"the weight of a clause is positive, not {integers[0]}", offset)
        if not hard and top is not None and int(integers[0]) >= top:
            hard, integers = True, integers[1:]
        lines.append(" ".join(["h", *integers] if hard else integers))
    if stated is not None and len(lines) < stated:
        raise text.error(
            f"the file is cut short: {len(lines)} of {stated} clauses", len(text.content.rstrip())
        )
    return _loaded(text, lambda: load_wcnf(io.StringIO("\n".join(lines) + "\n")))


def opb_model(text: Text) -> Any:
    """The CPMpy model of pseudo-Boolean constraints, whose terms may be products of literals.

    Raises:
      FormatError: for a line that is not a constraint, or a file with fewer than it states.
    """
    header = re.match(rb"\s*\*\s*#variable=\s*(\d+)\s*#constraint=\s*(\d+)", text.content)
    if header is None:
        raise text.error("the first line is `* #variable= V #constraint= C`", 0)
    model, variables = lib.cp.Model(), dict[str, Any]()
    last = 0
    for offset, line in _lines(text):
        if not line or line.startswith("*"):
            continue
        last = offset
        if not line.endswith(";"):
            raise text.error("the file is cut short: a constraint ends with ;", offset)
        words = line[:-1].split()
        if words[:1] in (["min:"], ["max:"]):
            total = _weighted(text, offset, words[1:], variables)
            model.objective(total, minimize=words[0] == "min:")
            continue
        place = next((n for n, w in enumerate(words) if w in (">=", "=", "<=")), None)
        if place is None or place != len(words) - 2 or not _INTEGER.fullmatch(words[-1]):
            raise text.error("a constraint is terms, then >= or =, then an integer", offset)
        total = _weighted(text, offset, words[:place], variables)
        relation = "==" if words[place] == "=" else words[place]
        model.add(lib.Comparison(relation, total, int(words[-1])))
    if len(model.constraints) < int(header.group(2)):
        count = len(model.constraints)
        stated = int(header.group(2))
        raise text.error(f"the file is cut short: {count} of {stated} constraints", last)
    return model


_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


def _weighted(text: Text, offset: int, words: list[str], variables: dict[str, Any]) -> Any:
    """Terms such as ``+3 x1 ~x2``: a coefficient, and literals whose product it multiplies."""
    terms: list[Any] = []
    for word in words:
        if _INTEGER.fullmatch(word):
            terms.append(int(word))
            continue
        name = word.removeprefix("~")
        if not re.fullmatch(r"[^\W\d]\S*", name):
            raise text.error(f"{word!r} is not a literal", offset)
        if not terms:
            raise text.error(f"a term begins with a coefficient, not with {word!r}", offset)
        if name not in variables:
            variables[name] = lib.cp.boolvar(name=name)
        literal = ~variables[name] if word.startswith("~") else variables[name]
        terms[-1] = terms[-1] * literal
    return lib.cp.sum(terms)


@contextlib.contextmanager
def _arguments_hidden() -> Iterator[None]:
    """Keeps the command line and ``dir`` from pycsp3.

    It reads the command line as its own when it is imported, and puts a ``dir`` of its own in the
    place of Python's, which fails for objects whose attributes are looked up among their keys.
    """
    given, own_dir = list(sys.argv), builtins.dir
    sys.argv[1:] = [_NO_COMPILATION]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # It leaves a file open.
            yield
    finally:
        builtins.dir = own_dir
        # pycsp3 looks for this at exit; without it, it would compile a model that is not there.
        sys.argv[:] = [*given, *([] if _NO_COMPILATION in given else [_NO_COMPILATION])]


_NO_COMPILATION = "-nocompile"


def _lines(text: Text) -> Iterator[tuple[int, str]]:
    offset = 0
    for line in text.content.split(b"\n"):
        yield offset, line.decode("utf-8", "replace").strip()
        offset += len(line) + 1


_CONSTRAINTS = frozenset(
    {
        "allDifferent",
        "allEqual",
        "binPacking",
        "block",
        "cardinality",
        "channel",
        "circuit",
        "count",
        "cumulative",
        "element",
        "extension",
        "group",
        "instantiation",
        "intension",
        "knapsack",
        "lex",
        "maximum",
        "maximumArg",
        "mdd",
        "minimum",
        "minimumArg",
        "nValues",
        "noOverlap",
        "ordered",
        "precedence",
        "regular",
        "slide",
        "sum",
    }
)


def _refuse_unknown(text: Text, root: ElementTree.Element) -> None:
    """Raises for variables that are not integers, and for constraints beyond XCSP3-core."""

    def place(tag: str) -> int:
        return max(text.content.find(f"<{tag}".encode()), 0)

    for variable in [*root.iter("var"), *root.iter("array")]:
        kind, name = variable.get("type", "integer"), variable.get("id")
        if kind != "integer":
            raise text.error(
                f"variable {name} is of type {kind}; only integer ones are read",
                place(variable.tag),
            )
        if not list(variable) and not (variable.text or "").strip() and not variable.get("as"):
            raise text.error(f"the domain of variable {name} is empty", place(variable.tag))
    blocks = [*root.findall("constraints"), *root.findall("constraints//block")]
    for constraint in (x for block in blocks for x in block):
        if constraint.tag not in _CONSTRAINTS:
            raise text.error(
                f"<{constraint.tag}> is not a constraint of XCSP3-core", place(constraint.tag)
            )


def _offset(text: Text, line: int, column: int) -> int:
    starts = [0, *(m.end() for m in re.finditer(rb"\n", text.content))]
    return min(starts[min(line, len(starts)) - 1] + column, max(len(text.content) - 1, 0))


def _loaded(text: Text, load: Callable[[], Any]) -> Any:
    """What CPMpy's reader makes of a text; whatever it raises is about the file."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), warnings.catch_warnings():
            # Names of other models: each model is translated alone.
            warnings.filterwarnings("ignore", message="Loading a model whilst|Model contains aux")
            return load()
    except (Exception, SystemExit) as error:
        reason = str(error) or said.getvalue().strip() or type(error).__name__
        if isinstance(error, NotImplementedError | lib.NotSupportedError):
            raise lib.NotSupportedError(f"{text.name}: {reason}") from error
        raise text.error(f"CPMpy's reader says: {reason}") from error
