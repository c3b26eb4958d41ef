"""The directive `constants`: values among the public names of a module, with what is said of them.

    .. constants:: neurosym.semirings

autodoc documents a value only in the module that defines it; a room exports those of its files.
The text is the docstring below the assignment in the source.
"""

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective


class Constants(SphinxDirective):
    """See the module."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module = importlib.import_module(self.arguments[0])
        lines: list[str] = []
        for name, text in constants(module).items():
            lines += [f".. py:data:: {name}", f"   :module: {module.__name__}", ""]
            lines += [f"   {line}".rstrip() for line in text.splitlines()] + [""]
        return self.parse_text_to_nodes(StringList(lines, source=self.arguments[0]))


def constants(module: ModuleType) -> dict[str, str]:
    """The names of `module.__all__` that are neither classes nor functions, with their docstrings.

    Those that the module defines itself are left to autodoc.

    Raises:
      ExtensionError: one has no docstring.
    """
    found = {}
    own = {name for statement in _body(module) for name in _targets(statement)}
    for name in module.__all__:
        value = getattr(module, name)
        if name in own:
            continue
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
            continue
        text = _docstring(module, name)
        if not text:
            raise ExtensionError(f"constants: {module.__name__}.{name} has no docstring below it")
        found[name] = text
    return found


def _docstring(module: ModuleType, name: str) -> str:
    """What stands below the assignment of a name, in a module or where it imports the name from."""
    lazy = vars(module).get("_HOME", {})  # a room with lazy exports says which file has a name
    if name in lazy:
        return _docstring(importlib.import_module(f"{module.__name__}.{lazy[name]}"), name)
    body = _body(module)
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    return _docstring(importlib.import_module(statement.module), alias.name)
        if name in _targets(statement):
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return inspect.cleandoc(str(after.value.value))
            return ""
    return ""


def _body(module: ModuleType) -> list[ast.stmt]:
    """The statements of a module's source."""
    return ast.parse(Path(inspect.getsourcefile(module) or "").read_text(encoding="utf-8")).body


def _targets(statement: ast.stmt) -> list[str]:
    """The names that an assignment gives a value; none of any other statement."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the directive."""
    app.add_directive("constants", Constants)
    return {"parallel_read_safe": True}
