"""`neurosym list`: experiments and configs with a line on each, read without running them."""

import ast
from pathlib import Path
from typing import NamedTuple

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.places import folder


class ModuleInfo(NamedTuple):
    """What a Python file says of itself."""

    path: Path
    description: str
    variants: dict[str, str]


def describe_module(path: Path) -> ModuleInfo:
    """The first line of a file's docstring, and its `VARIANTS`, a literal dictionary of strings.

    A file that is no Python is described as such.
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
    if place is None:
        return []
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


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"list takes no arguments, got {' '.join(arguments)!r}")
    from neurosym.cli.tables import print_table

    for name in ("experiments", "configs"):
        found = modules(name)
        if not found:
            print(f"{name}: no folder {name}/ here or in the installed checkout")
            continue
        rows = []
        for info in found:
            shown = _shown(info.path)
            rows.append((shown, info.description))
            rows += [(f"{shown}:{key}", text) for key, text in info.variants.items()]
        print_table(name, (name[:-1], "what it is"), rows)
    return 0


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


COMMAND = Command(
    name="list",
    usage="list",
    description=(
        "Lists the experiments and the configs in ./experiments and ./configs, else in the "
        "checkout that neurosym was installed from: a line on each, and the variants of configs."
    ),
    examples=("neurosym list",),
    define_flags=lambda values: None,
    run=_run,
)
