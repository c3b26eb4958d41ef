"""`neurosym init`: a folder with a task, its config, a test and a notebook, to begin with.

The files are those of the guide's page on a task of one's own, as they stand there.
"""

import json
import re
from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.notebooks import is_notebook, notebook_of
from neurosym.shipped import shipped_root

_PAGE = "docs/guide/own_task.md"
_FILE = re.compile(r"^<!-- test: file (\S+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if len(arguments) != 1:
        raise UsageError("init takes the name of one folder, which it makes")
    folder = Path(arguments[0])
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there and is not an empty folder; take another name")
    files = _files()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        print(path)
    print(
        f"\ncd {folder}\n"
        "neurosym train --config=my_config.py --workdir=runs/smaller\n"
        "python -m pytest        # after pip install pytest\n"
        "jupyter lab             # opens explore.ipynb, after pip install jupyterlab"
    )
    return 0


def _files() -> dict[str, str]:
    """The files of the guide by name; notebooks as Jupyter opens them."""
    root = shipped_root()
    page = None if root is None else root / _PAGE
    if page is None or not page.is_file():
        raise ValueError(
            f"this installation did not bring {_PAGE}, which the files are taken from: install a "
            "wheel of neurosym, or its checkout with `pip install -e`"
        )
    found = {}
    for name, text in _FILE.findall(page.read_text(encoding="utf-8")):
        if is_notebook(text):
            name = str(Path(name).with_suffix(".ipynb"))
            text = json.dumps(notebook_of(text), indent=1, ensure_ascii=False) + "\n"
        found[name] = text
    return found


COMMAND = Command(
    name="init",
    usage="init FOLDER",
    description=(
        "Makes a folder with a task of one's own to begin with: my_task.py (pairs of images of "
        "digits, labelled only by whether the first digit is smaller), its config, a test and a "
        "notebook. They are the files of the guide's page on a task of one's own, which explains "
        "them, and they run as they are."
    ),
    examples=("neurosym init my_project",),
    define_flags=lambda values: None,
    run=_run,
)
