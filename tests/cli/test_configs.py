"""Config files by path: the neighbours that they import, wherever they lie and whoever asks."""

import shutil
from pathlib import Path

import pytest

from neurosym.cli.configs import load_config, load_function
from neurosym.cli.main import main

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "configs" / "formula.py"
IMPORTING = """
import ml_collections

from ._common import LEARNING_RATE


def get_config():
    return ml_collections.ConfigDict({"rate": LEARNING_RATE})
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder that is not the checkout, with a package of its own that is called configs."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_shipped_config_loads_from_another_folder(elsewhere):
    wanted = load_config(f"{SHIPPED}:top1").to_dict()
    assert wanted["optimizer"]["clip_norm"] == 1.0
    # The checkout is searched too.
    assert load_config("configs/formula.py:top1").to_dict() == wanted


@pytest.mark.parametrize("name", ["mine.py", "my-own.config.py"])
def test_a_copy_of_a_config_works_without_its_neighbours(elsewhere, name):
    shutil.copy(SHIPPED, elsewhere / name)
    assert load_config(f"{name}:top1").to_dict() == load_config(f"{SHIPPED}:top1").to_dict()
    assert callable(load_function(name, "sweep"))


def test_the_file_beside_a_config_comes_first(elsewhere):
    for folder, rate in (("one", 0.5), ("other", 0.25)):
        (elsewhere / folder).mkdir()
        (elsewhere / folder / "_common.py").write_text(f"LEARNING_RATE = {rate}\n")
        (elsewhere / folder / "mine.py").write_text(IMPORTING)
    # Two folders in one process do not mix.
    assert load_config("one/mine.py").rate == 0.5
    assert load_config("other/mine.py").rate == 0.25


def test_a_missing_neighbour_is_named_with_the_folders(elsewhere):
    (elsewhere / "mine.py").write_text("from ._missing import base\n")
    with pytest.raises(
        ValueError, match=r"mine.py fails: it imports its neighbour _missing.py, "
    ) as e:
        load_config("mine.py")
    assert f"looked in {elsewhere}, " in str(e.value)
    (elsewhere / "other.py").write_text("import no_such_thing\n")
    with pytest.raises(ValueError, match="ModuleNotFoundError: No module named 'no_such_thing'"):
        load_config("other.py")


def test_what_configs_share_is_not_listed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "configs/formula.py" in listed
    assert "configs/_" not in listed
    with pytest.raises(ValueError, match=r"near it are: formula.py") as e:
        load_config("configs/formulas.py")
    assert "_common" not in str(e.value)
