"""The worker processes of a machine, with small scripts in place of workers."""

import os
import signal
import sys
import time

import ml_collections
import pytest

from neurosym.sweeps import Crew, Space, SweepStudy, summarise
from neurosym.sweeps.crew import worker_environment
from neurosym.sweeps.storage import sqlite_url
from neurosym.sweeps.study import worker_name
from neurosym.sweeps.trials import WORKER


@pytest.fixture
def study(tmp_path):
    study = SweepStudy(sqlite_url(tmp_path / "study.db"), "s")
    config = ml_collections.ConfigDict({"width": 8})
    study.create(Space(config, lambda trial: {"width": trial.suggest_int("width", 2, 16)}))
    return study


def crew_of(study, tmp_path, script, size=1):
    lead = "import json, os, signal, sys, time\njob = json.loads(sys.stdin.readline())\n"
    command = [sys.executable, "-c", lead + script]
    return Crew(command, {"answer": 42}, size, study, tmp_path / "logs")


def watch(crew, seconds=30.0):
    """Looks after a crew until it is gone; returns what was told."""
    told, until = [], time.monotonic() + seconds
    while not crew.is_gone():
        assert time.monotonic() < until, "the crew is not gone"
        told += crew.look_after()
        time.sleep(0.02)
    return told


def test_workers_get_their_job_and_leave(study, tmp_path):
    with crew_of(study, tmp_path, "print(job['answer'])", size=2) as crew:
        assert watch(crew) == []
    logs = [path.read_text() for path in (tmp_path / "logs").iterdir()]
    assert logs == ["42\n", "42\n"]


def test_a_worker_that_dies_with_a_trial_is_replaced_and_the_trial_retried(study, tmp_path):
    flag = tmp_path / "flag"
    script = (
        f"if not os.path.exists({str(flag)!r}):\n"
        f"    open({str(flag)!r}, 'w').close()\n"
        "    time.sleep(60)\n"
    )
    with crew_of(study, tmp_path, script) as crew:
        trial = study.next_trial(3)
        (name,) = crew.names()
        trial.set_user_attr(WORKER, name)
        while not flag.exists():
            time.sleep(0.02)
        os.kill(int(name.split(":")[1]), signal.SIGKILL)
        (told,) = watch(crew)
    assert told == "a worker was killed by SIGKILL; trial 0 is retried"
    first, second = summarise(study.trials())
    assert first.state == "FAIL"
    assert first.error == "a worker was killed by SIGKILL"
    assert (second.state, second.retry_of) == ("WAITING", 0)


def test_a_worker_that_refuses_ends_it_with_its_reason(study, tmp_path):
    script = "print('there is no module nonsense', file=sys.stderr); sys.exit(2)"
    with (
        crew_of(study, tmp_path, script) as crew,
        pytest.raises(ValueError, match="no module nonse"),
    ):
        watch(crew)


def test_workers_that_die_at_once_are_not_started_for_ever(study, tmp_path):
    script = "print('out of luck'); sys.exit(7)"
    with (
        crew_of(study, tmp_path, script) as crew,
        pytest.raises(RuntimeError, match=r"exit code 7.*out of luck"),
    ):
        watch(crew)


def test_stopping_asks_each_worker_once(study, tmp_path):
    flag = tmp_path / "ready"
    script = (
        "def stop(number, frame):\n    print('asked'); sys.exit(128 + number)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        f"open({str(flag)!r}, 'w').close()\ntime.sleep(60)\n"
    )
    with crew_of(study, tmp_path, script) as crew:
        while not flag.exists():
            time.sleep(0.02)
        crew.stop()
        assert watch(crew) == []
    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_text() == "asked\n"


def test_leaving_in_a_hurry_kills_the_workers_and_requeues_their_trials(study, tmp_path):
    crew = crew_of(study, tmp_path, "time.sleep(60)")
    with crew:
        (name,) = crew.names()
        study.next_trial(3).set_user_attr(WORKER, name)
    assert [t.state for t in summarise(study.trials())] == ["FAIL", "WAITING"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(name.split(":")[1]), 0)


def test_cores_and_gpus_are_shared_out():
    alone = worker_environment(0, 1, {"HOME": "/h"}, 8, ["0"])
    assert alone == {"HOME": "/h"}
    made = [worker_environment(place, 3, {"NPROC": "5"}, 8, ["4", "7"]) for place in range(3)]
    assert [m["CUDA_VISIBLE_DEVICES"] for m in made] == ["4", "7", "4"]
    assert {m["NPROC"] for m in made} == {"5"}, "what the user has set stays"
    assert {m["OMP_NUM_THREADS"] for m in made} == {"2"}
    assert {m["XLA_PYTHON_CLIENT_MEM_FRACTION"] for m in made} == {"0.45"}
    own = worker_environment(1, 2, {}, 1, ["0", "1"])
    assert own["NPROC"] == "1"
    assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in own, "each has a GPU to itself"


def test_names_of_workers_differ_between_processes():
    assert worker_name(1) != worker_name(2)
