"""A worker in this process: values, pruning, failures, interruptions, and that test is not read."""

import json
import os
import signal

import numpy as np
import optuna
import pytest
from training import blobs_task

from neurosym.sweeps import Space, SweepStudy, Worker, make_pruner, make_sampler, summarise
from neurosym.sweeps import worker as worker_module
from neurosym.sweeps.storage import sqlite_url
from neurosym.sweeps.trials import best_of
from neurosym.training import RunInterrupted, Workdir, read_metrics, train
from neurosym.training.workdir import plain_config


def sweep(trial):
    fields = {
        "encoder.width": trial.suggest_int("encoder.width", 2, 16),
        "optimizer.name": trial.suggest_categorical("optimizer.name", ["adam", "sgd"]),
    }
    if fields["optimizer.name"] == "sgd":
        fields["optimizer.learning_rate"] = trial.suggest_float(
            "optimizer.learning_rate", 1e-3, 1e-1, log=True
        )
    return fields


class Sweep:
    """A sweep of blobs whose training is a formula: what is tested is what happens around it."""

    def __init__(self, folder, monkeypatch, curve, *, function=sweep, pruner="none"):
        self.folder, self.pruner = folder, pruner
        self.space = Space(blobs_task.get_config(), function)
        self.begun = []
        self.tasks = []
        monkeypatch.setattr(worker_module, "train", self._train)
        monkeypatch.setattr(worker_module, "load_task", self._task)
        monkeypatch.setattr(worker_module, "_forget_programs", lambda: None)
        self._curve = curve

    def run(self, trials):
        study = SweepStudy(sqlite_url(self.folder / "study.db"), "s")
        study.create(self.space)
        study.load(
            sampler=make_sampler("random", seed=0), pruner=make_pruner(self.pruner, epochs=3)
        )
        worker = Worker(study, self.space, self.folder, name="here:1")
        try:
            worker.check()
            worker.run(trials)
        finally:
            self.trials = summarise(study.trials())
        return self.trials

    def _task(self, config, **_):
        self.tasks.append(blobs_task.Blobs(config))
        return self.tasks[-1]

    def _train(self, config, workdir, *, task, options):
        assert options.judge_test is False
        workdir.mkdir(parents=True, exist_ok=True)
        metrics = Workdir(workdir).metrics
        done = len(read_metrics(metrics))
        self.begun.append((workdir.name, done))
        epochs, length = config.train.epochs, 12
        options.progress.start(done * length, epochs * length, length)
        for epoch in range(done + 1, epochs + 1):
            value = self._curve(config, int(workdir.name), epoch)
            with open(metrics, "a") as file:
                line = {"step": epoch * length, "split": "validation", "accuracy": value}
                file.write(json.dumps(line) + "\n")
            options.on_validation(epoch * length, {"accuracy": value, "loss": 1.0})


def by_width(config, number, epoch):
    return config.encoder.width / 20 - 0.01 * abs(epoch - 2)


def test_the_value_is_the_best_validation_metric_and_the_same_command_adds_trials(
    tmp_path, monkeypatch
):
    made = Sweep(tmp_path, monkeypatch, by_width)
    first = made.run(3)
    assert [t.state for t in first] == ["COMPLETE"] * 3
    assert first[0].params == {"encoder.width": 8, "optimizer.name": "adam"}
    for trial in first:
        assert trial.value == trial.params["encoder.width"] / 20, "epoch 2 is the best"
        assert trial.epoch == 3
    assert made.run(3) == first, "nothing is left to do"
    later = made.run(5)
    assert later[:3] == first
    assert len(later) == 5
    assert [name for name, _ in made.begun] == ["00000", "00001", "00002", "00003", "00004"]
    conditional = {t.params["optimizer.name"]: set(t.params) for t in later}
    assert "optimizer.learning_rate" not in conditional["adam"]
    assert best_of(later).params["encoder.width"] == max(t.params["encoder.width"] for t in later)
    assert not any("test" in task.asked for task in made.tasks)


def test_hopeless_trials_are_pruned_and_their_folders_say_how_far_they_came(tmp_path, monkeypatch):
    made = Sweep(
        tmp_path,
        monkeypatch,
        lambda config, number, epoch: 0.9 - 0.1 * number,
        pruner="median",
    )
    trials = made.run(8)
    assert [t.state for t in trials] == ["COMPLETE"] * 5 + ["PRUNED"] * 3
    assert [t.epoch for t in trials[5:]] == [1, 1, 1]
    assert trials[5].value == pytest.approx(0.4)
    assert best_of(trials).number == 0
    assert len(read_metrics(tmp_path / "trials" / "00005" / "metrics.jsonl")) == 1


def test_a_trial_that_fails_keeps_its_error_and_the_sweep_goes_on(tmp_path, monkeypatch):
    def curve(config, number, epoch):
        if number == 1 and epoch == 2:
            raise FloatingPointError("the loss is not finite")
        return 0.5

    trials = Sweep(tmp_path, monkeypatch, curve).run(4)
    assert [t.state for t in trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert trials[1].error == "FloatingPointError: the loss is not finite"
    assert trials[1].as_json()["error"] == trials[1].error
    assert not trials[1].retried


def test_a_value_out_of_bounds_fails_its_trial_alone(tmp_path, monkeypatch):
    def function(trial):
        width = trial.suggest_int("encoder.width", 2, 16)
        return {"encoder.width": width, "train.batch_size": 16 if width == 8 else 0}

    trials = Sweep(tmp_path, monkeypatch, by_width, function=function).run(2)
    assert [t.state for t in trials] == ["COMPLETE", "FAIL"]
    assert "config.train.batch_size must be at least 1" in trials[1].error


def test_what_is_nan_has_no_value(tmp_path, monkeypatch):
    def curve(config, number, epoch):
        return float("nan") if number == 0 or epoch == 3 else 0.5

    trials = Sweep(tmp_path, monkeypatch, curve).run(2)
    assert [t.state for t in trials] == ["FAIL", "COMPLETE"]
    assert "measured no accuracy" in trials[0].error
    assert trials[1].value == 0.5


def test_an_interrupted_trial_waits_and_goes_on_in_its_own_folder(tmp_path, monkeypatch):
    stop = [True]

    def curve(config, number, epoch):
        if number == 1 and epoch == 2 and stop:
            stop.pop()
            raise RunInterrupted(signal.SIGTERM, 12)
        return 0.1 * epoch

    made = Sweep(tmp_path, monkeypatch, curve)
    with pytest.raises(RunInterrupted):
        made.run(3)
    assert [t.state for t in made.trials] == ["COMPLETE", "WAITING"]
    trials = made.run(3)
    assert [t.state for t in trials] == ["COMPLETE"] * 3
    assert made.begun[1:3] == [("00001", 0), ("00001", 1)]
    assert trials[1].value == pytest.approx(0.3)


def test_a_signal_between_two_trials_stops_before_the_next(tmp_path, monkeypatch):
    def curve(config, number, epoch):
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.5

    made = Sweep(tmp_path, monkeypatch, curve)
    with pytest.raises(RunInterrupted):
        made.run(3)
    assert [t.state for t in made.trials] == ["COMPLETE"]


def test_the_retry_of_a_dead_workers_trial_goes_on_in_the_folder_of_the_first(
    tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    killed = [True]

    def curve(config, number, epoch):
        if number == 0 and epoch == 3 and killed:
            killed.pop()
            raise Killed
        return 0.1 * epoch

    made = Sweep(tmp_path, monkeypatch, curve)
    # As if the process were gone: nobody puts the trial back.
    with monkeypatch.context() as patch:
        patch.setattr(SweepStudy, "put_back", lambda self, trial: None)
        with pytest.raises(Killed):
            made.run(1)
    study = SweepStudy(sqlite_url(tmp_path / "study.db"), "s")
    study.load()
    assert study.retry_of_worker("here:1", "it died") == [0]
    trials = made.run(1)
    assert [t.state for t in trials] == ["FAIL", "COMPLETE"]
    assert made.begun == [("00000", 0), ("00000", 2)]
    assert trials[1].value == pytest.approx(0.3)
    assert trials[1].retry_of == 0


def test_a_trial_that_was_trained_to_its_end_before_is_not_trained_again(tmp_path, monkeypatch):
    made = Sweep(tmp_path, monkeypatch, lambda config, number, epoch: 0.1 * epoch)
    folder = tmp_path / "trials" / "00000"
    folder.mkdir(parents=True)
    lines = [{"step": 12 * e, "split": "validation", "accuracy": 0.2 * e} for e in (1, 2, 3)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert made.run(1)[0].value == pytest.approx(0.6)


def test_without_validation_nothing_runs(tmp_path, monkeypatch):
    made = Sweep(
        tmp_path, monkeypatch, by_width, function=lambda t: {**sweep(t), "data.validation": 0}
    )
    with pytest.raises(ValueError, match="no validation split"):
        made.run(2)
    assert made.begun == []
    assert [t.state for t in made.trials] == ["WAITING"]


def test_a_grid_ends_when_it_is_exhausted(tmp_path, monkeypatch):
    space = Space(
        blobs_task.get_config(), lambda t: {"encoder.width": t.suggest_int("encoder.width", 7, 9)}
    )
    made = Sweep(tmp_path, monkeypatch, by_width)
    made.space = space
    study = SweepStudy(sqlite_url(tmp_path / "study.db"), "s")
    study.create(space)
    study.load(sampler=make_sampler("grid", seed=0), pruner=make_pruner("none", epochs=3))
    Worker(study, space, tmp_path, name="here:1").run(50)
    widths = sorted(t.params["encoder.width"] for t in summarise(study.trials()))
    assert widths == [7, 8, 9]


def test_a_real_trial_is_a_run_that_train_can_judge_later(tmp_path, monkeypatch):
    """No formula here: the loop itself, which must stop before it reads the test split."""
    monkeypatch.setattr(worker_module, "load_task", lambda config, **_: blobs_task.Blobs(config))
    config = blobs_task.get_config()
    config.train.epochs = 2
    space = Space(config, lambda t: {"encoder.width": t.suggest_int("encoder.width", 2, 16)})
    study = SweepStudy(sqlite_url(tmp_path / "study.db"), "s")
    study.create(space)
    study.load(sampler=make_sampler("random", seed=0), pruner=make_pruner("none", epochs=2))
    Worker(study, space, tmp_path, name="here:1").run(1)
    (trial,) = summarise(study.trials())
    folder = tmp_path / "trials" / "00000"
    assert not (folder / "result.json").exists()
    lines = [r for r in read_metrics(folder / "metrics.jsonl") if r["split"] == "validation"]
    assert trial.value == max(line["accuracy"] for line in lines)
    assert optuna.load_study(study_name="s", storage=sqlite_url(tmp_path / "study.db"))
    config = space.with_fields(trial.fields)
    task = blobs_task.Blobs(plain_config(config))
    result = train(config, folder, task=task)
    assert result.steps == 24
    np.testing.assert_allclose(result.validation["accuracy"], trial.value, rtol=1e-6)
    assert task.asked.count("test") == 1
