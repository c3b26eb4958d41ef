"""`neurosym train`, `evaluate` and `predict` with a user's own task, in his own folder."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurosym.cli.main import main

TOY = Path(__file__).parent.parent / "training" / "blobs_task.py"
QUICK = ["--config=my_config.py", "--config.train.epochs=1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder: a task module, and a config file that knows it."""
    folder = tmp_path_factory.mktemp("mine")
    shutil.copy(TOY, folder / "blobs_task.py")
    (folder / "my_config.py").write_text(
        '"""Three blobs in the plane."""\n\n'
        "from blobs_task import get_config as blobs\n\n"
        'VARIANTS = {"wide": "a wider network"}\n\n\n'
        "def get_config(variant=''):\n    return blobs(variant)\n"
    )
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    """The real command in a process of its own: what it printed, and where the run is."""
    script = "import sys; from neurosym.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "train", *QUICK, "--workdir=run"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "run", done


def test_train_prints_the_table_and_where_the_pictures_are(trained):
    workdir, done = trained
    result = json.loads((workdir / "result.json").read_text())
    assert f"{result['metrics']['accuracy']:.4f}" in done.stdout
    assert "run/learning_curves.png" in done.stdout
    assert "run/blobs.png" in done.stdout
    assert (workdir / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert "step 12/12" in done.stderr, "plain progress lines, there is no terminal"
    assert "\x1b" not in done.stdout + done.stderr


def test_a_finished_run_is_shown_again(here, trained, capsys):
    before = (trained[0] / "result.json").read_bytes()
    assert main(["train", *QUICK, "--workdir=run"]) == 0
    out, err = capsys.readouterr()
    assert "finished" in err
    assert "accuracy" in out
    assert (trained[0] / "result.json").read_bytes() == before


def test_evaluate_gives_the_figures_of_the_result(here, trained, capsys):
    assert main(["evaluate", "--workdir=run", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["metrics"] == json.loads((trained[0] / "result.json").read_text())["metrics"]
    assert printed["split"] == "test"
    assert main(["evaluate", "--workdir=run", "--split=training"]) == 2


def test_predict_reads_files(here, trained, capsys):
    (here / "a.txt").write_text("0 4")
    (here / "b.txt").write_text("4 -2")
    assert main(["predict", "--workdir=run", "a.txt", "b.txt", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["classes"]) == 2
    assert main(["predict", "--workdir=run", "nowhere.png"]) == 2
    assert "there is no file nowhere.png" in capsys.readouterr().err


def test_sigterm_leaves_with_143_and_the_same_command_continues(here, capsys):
    command = "import sys; from neurosym.cli.main import main; sys.exit(main())"
    arguments = ["train", "--config=my_config.py", "--config.train.epochs=100000"]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *arguments, "--workdir=long"],
        cwd=here,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list((here / "long").glob("checkpoints/[1-9]*")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "run the same command again to continue" in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_loss_that_is_not_finite_exits_with_1(here, capsys):
    assert main(["train", *QUICK, "--config.data.nan_at=3", "--workdir=nan"]) == 1
    err = capsys.readouterr().err
    assert "neurosym train: error: the loss or its gradient is not finite at step 3" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir=x"], "--config=FILE.py[:VARIANT] is missing"),
        (["--config=my_config.py"], "--workdir=FOLDER is missing"),
        (["--config=my_confg.py", "--workdir=x"], "near it are: my_config.py"),
        (["--config=my_config.py:big", "--workdir=x"], "the variants are: wide"),
        ([*QUICK, "--config.train.epoch=3"], "near matches: config.train.epochs"),
        ([*QUICK, "--config.epochs=3"], "config.train.epochs"),
        ([*QUICK, "--config.train.epochs=three"], "config.train.epochs must be int, got 'three'"),
        ([*QUICK, "--config.train.batch_size=-5", "--workdir=x"], "at least 1, got -5"),
        ([*QUICK, "--config.seed=7", "--workdir=run"], "config.seed: 0 → 7"),
        ([*QUICK, "--config.task=gone:Task", "--workdir=x"], "there is no module 'gone'"),
        ([*QUICK, "--workdirr=x"], "workdirr"),
        ([*QUICK, "--workdir=x", "stray"], "train takes flags only, got 'stray'"),
    ],
)
def test_what_is_wrong_is_said_in_one_message(here, trained, capsys, arguments, message):
    assert main(["train", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("neurosym train: error: ")
    assert "Traceback" not in err
    assert out == ""
    assert not Path("x").exists()


def test_debug_shows_the_traceback(here, capsys):
    assert main(["train", *QUICK, "--config.seed=-1", "--workdir=x", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "config.seed must be an int from 0" in err


def test_faulty_config_files_are_named(here, capsys):
    cases = {
        "syntax.py": ("def get_config(:\n", "SyntaxError"),
        "empty.py": ("", "has no function get_config"),
        "none.py": ("def get_config():\n    return None\n", "must return an ml_collections"),
        "needy.py": ("import surely_not_installed\n", "surely_not_installed"),
    }
    for name, (text, message) in cases.items():
        (here / name).write_text(text)
        assert main(["train", f"--config={name}", "--workdir=x"]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert name in err
    assert main(["train", "--config=my_config.py:wide", "--config.seed=x", "--workdir=x"]) == 2
    (here / "plain.py").write_text("def get_config():\n    return None\n")
    assert main(["train", "--config=plain.py:big", "--workdir=x"]) == 2
    assert "has no variants" in capsys.readouterr().err


def test_evaluate_needs_a_run(here, capsys, tmp_path):
    assert main(["evaluate", "--workdir=nowhere"]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert main(["evaluate", f"--workdir={tmp_path}"]) == 2
    assert "no config.json" in capsys.readouterr().err
    assert main(["evaluate"]) == 2
    assert "--workdir=FOLDER is missing" in capsys.readouterr().err
