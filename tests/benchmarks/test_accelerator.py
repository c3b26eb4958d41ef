"""`neurosym bench accelerator`: its rows, its clock, and what stands in for missing data."""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "scripts" / "benchmarks"


@pytest.fixture(scope="module")
def accelerator():
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("accelerator")
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def stand_ins(accelerator):
    return importlib.import_module("_stand_ins")


@pytest.mark.parametrize("tiny", [False, True])
def test_every_row_has_a_name_of_its_own_and_a_figure_to_stand_beside(accelerator, tiny):
    sizes = accelerator.TINY if tiny else accelerator.FULL
    rows = list(accelerator.rows(sizes, tiny=tiny))
    assert len({row.name for row in rows}) == len(rows)
    beside = {row.name: accelerator.figure_of(row.record) for row in rows if row.record}
    assert beside["magictour"].endswith("puzzles/s")
    assert all(beside.values())
    # All shipped experiments take their steps.
    steps = " ".join(row.name for row in rows)
    shipped = {path.stem for path in (ROOT / "configs").glob("*.py") if path.stem[0] != "_"}
    if not (Path(os.environ.get("NEUROSYM_DATA_DIR", "")) / "clutrr").is_dir():
        shipped.remove("kinship")
    assert [name for name in shipped if name not in steps] == []


def test_a_figure_that_is_not_on_record_is_an_error(accelerator):
    with pytest.raises(ValueError, match="no figure 'nothing'"):
        accelerator.figure_of(("hard", "nothing", "ours"))


def test_rows_that_no_longer_fit_are_left_out_and_a_failing_one_costs_no_other(accelerator, capsys):
    def slow():
        time.sleep(0.2)
        return accelerator.Case(lambda: 1, 0.1, 10, note="slow")

    def failing():
        raise RuntimeError("no such thing")

    rows = [
        accelerator.Row("fails", "ms", failing, 0.01),
        accelerator.Row("slow", "things", slow, 0.05),  # four times as long as expected
        accelerator.Row("fits", "ms", lambda: accelerator.Case(lambda: 1, 0.0, 1), 0.01),
        accelerator.Row("too long", "ms", slow, 5),
    ]
    peaks = {"measured": {"bytes_per_second": 1.0, "operations_per_second": 1.0}}
    found = accelerator.measure(rows, peaks, deadline=time.perf_counter() + 5)
    assert found["fails"]["failed"] == "RuntimeError: no such thing"
    assert found["slow"]["unit"] == "things/s"
    assert found["fits"]["unit"] == "ms"
    assert "s expected" in found["too long"]["left_out"]
    printed = capsys.readouterr().err
    for row in rows:
        assert any(line.startswith(row.name) for line in printed.splitlines())


def test_how_much_faster_seeds_are_in_one_program(accelerator):
    reports = {"step of a": {"figure": 2.0}, "step of a, 10 seeds at once": {"figure": 5.0}}
    assert accelerator.seeds_at_once(reports) == {"step of a": 4.0}
    assert accelerator.seeds_at_once(reports | {"step of a": {"left_out": "time"}}) == {}


def units(boards):
    """Rows, columns and boxes ``[N, 27, 9]`` of boards ``[N, 81]``."""
    grid = boards.reshape(-1, 9, 9)
    boxes = grid.reshape(-1, 3, 3, 3, 3).swapaxes(2, 3).reshape(-1, 9, 9)
    return np.concatenate([grid, grid.swapaxes(1, 2), boxes], axis=1)


@pytest.mark.parametrize("name", ["17_clue", "magictour", "hardest"])
def test_symmetric_images_keep_whatever_symmetries_keep(stand_ins, name):
    images = stand_ins.symmetric_images(name, 60)
    assert len(np.unique(images, axis=0)) == 60
    given = np.bincount(
        np.concatenate([[len(p.replace(".", ""))] for p in stand_ins.PUZZLES[name]])
    )
    found = np.bincount((images > 0).sum(1))
    np.testing.assert_array_equal(found, 60 // len(stand_ins.PUZZLES[name]) * given)
    for digit in range(1, 10):  # no unit has a digit twice
        assert ((units(images) == digit).sum(-1) <= 1).all()
    # How many units have how many givens is the same, since units become units.
    sizes = [np.sort((units(board[None]) > 0).sum(-1)[0]) for board in images]
    whole = stand_ins.PUZZLES[name]
    boards = [np.array([[0 if c == "." else int(c) for c in puzzle]]) for puzzle in whole]
    wanted = [np.sort((units(board) > 0).sum(-1)[0]) for board in boards]
    for n, found in enumerate(sizes):
        np.testing.assert_array_equal(found, wanted[n % len(wanted)])


@pytest.mark.slow
def test_tiny_sizes_run_on_a_cpu_without_data(tmp_path):
    environment = {
        **{name: value for name, value in os.environ.items() if name != "NEUROSYM_DATA_DIR"},
        "XDG_CACHE_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, str(FOLDER / "accelerator.py"), "--tiny", "--minutes=9"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["failed"] == report["left_out"] == []
    assert report["random_pixels_for"] == ["mnist", "symbols"]
    assert all(row["figure"] > 0 for row in report["rows"].values())
