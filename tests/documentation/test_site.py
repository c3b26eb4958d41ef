"""The site builds without a warning, and its reference has every public name.

A build takes half a minute, so there is one for all tests, and a step of its own in `.ci/run`.
"""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import neurosym

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOMS = neurosym._MODULES
pytestmark = pytest.mark.slow

needs_sphinx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")),
    reason="the extra `docs` is not installed",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    command += ["--builder", "html", "--doctree-dir", folder / "doctrees", DOCS, folder / "html"]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    built = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert built.returncode == 0, built.stderr[-4000:]
    return folder / "html"


@pytest.fixture(scope="module")
def documented(site):
    """The names in the inventory of objects that the site carries."""
    content = (site / "objects.inv").read_bytes()
    body = content.split(b"\n", 4)[4]
    lines = zlib.decompress(body).decode().splitlines()
    return {line.split(" ")[0] for line in lines if " py:" in line}


@needs_sphinx
@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(documented, room):
    module = importlib.import_module(f"neurosym.{room}")
    assert module.__name__ in documented
    public = getattr(module, "__all__", None)
    if public is None:
        public = [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
        ]
    missing = [name for name in public if f"neurosym.{room}.{name}" not in documented]
    assert public
    assert not missing


@needs_sphinx
def test_pages_and_commands_are_there(site):
    from neurosym.cli.main import _COMMANDS

    for page in (
        "index",
        "install",
        "quickstart",
        "pictures",
        "results",
        "design",
        "notes",
        "scale",
    ):
        assert (site / f"{page}.html").stat().st_size > 5_000
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name in _COMMANDS:
        assert f'id="neurosym-{name}"' in commands
        assert f"usage: neurosym {name}" in commands


@needs_sphinx
def test_fields_of_results_have_their_shapes(site):
    page = (site / "reference" / "hard.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    assert "int32[k, V]: value indices; -1 beyond the solutions found" in text
    assert "LIMIT – 2: stopped at the limit on nodes" in text
    assert "FIXPOINT – 0" in text


@needs_sphinx
def test_attributes_stand_under_that_word(site):
    labels = {
        page.stem: re.findall(r'<dt class="field-\w+">(\w+)', page.read_text(encoding="utf-8"))
        for page in (site / "reference").glob("*.html")
    }
    assert {"Attributes", "Parameters", "Returns", "Raises"} <= set(labels["problems"])
    assert not [page for page, found in labels.items() if "Variables" in found]
    text = (site / "reference" / "problems.html").read_text(encoding="utf-8")
    _, after = text.split('id="neurosym.problems.Table"')
    table = re.sub(r"<[^>]+>", "", after.split('<dt class="sig')[0])
    assert re.search(r"Attributes:\s+scope – distinct variables", table)


@needs_sphinx
def test_markup_of_docstrings_is_rendered(site):
    for page in sorted((site / "reference").glob("*.html")):
        text = re.sub(r"<pre.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
        assert "`" not in re.sub(r"<[^>]+>", "", text), page.name


@needs_sphinx
def test_nothing_is_fetched_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)"', text)
        assert not loaded, page.name


def test_every_picture_is_shown():
    text = "".join(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    pictures = sorted((DOCS / "pictures").glob("*.png"))
    assert len(pictures) >= 5
    for picture in pictures:
        assert f"pictures/{picture.name})" in text
        assert picture.stat().st_size < 200_000


def test_the_pictures_are_drawn_by_their_command(tmp_path):
    pytest.importorskip("pysdd")
    script = str(DOCS / "draw_pictures.py")
    subprocess.run([sys.executable, script, str(tmp_path)], check=True, cwd=tmp_path)
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {path.name for path in (DOCS / "pictures").glob("*.png")}
