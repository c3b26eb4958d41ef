"""`neurosym init`: the files of the guide's page, as they stand there, and they run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_blocks import blocks_of

from neurosym.cli.main import main
from neurosym.cli.notebooks import cells_of

ROOT = Path(__file__).parents[3]


def guide():
    """The files that the page has, by name."""
    blocks = blocks_of(ROOT / "docs" / "guide" / "own_task.md")
    marked = [block for block in blocks if block.marker.startswith("file ")]
    return {block.marker.removeprefix("file "): block.text for block in marked}


def code_of(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_files_are_those_of_the_guide(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == 0
    assert "cd mine\nneurosym train --config=my_config.py" in capsys.readouterr().out
    files = guide()
    notebook = files.pop("explore.py")
    assert set(files) == {"my_task.py", "my_config.py", "test_my_task.py"}
    for name, text in files.items():
        assert (tmp_path / "mine" / name).read_text() == text
    names = {path.name for path in (tmp_path / "mine").iterdir()}
    assert names == {*files, "explore.ipynb"}
    kept = json.loads((tmp_path / "mine" / "explore.ipynb").read_text())
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in kept["cells"]]
    assert cells == cells_of(notebook)
    assert {kind for kind, _ in cells} == {"code", "markdown"}
    assert kept["nbformat"] == 4


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert main(["init", "mine"]) == 0
    assert main(["init", "mine"]) == 2
    assert "mine is there and is not an empty folder" in capsys.readouterr().err
    assert main(["init"]) == 2
    assert main(["init", "a", "b"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("what", ["test", "notebook"])
def test_they_run_as_they_are(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "mine"]) == 0
    script = "\n".join(code_of(tmp_path / "mine" / "explore.ipynb")) + "\nprint(run.config.task)"
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if what == "test" else ["-c", script]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path / "mine",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert ("3 passed" if what == "test" else "my_task:SmallerDigit") in done.stdout
