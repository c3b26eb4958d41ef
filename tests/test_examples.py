"""The notebooks of `examples/`: each runs from scratch, and its page shows what it shows.

One of them runs by default, the others with the slow tests.
"""

import importlib.util
import json
from pathlib import Path

import pytest
from markdown_blocks import blocks_of

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
QUICK = "puzzle_in_six_semirings"
NEEDS = {"equinox_encoder": "equinox"}
# What these print are figures of training or of samples, which differ between machines.
MEASURED = {
    "addition_from_pixels",
    "equinox_encoder",
    "estimators_compared",
    "logic_program",
    "soft_and_hard",
    "visual_sudoku",
}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("examples", ROOT / "scripts" / "examples.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source_of(name):
    return (ROOT / "examples" / f"{name}.py").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_the_cells_of_the_notebook(script, name):
    cells = script.cells_of(source_of(name))
    code = [text.strip() for kind, text in cells if kind == "code"]
    words = [text.strip() for kind, text in cells if kind == "markdown"]
    page = ROOT / "docs" / "examples" / f"{name}.md"
    shown = [block.text.strip() for block in blocks_of(page) if block.language == "python"]
    assert code[0].startswith(script.INSTALLS), "the first cell installs what the others need"
    assert shown == code[1:], "run: python scripts/examples.py"
    heading, _, introduction = words[0].partition("\n")
    text = page.read_text()
    assert all(part.strip() in text for part in (heading, introduction, *words[1:]))
    assert not {word for word in text.split() if word.startswith("/tmp")}


def test_the_pages_are_those_of_the_notebooks():
    assert 6 <= len(NAMES) <= 10
    pages = ROOT / "docs" / "examples"
    assert {path.stem for path in pages.glob("*.md")} == set(NAMES)
    index = (ROOT / "docs" / "index.md").read_text()
    assert [name for name in NAMES if f"examples/{name}\n" not in index] == []
    for picture in pages.glob("*.png"):
        assert picture.stat().st_size < 200_000
        assert picture.name in (pages / f"{picture.stem.rpartition('-')[0]}.md").read_text()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == QUICK else pytest.mark.slow) for name in NAMES]
)
def test_a_notebook_runs_from_scratch(script, name, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    outputs = script.executed(name)
    page = script.write_page(name, source_of(name), outputs, tmp_path)
    assert any(output.get("text") for output in outputs)
    kept = ROOT / "docs" / "examples" / f"{name}.md"
    if name in MEASURED:
        # The same blocks in the same places, whatever the figures.
        blocks, wanted = ([b.output is None for b in blocks_of(path)] for path in (page, kept))
        assert blocks == wanted
    else:
        assert page.read_text() == kept.read_text()


def test_a_notebook_with_outputs_is_what_jupyter_opens(script):
    source = '# %% [markdown]\n# # Title\n# %%\nprint("a")\n1 + 1\n'
    outputs = script.execute(source)
    assert outputs == [{}, {"text": "a\n2\n"}]
    words, code = json.loads(json.dumps(script.with_outputs(source, outputs)))["cells"]
    assert words == {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}
    assert code["source"] == ['print("a")\n', "1 + 1"]
    (shown,) = code["outputs"]
    assert shown == {"output_type": "stream", "name": "stdout", "text": ["a\n", "2\n"]}
