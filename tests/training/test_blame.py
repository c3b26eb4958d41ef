"""Errors of a task's own code keep their types, and say where in the task they were raised."""

import errno
from pathlib import Path

import blobs_task
import numpy as np
import pytest

from neurosym.training import Options, blame, train
from neurosym.training.blame import blamed, in_words, task_note

HERE = Path(__file__)


def line_of(text):
    """The number of the first line with this text."""
    return 1 + next(n for n, line in enumerate(HERE.read_text().splitlines()) if text in line)


def boom(kind):
    raise kind("boom")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, FileNotFoundError, KeyError, TypeError])
@pytest.mark.parametrize("method", ["split", "model", "batch", "loss", "evaluate", "summarise"])
def test_an_error_of_a_task_is_told_from_ours(tmp_path, kind, method):
    def fail(self, *arguments, **keywords):
        boom(kind)

    task_class = type("Failing", (blobs_task.Blobs,), {method: fail})
    config = blobs_task.get_config()
    config.train.epochs = 0
    with pytest.raises(kind) as raised:
        train(config, tmp_path / "run", task=task_class(config))
    note = task_note(raised.value)
    assert not note.foreseen
    assert note.startswith(f"in Failing.{method} (")
    line = line_of('raise kind("boom")')
    assert note.endswith(f"test_blame.py, line {line})")
    assert in_words(raised.value).startswith(f"{kind.__name__}: ")
    assert (tmp_path / "run").exists() == (method == "summarise"), "the others fail before a file"


def test_errors_beyond_the_task_name_its_line():
    """NumPy's frames and ours are not the user's; the last of his own is."""

    class Task:
        def loss(self):
            np.zeros(2).reshape(3)

    with pytest.raises(ValueError, match="reshape") as raised, blamed(Task(), "loss"):
        Task().loss()
    line = line_of("np.zeros(2).reshape(3)")
    assert task_note(raised.value).endswith(f"test_blame.py, line {line})")


def test_what_a_task_says_of_its_config_and_what_we_say_of_data_is_foreseen(tmp_path):
    from neurosym import datasets

    def fail(error):
        if isinstance(error, Exception):
            raise error
        error()

    def refused(method, error):
        kinds = (ValueError, OSError, RuntimeError)
        with pytest.raises(kinds) as raised, blamed(blobs_task.Blobs, method):
            fail(error)
        return task_note(raised.value).foreseen

    assert refused("__init__", ValueError("config.data.noise must be positive"))
    assert refused("__init__", lambda: datasets.digits(test=10**6))
    assert not refused("__init__", ValueError("could not convert string to float: 'x'"))
    assert not refused("__init__", RuntimeError("config.data.noise"))
    assert not refused("loss", ValueError("config.data.noise"))
    assert not refused("split", FileNotFoundError(errno.ENOENT, "No such file", "x"))
    assert refused("predict", ValueError("give two files"))


def test_an_installed_package_tells_its_errors_from_a_tasks_too(monkeypatch):
    from neurosym import datasets

    installed = (blame._PACKAGE, *blame._libraries())
    monkeypatch.setattr(blame, "_libraries", lambda: installed)
    refused = pytest.raises(ValueError, match="cannot split 1797 digits")
    with refused as raised, blamed(blobs_task.Blobs, "split"):
        datasets.digits(test=10**6)
    assert task_note(raised.value).foreseen


def test_signals_and_our_own_errors_get_no_note(tmp_path):
    with pytest.raises(KeyboardInterrupt) as raised, blamed(blobs_task.Blobs, "loss"):
        raise KeyboardInterrupt
    assert task_note(raised.value) is None
    config = blobs_task.get_config()
    config.data.nan_at = 1
    with pytest.raises(RuntimeError, match="not finite") as raised:
        train(config, tmp_path, task=blobs_task.Blobs(config), options=Options())
    assert task_note(raised.value) is None
