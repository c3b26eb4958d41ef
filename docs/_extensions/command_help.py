"""The directive `command-help`: what `neurosym COMMAND --help` says, for every command.

:::{command-help}
:::
"""

import importlib
import os
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from neurosym.cli.command import help_text
from neurosym.cli.main import _COMMANDS

_COLUMNS = "88"


class CommandHelp(SphinxDirective):
    """See the module."""

    def run(self) -> list[nodes.Node]:
        os.environ["COLUMNS"] = _COLUMNS  # the width of the terminal that help is wrapped to
        sections = []
        for name, (module, _) in _COMMANDS.items():
            command = importlib.import_module(f"neurosym.cli.commands.{module}").COMMAND
            section = nodes.section(ids=[f"neurosym-{name}"], names=[f"neurosym {name}"])
            section += nodes.title("", f"neurosym {name}")
            section += nodes.literal_block("", help_text(command), language="text")
            sections.append(section)
        return sections


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
