"""How classes are made, where autodoc does not see it.

A metaclass hides the signatures of Flax modules; enumerations and protocols have none that matters.
The arguments of some classes stand in the docstring of `__init__`; dataclasses and named tuples
have only a generated one there.
"""

import enum
import inspect
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature


def _signature(
    app: Sphinx, what: str, name: str, kind: Any, options: Any, given: Any, returns: Any
) -> tuple[str, None] | None:
    if what != "class" or not isinstance(kind, type):
        return None
    if getattr(kind, "_is_protocol", False) or issubclass(kind, enum.Enum):
        return "", None
    if type(kind).__call__ is type.__call__ or kind.__init__ is object.__init__:
        return None
    signature = inspect.signature(kind.__init__)
    parameters = list(signature.parameters.values())[1:]  # without self
    signature = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return stringify_signature(signature, unqualified_typehints=True), None


def _add_arguments(
    app: Sphinx, what: str, name: str, kind: Any, options: Any, lines: list[str]
) -> None:
    """Runs before napoleon, so that the sections of both docstrings are laid out."""
    if what != "class" or not isinstance(kind, type):
        return
    written = vars(kind).get("__init__")
    if inspect.isfunction(written) and written.__module__ == kind.__module__ and written.__doc__:
        lines += ["", *inspect.cleandoc(written.__doc__).splitlines(), ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Listens to autodoc."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _add_arguments, priority=50)
    return {"parallel_read_safe": True}
