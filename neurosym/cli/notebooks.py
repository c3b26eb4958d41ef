"""Notebooks as text, in cells that begin with `# %%`, and as the JSON that Jupyter opens.

# %% [markdown]
# # A title
# %%
print("a cell of code")
"""

import re
from typing import Any

_CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def is_notebook(text: str) -> bool:
    """Whether a Python file is a notebook as text."""
    return text.startswith("# %%")


def cells_of(text: str) -> list[tuple[str, str]]:
    r"""The cells of a notebook as text: "markdown" or "code", and the source.

    >>> cells_of("# %% [markdown]\n# # A title\n#\n# Words.\n# %%\nprint(1)\n")
    [('markdown', '# A title\n\nWords.'), ('code', 'print(1)')]
    """
    _, *parts = _CELL.split(text)
    found = []
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        source = body.strip("\n")
        if "[markdown]" in heading:
            lines = [re.sub(r"^# ?", "", line) for line in source.splitlines()]
            found.append(("markdown", "\n".join(lines)))
        else:
            found.append(("code", source))
    return found


def notebook_of(text: str) -> dict[str, Any]:
    """The JSON of a notebook, not executed, in version 4.4 of Jupyter's format."""
    cells: list[dict[str, Any]] = []
    for kind, source in cells_of(text):
        cell = {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
        code: dict[str, Any] = {"execution_count": None, "outputs": []}
        cells.append({**cell, **(code if kind == "code" else {})})
    return {"cells": cells, "metadata": {"kernelspec": _KERNEL}, "nbformat": 4, "nbformat_minor": 4}
