"""Splits, and tasks by name."""

import blobs_task
import jax.numpy as jnp
import ml_collections
import pytest

from neurosym.training import Split, load_task


def test_split_needs_one_leading_axis():
    assert Split({"a": jnp.zeros((3, 2)), "b": jnp.zeros(3)}).size == 3
    with pytest.raises(ValueError, match=r"\['a'\]: 3, \['b'\]: 4"):
        Split({"a": jnp.zeros(3), "b": jnp.zeros(4)})
    with pytest.raises(ValueError, match="at least one array"):
        Split(())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("blobs_task", "must be 'package.module:Class'"),
        ("no_such_module:Blobs", "there is no module 'no_such_module'"),
        ("blobs_task.inner:Blobs", "is not a package|there is no module"),
        ("blobs_task:Blob", "has no 'Blob'; its classes are: Net, Blobs"),
        ("blobs_task:Net", "lacks split, model, batch, loss, evaluate"),
    ],
)
def test_wrong_task_strings_say_what_is_wrong(path, message):
    with pytest.raises(ValueError, match=message):
        load_task(ml_collections.ConfigDict({"task": path}))


def test_a_task_that_takes_no_data_dir_is_told_what_to_take(monkeypatch):
    class Old(blobs_task.Blobs):
        def __init__(self, config):
            super().__init__(config)

    monkeypatch.setattr(blobs_task, "Old", Old, raising=False)
    message = r"must be made by \(config, \*, data_dir\), and takes \(config\)"
    with pytest.raises(ValueError, match=message):
        load_task(ml_collections.ConfigDict({"task": "blobs_task:Old"}))


def test_a_task_module_that_fails_is_named_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "broken_task.py").write_text("x = 1\nraise KeyError('y')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    message = r"broken_task cannot be imported: KeyError: 'y' \(.*broken_task\.py, line 2\)"
    with pytest.raises(ValueError, match=message):
        load_task(ml_collections.ConfigDict({"task": "broken_task:Task"}))


def test_task_module_with_a_missing_dependency(tmp_path, monkeypatch):
    (tmp_path / "needy_task.py").write_text("import surely_not_installed\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="needy_task needs 'surely_not_installed'"):
        load_task(ml_collections.ConfigDict({"task": "needy_task:Task"}))
