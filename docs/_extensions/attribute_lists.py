"""The attributes of a class stand under "Attributes" in the reference.

napoleon writes a section "Attributes" as fields ``:ivar name:``, and the Python domain of Sphinx
puts those under the word "Variables". In this project a variable belongs to a problem.
"""

import copy
from typing import Any, ClassVar

from sphinx.application import Sphinx
from sphinx.domains.python import PyClasslike
from sphinx.util.docfields import Field


def _with_label(field: Field) -> Field:
    if field.name != "variable":
        return field
    field = copy.copy(field)
    field.label = "Attributes"
    return field


class ClassWithAttributes(PyClasslike):
    """The directives `py:class` and `py:exception`; see the module."""

    doc_field_types: ClassVar[list[Field]] = [
        _with_label(field) for field in PyClasslike.doc_field_types
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Takes the place of the two directives."""
    for name in ("class", "exception"):
        app.add_directive_to_domain("py", name, ClassWithAttributes, override=True)
    return {"parallel_read_safe": True}
