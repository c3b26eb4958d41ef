"""Tells type checkers of lazy exports: writes `__init__.pyi` beside each package that has them.

    python scripts/exports.py            # writes what is not up to date, and names it
    python scripts/exports.py --check    # names it only, and exits with 1

A package with lazy exports lists them in `_EXPORTS` (and rooms that are attributes of `neurosym` in
`_MODULES`) of its `__init__.py`; a checker cannot follow them through `__getattr__`. The lists are
read from the source, so that nothing is imported, and they stay the one place to change.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = '"""Made by scripts/exports.py from the lists in `__init__.py`; edits are lost."""\n\n'


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    stale = [path for path, text in interfaces().items() if _text_of(path) != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not up to date")
    if "--check" in arguments:
        return bool(stale)
    texts = interfaces()
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    return 0


def interfaces() -> dict[Path, str]:
    """The interface of every package with lazy exports, by the path of its file."""
    found = {}
    for source in sorted((ROOT / "neurosym").rglob("__init__.py")):
        exports, modules = _lists(source)
        if exports:
            package = ".".join(source.parent.relative_to(ROOT).parts)
            found[source.with_suffix(".pyi")] = interface(package, exports, modules)
    return found


def interface(package: str, exports: dict[str, tuple[str, ...]], modules: tuple[str, ...]) -> str:
    """The text of an interface: each name is imported under its own name, which exports it.

    Args:
      package: whose.
      exports: from a module below the package to its names.
      modules: modules below the package that are names of it.
    """
    lines = [f"from {package} import {name} as {name}" for name in sorted(modules)]
    if modules:
        lines.append(f"from {package}._version import __version__ as __version__")
    for module in sorted(exports):
        names = sorted(exports[module], key=_order)
        lines += [f"from {package}.{module} import {name} as {name}" for name in names]
    return HEAD + "\n".join(lines) + "\n"


def _lists(source: Path) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """`_EXPORTS` and `_MODULES` of a file; empty where it has none."""
    values = {"_EXPORTS": {}, "_MODULES": ()}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if name in values:
            values[name] = ast.literal_eval(node.value)
    return values["_EXPORTS"], values["_MODULES"]


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as imports are sorted everywhere."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name.lower()


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
