"""The parts of training, each alone: settings, schedules, evaluation, tasks by name, files."""

import math
import subprocess

import blobs_task
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest
from flax import nnx

from neurosym.training import (
    Evaluator,
    OptimizerSettings,
    Settings,
    Split,
    load_task,
    make_optimizer,
    make_schedule,
    result,
)
from neurosym.training.files import write_json
from neurosym.training.metrics import MetricsLog, read_metrics
from neurosym.training.state import Anatomy
from neurosym.training.workdir import Workdir, config_differences, plain_config


def test_settings_name_near_matches_and_types():
    config = ml_collections.ConfigDict({"train": {"epoch": 3}})
    with pytest.raises(ValueError, match=r"there is no config\.train\.epoch; near it are: epochs"):
        Settings.from_config(config)
    config = ml_collections.ConfigDict({"optimizer": {"learning_rate": "fast"}})
    with pytest.raises(ValueError, match=r"learning_rate must be float, got 'fast'"):
        Settings.from_config(config)
    config = ml_collections.ConfigDict({"train": {"epochs": True}})
    with pytest.raises(ValueError, match="must be int, got True"):
        Settings.from_config(config)


@pytest.mark.parametrize(
    ("slip", "field"),
    [("optimiser", "optimizer"), ("sed", "seed"), ("trian", "train"), ("training", "train")],
)
def test_a_slip_beside_the_sections_is_no_field_of_the_task(slip, field):
    config = ml_collections.ConfigDict({"task": "a:B", slip: {}, "mask": 1, "reasoning": {}})
    with pytest.raises(ValueError, match=rf"config\.{slip} looks like config\.{field}, which"):
        Settings.from_config(config)
    config[field] = 0 if field == "seed" else {}
    assert Settings.from_config(config).train.epochs == 10, "beside the real one, it is a task's"


@pytest.mark.parametrize(
    ("schedule", "middle", "end"),
    [
        ("constant", 2.0, 2.0),
        ("linear", 1.1, 0.2),
        ("cosine", 1.1, 0.2),
        ("exponential", 2.0 * math.sqrt(0.1), 0.2),
    ],
)
def test_schedules_rise_then_decay(schedule, middle, end):
    settings = OptimizerSettings(
        learning_rate=2.0, schedule=schedule, warmup_steps=10, final_fraction=0.1
    )
    rate = make_schedule(settings, 110)
    assert float(rate(5)) == pytest.approx(1.0)
    assert float(rate(10)) == pytest.approx(2.0)
    assert float(rate(60)) == pytest.approx(middle, rel=1e-5)
    assert float(rate(110)) == pytest.approx(end, rel=1e-5)
    with pytest.raises(ValueError, match="warmup_steps"):
        make_schedule(settings, 10)


def test_sgd_with_clipping_and_decay_does_what_it_says():
    settings = OptimizerSettings(name="sgd", learning_rate=0.1, clip_norm=1.0, weight_decay=0.5)
    optimizer = make_optimizer(settings, make_schedule(settings, 10))
    params = {"w": jnp.array([2.0, 0.0])}
    updates, _ = optimizer.update({"w": jnp.array([3.0, 4.0])}, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], [-0.1 * (0.6 + 1.0), -0.1 * 0.8], rtol=1e-6)


def test_weight_decay_of_adam_is_refused():
    with pytest.raises(ValueError, match="adamw"):
        OptimizerSettings(name="adam", weight_decay=0.1)


class IndexTask:
    """Its metrics are the examples themselves, so that every mean is known."""

    def batch(self, examples, shared):
        return examples + shared

    def evaluate(self, model, batch):
        return {"value": batch, "poison": jnp.where(batch == 0, 1.0, jnp.log(batch))}


class NoModel(nnx.Module):
    pass


@pytest.mark.parametrize("batch_size", [1, 3, 7, 10, 64])
def test_means_are_exact_whatever_the_batch_size(batch_size):
    values = np.arange(10, dtype=np.float32) ** 2
    evaluator = Evaluator(IndexTask(), Anatomy.of(NoModel()), batch_size=batch_size)
    means = evaluator.means({}, {}, Split(jnp.asarray(values), jnp.float32(1)))
    assert means["value"] == pytest.approx(np.mean(values + 1), rel=1e-7)
    assert means["poison"] == pytest.approx(np.mean(np.log(values + 1)), rel=1e-6)


def test_metrics_of_the_wrong_shape_are_refused():
    class Mean(IndexTask):
        def evaluate(self, model, batch):
            return {"value": batch.mean()}

    evaluator = Evaluator(Mean(), Anatomy.of(NoModel()), batch_size=4)
    with pytest.raises(ValueError, match=r"'value'.*each of the 4 examples, got shape \(\)"):
        evaluator.means({}, {}, Split(jnp.arange(8.0), 1.0))


def test_split_needs_one_leading_axis():
    assert Split({"a": jnp.zeros((3, 2)), "b": jnp.zeros(3)}).size == 3
    with pytest.raises(ValueError, match=r"\['a'\]: 3, \['b'\]: 4"):
        Split({"a": jnp.zeros(3), "b": jnp.zeros(4)})
    with pytest.raises(ValueError, match="at least one array"):
        Split(())


def test_model_comes_back_from_its_arrays():
    model = blobs_task.Net(8, nnx.Rngs(0))
    anatomy = Anatomy.of(model)
    params, other = anatomy.initial()
    assert set(params) == {"hidden", "norm", "head"}
    assert set(other) == {"norm"}, "running averages; no random streams"
    points = jnp.ones((4, 2))
    model.eval()
    np.testing.assert_array_equal(anatomy.build(params, other)(points), model(points))


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


def test_task_module_with_a_missing_dependency(tmp_path, monkeypatch):
    (tmp_path / "needy_task.py").write_text("import surely_not_installed\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="needy_task needs 'surely_not_installed'"):
        load_task(ml_collections.ConfigDict({"task": "needy_task:Task"}))


def test_config_differences_and_plain_config():
    old = plain_config(ml_collections.ConfigDict({"a": {"b": (1, 2), "c": 1}}))
    assert list(old.a.b) == [1, 2]
    new = ml_collections.ConfigDict({"a": {"b": [1, 3]}, "d": "x"})
    assert config_differences(old, new) == [
        "config.a.b: [1, 2] → [1, 3]",
        "config.a.c: 1 → (absent)",
        "config.d: (absent) → 'x'",
    ]
    with pytest.raises(ValueError, match=r"config\.a cannot be written as JSON"):
        plain_config(ml_collections.ConfigDict({"a": {1, 2}}))


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_files_that_are_corrupt_are_named(tmp_path, content):
    place = Workdir(tmp_path)
    place.config.write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json is not the config.*another --workdir"):
        place.read_config()
    place.result.write_bytes(content)
    with pytest.raises(ValueError, match=r"result\.json is not the result.*Remove it"):
        result.read_result(place)


def git(folder, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def repository(folder):
    (folder / "neurosym" / "training").mkdir(parents=True)
    git(folder, "init")
    git(folder, "commit", "--allow-empty", "-m", folder.name)
    return git(folder, "rev-parse", "HEAD").strip()


def test_the_revision_is_the_packages_else_that_of_the_working_directory(tmp_path, monkeypatch):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    my_revision, their_revision = repository(mine), repository(theirs)
    monkeypatch.chdir(mine)
    monkeypatch.setattr(result, "__file__", str(theirs / "neurosym" / "training" / "result.py"))
    assert result.revision() == their_revision
    # Installed into a folder of somebody's repository, the package has no revision of its own.
    installed = theirs / "site-packages" / "neurosym" / "training" / "result.py"
    monkeypatch.setattr(result, "__file__", str(installed))
    assert result.revision() == my_revision


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_values_that_are_not_finite_become_null(tmp_path):
    with MetricsLog(Workdir(tmp_path)) as log:
        log.write({"step": 1, "epoch": 1, "split": "train", "loss": math.nan})
    assert read_metrics(tmp_path / "metrics.jsonl")[0]["loss"] is None
