"""`neurosym train`, `evaluate` and `predict` with a user's own task, in his own folder."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from training.compiling import compiled_once

from neurosym.cli.main import main
from neurosym.datasets.mnist import MNIST
from neurosym.training import ConsoleProgress

TOY = Path(__file__).parents[2] / "training" / "blobs_task.py"
QUICK = ["--config=my_config.py", "--config.train.epochs=1"]


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Most runs here have the same program, and differ in where they stop."""
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


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


def assert_one_message(captured, message):
    out, err = captured
    assert message in err
    assert err.startswith("neurosym train: error: ")
    assert err.count("neurosym train: error") == 1
    assert "Traceback" not in err
    assert out == ""


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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_has_its_exit_code_and_the_same_command_continues(
    here, trained, monkeypatch, capsys, number, code
):
    class Interrupted(ConsoleProgress):
        def update(self, step, figures):
            os.kill(os.getpid(), number)

    command = ["train", *QUICK, f"--workdir=stopped_{code}"]
    with monkeypatch.context() as patch:
        patch.setattr("neurosym.training.ConsoleProgress", Interrupted)
        assert main(command) == code
    err = capsys.readouterr().err
    assert "run the same command again to continue" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert main(command) == 0
    assert "resuming from step 1\n" in capsys.readouterr().err
    result = json.loads((here / f"stopped_{code}" / "result.json").read_text())
    whole = json.loads((trained[0] / "result.json").read_text())
    assert result["metrics"] == whole["metrics"]
    assert result["validation"] == whole["validation"]


def test_data_that_are_missing_or_corrupt_are_said_in_one_message(
    here, tmp_path, capsys, monkeypatch
):
    # The real data that a machine may have must not be found after the empty folder.
    monkeypatch.delenv("NEUROSYM_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (here / "mnist_task.py").write_text(
        "import blobs_task\nfrom neurosym import datasets\n\n\n"
        "class Digits(blobs_task.Blobs):\n"
        "    def __init__(self, config, *, data_dir=None):\n"
        "        self.data = datasets.mnist(data_dir)\n"
    )
    options = ["--config.task=mnist_task:Digits", "--workdir=x", f"--data_dir={tmp_path}"]
    for name in MNIST.md5:
        assert main(["train", *QUICK, *options]) == 2
        assert_one_message(capsys.readouterr(), "neurosym data mnist --download")
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(bytes(1000))[:-12])
    assert main(["train", *QUICK, *options]) == 2
    assert_one_message(capsys.readouterr(), "train-images-idx3-ubyte.gz")
    assert not Path("x").exists()


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
    assert_one_message(capsys.readouterr(), message)
    assert not Path("x").exists()


TASK_ERRORS = """
import blobs_task


def boom(kind):
    raise kind("boom")


class Failing(blobs_task.Blobs):
    def loss(self, model, batch, *, key, step):
        boom({"value": ValueError, "runtime": RuntimeError, "file": FileNotFoundError}[
            self.config.data.kind])


class Drawing(blobs_task.Blobs):
    def pictures(self, model, workdir):
        raise ValueError("no pencil")


class Undefined(blobs_task.Blobs):
    def evaluate(self, model, batch):
        found = super().evaluate(model, batch)
        return {**found, "margin": found["accuracy"] * float("nan")}
"""


@pytest.fixture
def failing(here):
    """The name of a config whose task has errors of its own."""
    (here / "failing_task.py").write_text(TASK_ERRORS)
    (here / "failing.py").write_text(
        "from blobs_task import get_config as blobs\n\n\n"
        "def get_config():\n    config = blobs()\n    config.data.kind = 'value'\n"
        "    config.task = 'failing_task:Failing'\n    config.train.epochs = 1\n"
        "    return config\n"
    )
    return "--config=failing.py"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("value", "ValueError"), ("runtime", "RuntimeError"), ("file", "FileNotFoundError")],
)
def test_an_error_of_the_task_says_what_and_where(here, failing, capsys, kind, name):
    assert main(["train", failing, f"--config.data.kind={kind}", "--workdir=x"]) == 1
    wanted = (
        f"{name}: boom, in Failing.loss (failing_task.py, line 6) (--debug shows the traceback)"
    )
    assert_one_message(capsys.readouterr(), wanted)
    assert main(["train", failing, "--workdir=x", "--debug"]) == 1
    err = capsys.readouterr().err
    assert 'failing_task.py", line 6, in boom' in err
    assert "--debug" not in err.splitlines()[-1]
    assert not Path("x").exists()


def test_pictures_that_fail_do_not_fail_a_judged_run(here, failing, capsys):
    command = ["train", failing, "--config.task=failing_task:Drawing", "--workdir=drawing"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "neurosym train: warning: the task's pictures could not be drawn: " in err
    assert "ValueError: no pencil, in Drawing.pictures (failing_task.py, line 17)" in err
    assert "The result is safe in drawing/result.json" in err
    assert "Traceback" not in err
    assert "drawing/learning_curves.png" in out
    assert "accuracy" in out
    assert json.loads((here / "drawing" / "result.json").read_text())["metrics"]
    # Drawn anew as it is said.
    (here / "drawing" / "learning_curves.png").unlink()
    assert main(command) == 0
    assert "no pencil" in capsys.readouterr().err


def test_a_metric_that_is_not_a_number_exits_with_1(here, failing, capsys):
    command = ["train", failing, "--config.task=failing_task:Undefined", "--workdir=undefined"]
    assert main(command) == 1
    err = capsys.readouterr().err
    assert "error: the metric 'margin' of the task's evaluate on validation (nan) is not fi" in err
    assert "Traceback" not in err
    assert not (here / "undefined" / "result.json").exists()


def test_a_damaged_best_checkpoint_is_said_and_another_one_judged(here, trained, capsys):
    shutil.copytree(here / "run", here / "damaged")
    config = here / "damaged" / "config.json"
    config.write_text(config.read_text().replace('"epochs": 1', '"epochs": 2'))
    (here / "damaged" / "result.json").unlink()
    assert main(["train", *QUICK, "--config.train.epochs=2", "--workdir=damaged"]) == 0
    best = json.loads((here / "damaged" / "result.json").read_text())["best_step"]
    for manifest in (here / "damaged" / "checkpoints" / str(best)).rglob("manifest.ocdbt"):
        manifest.write_bytes(b"")
    capsys.readouterr()
    assert main(["evaluate", "--workdir=damaged", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["metrics"]["accuracy"] > 0.3
    assert err.startswith("neurosym evaluate: warning: skipped the damaged checkpoint ")
    assert f"checkpoints/{best} (" in err
    assert len(err.splitlines()) == 1


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
