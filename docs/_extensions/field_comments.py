"""Fields of results and members of enumerations in the reference, from the comments beside them.

In the source the fields of a `NamedTuple` or dataclass carry dtype and shape in a comment, or in a
docstring below them, and so do the members of an enumeration. autodoc sees no comment; here they
become the attributes of the class, unless its docstring lists these itself.
"""

import ast
import dataclasses
import enum
import inspect
import textwrap
from typing import Any

from sphinx.application import Sphinx


def described_fields(kind: type) -> dict[str, str]:
    """What the source says of each field or member of a class; "" where it says nothing."""
    try:
        lines = textwrap.dedent(inspect.getsource(kind)).splitlines()
    except (OSError, TypeError):
        return {}
    (tree,) = ast.parse("\n".join(lines)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for statement, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            target = statement.target
        elif isinstance(statement, ast.Assign):
            target = statement.targets[0]
        else:
            continue
        if not isinstance(target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = inspect.cleandoc(str(after.value.value))
        else:
            text = _comment(lines, (statement.end_lineno or 1) - 1)
        found[target.id] = " ".join(text.split())
    return found


def _comment(lines: list[str], row: int) -> str:
    """The comment at the end of a line, with the lines of comment alone that follow it."""
    _, mark, text = lines[row].partition("  # ")
    if not mark:
        return ""
    words = [text]
    for line in lines[row + 1 :]:
        if not line.strip().startswith("# "):
            break
        words.append(line.strip().removeprefix("# "))
    return " ".join(words)


def _is_data(kind: Any) -> bool:
    """Whether it is a class of data: a named tuple, a dataclass or an enumeration."""
    if not isinstance(kind, type):
        return False
    named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named_tuple or dataclasses.is_dataclass(kind) or issubclass(kind, enum.Enum)


def _add_fields(
    app: Sphinx, what: str, name: str, kind: Any, options: Any, lines: list[str]
) -> None:
    """Runs before napoleon, so that an "Attributes" section is still there to be seen."""
    if what != "class" or not _is_data(kind) or any(line == "Attributes:" for line in lines):
        return
    fields = described_fields(kind)
    if issubclass(kind, enum.Enum):
        fields = {
            name: f"``{kind[name].value}``" + (f": {fields[name]}" if fields.get(name) else "")
            for name in kind.__members__
        }
    rows = [f"  {field}: {text.strip()}" for field, text in fields.items() if text]
    if rows:
        lines += ["", "Attributes:", *rows, ""]


def _skip_field(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Fields stand among the attributes of their class, not as members that say nothing."""
    if type(member).__name__ == "_tuplegetter":
        return True
    if inspect.isfunction(member) and member.__module__.startswith("flax."):
        return True  # what flax.struct adds to its dataclasses
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Listens to autodoc."""
    app.connect("autodoc-process-docstring", _add_fields, priority=100)
    app.connect("autodoc-skip-member", _skip_field)
    return {"parallel_read_safe": True}
