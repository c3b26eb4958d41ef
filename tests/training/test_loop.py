"""The loop: same bits after any interruption, best checkpoint by validation, test read once."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import blobs_task
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import compiled_once

from neurosym.training import (
    NonFiniteError,
    Options,
    RunInterrupted,
    SilentProgress,
    Workdir,
    evaluate_run,
    load_run,
    read_metrics,
    train,
)
from neurosym.training.checkpoints import Checkpoints

HERE = Path(__file__).parent
STEPS_PER_EPOCH = 12  # 200 examples in batches of 16
TIMES = ("seconds", "examples_per_second")


def config_with(**fields):
    config = blobs_task.get_config()
    config.train.checkpoint_every_steps = 5
    config.update_from_flattened_dict(fields)
    return config


def run(config, workdir, **options):
    task = blobs_task.Blobs(config)
    return train(config, workdir, task=task, options=Options(**options)), task


def saved_arrays(workdir, step):
    with Checkpoints(Workdir(Path(workdir)), read_only=True) as checkpoints:
        return checkpoints._read(step)


def timeless(workdir):
    records = read_metrics(Path(workdir) / "metrics.jsonl")
    return [{k: v for k, v in record.items() if k not in TIMES} for record in records]


def assert_same_run(workdir, other, step):
    ours, theirs = saved_arrays(workdir, step), saved_arrays(other, step)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name].tobytes() == theirs[name].tobytes(), name
    assert timeless(workdir) == timeless(other)


class SignalAt(SilentProgress):
    """Sends this process a signal once `step` steps are done; keeps what was said."""

    def __init__(self, step, number=None):
        self.step, self.number, self.said = step, number, []

    def update(self, step, figures):
        if self.number is not None and step >= self.step:
            os.kill(os.getpid(), self.number)
            self.number = None

    def say(self, message):
        self.said.append(message)


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Most runs here have the same program, and differ in where they stop."""
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run, its result and its task."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    result, task = run(config_with(), workdir)
    return workdir, result, task


def test_a_run_leaves_what_it_promises(whole):
    workdir, result, task = whole
    assert task.asked == ["train", "validation", "test"]
    written = json.loads((workdir / "result.json").read_text())
    assert written["metrics"] == result.metrics
    assert written["steps"] == 3 * STEPS_PER_EPOCH
    assert written["seed"] == 0
    assert written["wall_seconds"] > 0
    assert written["compile_seconds"] > 0
    assert {"python", "jax", "neurosym"} <= written["versions"].keys()
    assert written["device"]
    assert json.loads((workdir / "config.json").read_text()) == config_with().to_dict()
    assert any((workdir / "tensorboard").iterdir())
    assert result.metrics["width"] == 8.0
    assert result.metrics["accuracy"] > 0.6


def test_metrics_have_a_line_for_each_epoch_and_split(whole):
    records = read_metrics(whole[0] / "metrics.jsonl")
    assert [(r["step"], r["epoch"], r["split"]) for r in records] == [
        (STEPS_PER_EPOCH * epoch, epoch, split)
        for epoch in (1, 2, 3)
        for split in ("train", "validation")
    ]
    trained = [r for r in records if r["split"] == "train"]
    fields = {"loss", "accuracy", "learning_rate", "grad_norm", "examples_per_second", "seconds"}
    assert all(fields <= r.keys() for r in trained)
    assert trained[-1]["loss"] < trained[0]["loss"]
    total = 3 * STEPS_PER_EPOCH
    cosine = [0.005 * (1 + math.cos(math.pi * (r["step"] - 1) / total)) for r in trained]
    np.testing.assert_allclose([r["learning_rate"] for r in trained], cosine, rtol=1e-4)


def test_best_checkpoint_is_the_best_on_validation(whole):
    workdir, result, _ = whole
    records = [r for r in read_metrics(workdir / "metrics.jsonl") if r["split"] == "validation"]
    best = max(records, key=lambda r: (r["accuracy"], r["step"]))
    assert result.best_step == best["step"]
    assert result.validation["accuracy"] == pytest.approx(best["accuracy"])


def test_evaluating_a_run_again_gives_its_result(whole):
    workdir, result, _ = whole
    loaded = load_run(workdir, task=blobs_task.Blobs(config_with()))
    assert evaluate_run(loaded, "test") == result.metrics
    with pytest.raises(ValueError, match="the splits are train, validation, test"):
        evaluate_run(loaded, "tests")


def test_a_finished_run_is_not_trained_again(whole):
    workdir, result, _ = whole
    progress = SignalAt(0)
    again, task = run(config_with(), workdir, progress=progress)
    assert again == result
    assert task.asked == []
    assert "finished" in progress.said[0]


def test_another_config_may_not_use_the_workdir(whole):
    with pytest.raises(ValueError, match=r"config\.seed: 0 → 1\n +config\.train\.epochs: 3 → 4"):
        run(config_with(**{"train.epochs": 4, "seed": 1}), whole[0])


def test_kill_in_mid_epoch_then_resume_gives_the_same_bits(whole, tmp_path):
    killed = tmp_path / "killed"
    script = (
        "import signal, sys\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "from test_loop import SignalAt, config_with, run\n"
        f"run(config_with(), {str(killed)!r}, progress=SignalAt(22, signal.SIGKILL))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (killed / "result.json").exists()
    progress = SignalAt(0)
    result, _ = run(config_with(), killed, progress=progress)
    (said,) = [line for line in progress.said if line.startswith("resuming from step")]
    assert int(said.split()[-1]) in (15, 20), "a step within the second epoch"
    assert_same_run(killed, whole[0], result.steps)
    assert result.metrics == whole[1].metrics


def test_signals_save_and_the_run_goes_on_to_the_same_bits(whole, tmp_path):
    workdir = tmp_path / "stopped"
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    last = 0
    for step, number in [(13, signal.SIGINT), (25, signal.SIGTERM)]:
        with pytest.raises(RunInterrupted, match=r"run the same command again") as caught:
            run(config_with(), workdir, progress=SignalAt(step, number))
        assert caught.value.signal_number == number
        assert last < caught.value.step < 3 * STEPS_PER_EPOCH
        assert signal.getsignal(number) == before[number]
        last = caught.value.step
        # What a kill between a line and its checkpoint leaves: it must go when the run resumes.
        with open(workdir / "metrics.jsonl", "a") as file:
            file.write('{"step": 36, "epoch": 3, "split": "train", "loss": 99}\n{"step": 3')
    result, _ = run(config_with(), workdir)
    assert_same_run(workdir, whole[0], result.steps)


def test_another_seed_gives_another_run(whole, tmp_path):
    run(config_with(seed=1, **{"train.epochs": 1}), tmp_path)
    other, ours = read_metrics(tmp_path / "metrics.jsonl"), read_metrics(whole[0] / "metrics.jsonl")
    assert other[0]["step"] == ours[0]["step"]
    assert other[0]["loss"] != ours[0]["loss"]


def test_loop_of_single_steps_learns_the_same(whole, tmp_path):
    config = config_with(**{"train.loop": "step"})
    result, _ = run(config, tmp_path / "steps")
    ours = saved_arrays(tmp_path / "steps", result.steps)
    for name, expected in saved_arrays(whole[0], result.steps).items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-3, atol=1e-4, err_msg=name)


def test_non_finite_loss_names_the_step_and_keeps_the_last_good_checkpoint(tmp_path):
    config = config_with(**{"data.nan_at": 17})
    with pytest.raises(NonFiniteError, match=r"step 17.*learning_rate.*clip_norm") as caught:
        run(config, tmp_path)
    assert caught.value.step == 17
    assert not (tmp_path / "result.json").exists()
    arrays = saved_arrays(tmp_path, 15)
    assert all(np.isfinite(array).all() for array in arrays.values())


class NotANumber(blobs_task.Blobs):
    """Its metrics are not numbers where its config says so."""

    def loss(self, model, batch, *, key, step):
        loss, metrics = super().loss(model, batch, key=key, step=step)
        bad = (step == 17) & (self.config.data.nan == "loss")
        return loss, {**metrics, "margin": jnp.where(bad, jnp.nan, 1.0)}

    def evaluate(self, model, batch):
        metrics = super().evaluate(model, batch)
        bad = (batch[1] == 0) & (self.config.data.nan == "evaluate")
        return {**metrics, "entropy": jnp.where(bad, jnp.inf, 1.0)}

    def summarise(self, model, name):
        return {"width": math.nan if (name, self.config.data.nan) == ("test", "summarise") else 8.0}


@pytest.mark.parametrize(
    ("where", "message", "saved"),
    [
        ("loss", "'margin' of the task's loss .nan. is not finite at step", (5, 10, 12, 15)),
        ("evaluate", "'entropy' .*evaluate on validation .inf. is not finite at step 12", (5, 10)),
        ("summarise", "'width' on test, .* .nan. is not finite at step 36 .step 36 is", (36,)),
    ],
)
def test_a_metric_that_is_not_a_number_ends_the_run(tmp_path, where, message, saved):
    config = config_with(**{"data.noise": 0.9})
    config.data.nan = where
    with pytest.raises(NonFiniteError, match=message) as raised:
        train(config, tmp_path, task=NotANumber(config))
    assert "The same command goes on from what is saved" in str(raised.value)
    assert not (tmp_path / "result.json").exists()
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text()
    with Checkpoints(Workdir(tmp_path), read_only=True) as checkpoints:
        assert checkpoints.latest() in saved
    # Once the task is put right, nothing of what was learned is lost.
    whole = train(config, tmp_path, task=blobs_task.Blobs(config)) if where == "summarise" else None
    assert whole is None or whole.steps == 36


def test_last_and_best_checkpoints_stay(tmp_path):
    # At this rate the first epochs are the best ones, so the best is not among the newest.
    fields = {"optimizer.learning_rate": 3.0, "optimizer.schedule": "constant", "train.epochs": 6}
    config = config_with(**fields, **{"train.checkpoint_every_steps": 0})
    result, _ = run(config, tmp_path)
    steps = sorted(int(path.name) for path in (tmp_path / "checkpoints").iterdir())
    assert steps == sorted({result.best_step, 60, 72})
    records = [r for r in read_metrics(tmp_path / "metrics.jsonl") if r["split"] == "validation"]
    assert result.best_step == max(records, key=lambda r: (r["accuracy"], r["step"]))["step"]


def test_without_validation_the_last_parameters_count(tmp_path):
    config = config_with(**{"data.validation": 0, "train.epochs": 1})
    result, _ = run(config, tmp_path)
    assert result.best_step == STEPS_PER_EPOCH
    assert result.validation == {}
    assert all(r["split"] == "train" for r in read_metrics(tmp_path / "metrics.jsonl"))


def test_init_from_starts_from_another_run(whole, tmp_path):
    config = config_with(init_from=str(whole[0]), **{"train.epochs": 0})
    result, _ = run(config, tmp_path / "warm")
    assert result.steps == 0
    assert result.metrics == whole[1].metrics
    config.encoder.width = 9
    with pytest.raises(ValueError, match=r"params\.hidden\.kernel is \(2, 8\) there, \(2, 9\)"):
        run(config, tmp_path / "wider")
    assert not (tmp_path / "wider").exists()
    config.init_from = str(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="not the workdir of a run"):
        run(config, tmp_path / "lost")


def test_a_run_goes_on_when_the_one_it_came_from_is_gone(whole, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(whole[0], source)
    config = config_with(init_from=str(source), **{"train.epochs": 1})
    with pytest.raises(RunInterrupted):
        run(config, tmp_path / "warm", progress=SignalAt(1, signal.SIGTERM))
    shutil.rmtree(source)
    result, _ = run(config, tmp_path / "warm")
    assert result.steps == STEPS_PER_EPOCH


def test_a_checkpoint_of_something_else_is_named(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "other")
    for note in (tmp_path / "other").glob("checkpoints/*/_CHECKPOINT_METADATA"):
        content = json.loads(note.read_text())
        note.write_text(json.dumps(content | {"custom_metadata": {}}))
    with pytest.raises(ValueError, match=r"checkpoints/\d+ is not a checkpoint of this version"):
        load_run(tmp_path / "other", task=blobs_task.Blobs(config_with()))


def test_a_checkpoint_that_was_half_removed_is_none(whole, tmp_path):
    config = config_with(**{"train.keep_checkpoints": 3})
    with pytest.raises(RunInterrupted):
        run(config, tmp_path / "run", progress=SignalAt(STEPS_PER_EPOCH + 1, signal.SIGTERM))
    steps = sorted(int(p.name) for p in (tmp_path / "run" / "checkpoints").iterdir())
    half = tmp_path / "run" / "checkpoints" / str(steps[0])
    shutil.rmtree(half / "arrays")
    (half / "_CHECKPOINT_METADATA").unlink()
    run(config, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole[0], 3 * STEPS_PER_EPOCH)
    assert not half.exists()


def test_progress_shows_the_metric_in_training(tmp_path):
    shown = {}

    class Listening(SilentProgress):
        def update(self, step, figures):
            shown[step] = figures

    run(config_with(**{"train.epochs": 1}), tmp_path, progress=Listening())
    assert shown.keys() > {1, STEPS_PER_EPOCH}, "within the epoch too"
    assert list(shown[1]) == ["loss", "accuracy", "examples/s"]
    logged = read_metrics(tmp_path / "metrics.jsonl")[0]
    assert shown[STEPS_PER_EPOCH]["accuracy"] == logged["accuracy"]
    assert "validation accuracy" in shown[STEPS_PER_EPOCH]


def test_two_runs_do_not_share_a_workdir(tmp_path):
    refused = []

    class Intruder(SilentProgress):
        def update(self, step, figures):
            if not refused:
                with pytest.raises(ValueError, match=f"process {os.getpid()} is training") as error:
                    run(config, tmp_path)
                refused.append(error)

    config = config_with(**{"train.epochs": 1})
    result, _ = run(config, tmp_path, progress=Intruder())
    assert refused
    assert result.steps == STEPS_PER_EPOCH
    assert run(config, tmp_path)[0] == result, "free again, though the file is still there"
    assert (tmp_path / "lock").exists()


def test_wrong_settings_write_nothing(tmp_path):
    workdir = tmp_path / "never"
    for field, value, message in [
        ("train.batch_size", -1, r"config\.train\.batch_size must be at least 1, got -1"),
        ("train.batch_size", 201, r"batch_size \(201\) is larger than the training split \(200"),
        ("train.epochs", -1, r"config\.train\.epochs must be at least 0"),
        ("train.loop", "scam", r"one of scan, step, got 'scam'"),
        ("optimizer.name", "adamm", r"one of adam, adamw, sgd, got 'adamm'"),
        ("optimizer.schedule", "cosin", r"one of constant, cosine, linear, exponential"),
        ("seed", -3, r"config\.seed"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(config_with(**{field: value}), workdir)
    assert not workdir.exists()
