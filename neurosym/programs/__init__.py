"""Logic programs: rules as text, grounded, compiled to a graph, and read by the circuits' room.

    text ─ syntax ─▶ sentences ─ clauses ─▶ clauses ─ grounding ─▶ ground program
    ground program ─ compilation ─▶ graph with a root for each query ─▶ numbers, in any semiring

There is no engine here: what a program amounts to is evaluated as every other circuit is. Exports
are lazy, so that a command that reads one small program does not wait for JAX.
"""

import importlib
from typing import Any

_EXPORTS = {
    "learning": ("learn", "read_interpretations"),
    "program": ("Program",),
    "question": ("ProgramQuery",),
    "reasoner": ("ProgramReasoner",),
    "syntax": ("ProgramError", "ProgramWarning"),
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'neurosym.programs' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"neurosym.programs.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
