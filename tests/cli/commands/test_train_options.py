"""`neurosym train` with seeds and with a profile."""

import json
from pathlib import Path

import pytest
from compiling import compiled_once

from neurosym.cli.main import main

CONFIG = Path(__file__).resolve().parents[2] / "training" / "blobs_task.py"


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


def train(workdir, *flags):
    return main(
        ["train", f"--config={CONFIG}", f"--workdir={workdir}", "--config.train.epochs=1", *flags]
    )


def test_seeds_have_folders_and_a_table(tmp_path, capsys):
    assert train(tmp_path, "--seeds=2", "--config.seed=3") == 0
    said = capsys.readouterr()
    results = [
        json.loads((tmp_path / f"seed_{seed}" / "result.json").read_text()) for seed in (3, 4)
    ]
    assert [result["together"] for result in results] == [2, 2]
    assert all(result["compile_seconds"] > 0 for result in results)
    mean = sum(result["metrics"]["accuracy"] for result in results) / 2
    assert "sample standard deviation" in said.out
    assert f"{mean:.4f}" in said.out
    assert "training seed 3, 4" in said.err
    # Again: nothing is trained, and the same is shown.
    assert train(tmp_path, "--seeds=2", "--config.seed=3") == 0
    again = capsys.readouterr()
    assert again.out == said.out
    assert "finished already: seed 3, 4" in again.err


def test_a_profile_is_where_it_says(tmp_path, capsys):
    assert train(tmp_path / "run", "--profile") == 0
    folder = tmp_path / "run" / "profile"
    assert f"trace: {folder}" in capsys.readouterr().out
    assert list(folder.rglob("*.xplane.pb"))
    assert (
        train(tmp_path / "run", "--profile") == 0
    )  # a finished run has none to take, but keeps it
