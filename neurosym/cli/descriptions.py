"""The descriptions that Python files give of themselves, read without running them."""

import ast
from pathlib import Path
from typing import NamedTuple

from neurosym.cli.places import folder


class ModuleInfo(NamedTuple):
    """The description that a Python file gives of itself."""

    path: Path
    description: str
    variants: dict[str, str]


def describe_module(path: Path) -> ModuleInfo:
    """The first line of a file's docstring, and its `VARIANTS`, a literal dictionary of strings.

    A file that is not Python is described as such.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        return ModuleInfo(path, f"(not readable as Python: {error})", {})
    docstring = ast.get_docstring(tree) or "(no description)"
    return ModuleInfo(path, docstring.splitlines()[0], _variants(tree))


def modules(name: str) -> list[ModuleInfo]:
    """The Python files of the first folder `name` among the places that are searched."""
    place = folder(name)
    return [] if place is None else modules_in(place)


def modules_in(place: Path) -> list[ModuleInfo]:
    """The Python files of a folder that are not private; none where it is missing."""
    files = sorted(place.glob("*.py"))
    return [describe_module(path) for path in files if not path.name.startswith("_")]


def _variants(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        if not any(isinstance(t, ast.Name) and t.id == "VARIANTS" for t in targets):
            continue
        try:
            variants = ast.literal_eval(value)
        except (ValueError, TypeError):
            return {}
        return {str(k): str(v) for k, v in variants.items()} if isinstance(variants, dict) else {}
    return {}
