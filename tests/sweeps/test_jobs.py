"""Workers as jobs, by the executor of submitit for this machine: only the scheduler differs."""

import importlib.util
import os
import sys
import time

import ml_collections
import pytest

from neurosym.sweeps import Space, SweepStudy, summarise
from neurosym.sweeps.jobs import JobCrew, read_parameters
from neurosym.sweeps.storage import sqlite_url

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

# Stands in for a worker, without waiting for JAX; pickled by its name, like the true one.
WORK = """
import os, signal, sys
from pathlib import Path
from neurosym.sweeps import SweepStudy
from neurosym.sweeps.strategies import make_pruner, make_sampler
from neurosym.sweeps.study import worker_name
from neurosym.sweeps.trials import WORKER

def work(job):
    if job["what"] == "refuse":
        return 2, "there is no module nonsense"
    if job["what"] == "raise":
        raise KeyError("broken")
    study = SweepStudy(job["storage"], "s")
    study.load(sampler=make_sampler("random", seed=0), pruner=make_pruner("none", epochs=1))
    while (trial := study.next_trial(job["trials"])) is not None:
        trial.set_user_attr(WORKER, worker_name(os.getpid()))
        flag = Path(job["flag"])
        if job["what"] == "die" and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        study.finish(trial, value=0.5)
    return 0, ""
"""


@pytest.fixture
def study(tmp_path):
    study = SweepStudy(sqlite_url(tmp_path / "study.db"), "s")
    config = ml_collections.ConfigDict({"width": 8})
    study.create(Space(config, lambda trial: {"width": trial.suggest_int("width", 2, 16)}))
    return study


@pytest.fixture
def crew_of(study, tmp_path, monkeypatch):
    (tmp_path / "light_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    paths = [str(tmp_path), *(path for path in sys.path if path)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))

    def crew_of(what, **options):
        from light_work import work

        job = {"what": what, "storage": sqlite_url(tmp_path / "study.db"), "trials": 3}
        job["flag"] = str(tmp_path / "flag")
        return JobCrew("local", work, job, 1, study, tmp_path / "logs", **options)

    yield crew_of
    sys.modules.pop("light_work", None)


def watch(crew, seconds=60.0):
    """Looks after a crew until it is gone; returns what was told."""
    told, until = [], time.monotonic() + seconds
    while not crew.is_gone():
        assert time.monotonic() < until, "the crew is not gone"
        told += crew.look_after()
        time.sleep(0.05)
    return told


def test_a_job_works_on_the_same_study(study, crew_of):
    with crew_of("finish") as crew:
        assert watch(crew) == []
    assert [trial.state for trial in summarise(study.trials())] == ["COMPLETE"] * 3


@pytest.mark.slow
def test_a_job_that_dies_with_a_trial_is_replaced_and_the_trial_retried(study, crew_of):
    with crew_of("die") as crew:
        (told,) = watch(crew)
    assert "trial 0 is retried" in told
    trials = summarise(study.trials())
    assert [trial.state for trial in trials].count("COMPLETE") == 3
    assert trials[0].state == "FAIL"


@pytest.mark.slow
def test_a_job_that_refuses_ends_it_with_its_reason(crew_of):
    with crew_of("refuse") as crew, pytest.raises(ValueError, match="there is no module nonsense"):
        watch(crew)


@pytest.mark.slow
def test_jobs_that_fail_at_once_are_not_submitted_for_ever(crew_of):
    with (
        crew_of("raise") as crew,
        pytest.raises(RuntimeError, match=r"jobs fail .*KeyError: 'broken'"),
    ):
        watch(crew)


def test_what_jobs_ask_for_is_read_and_checked(crew_of, monkeypatch):
    texts = ["slurm_partition=gpu", "timeout_min=90", "slurm_comment=a=b"]
    assert read_parameters(texts) == {
        "slurm_partition": "gpu",
        "timeout_min": 90,
        "slurm_comment": "a=b",
    }
    for text in ("timeout_min", "=3", "a="):
        with pytest.raises(ValueError, match="a parameter of jobs is NAME=VALUE"):
            read_parameters([text])
    with pytest.raises(ValueError, match=r"cannot be submitted to local: .*timeout_minutes"):
        crew_of("finish", parameters={"timeout_minutes": 3})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'neurosym\[slurm\]'"):
        crew_of("finish")
