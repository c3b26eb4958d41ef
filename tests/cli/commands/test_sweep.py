"""`neurosym sweep` with a user's own task.

Workers are processes; in most tests light ones, which do not wait for JAX.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from neurosym.cli.commands import sweep
from neurosym.cli.main import main
from neurosym.sweeps import SweepStudy
from neurosym.sweeps.storage import sqlite_url
from neurosym.sweeps.trials import WORKER

try:  # It logs to the standard error that is there when it is imported.
    import submitit
except ImportError:
    submitit = None

TOY = Path(__file__).parents[2] / "training" / "blobs_task.py"
CONFIG = '''"""Three blobs in the plane, and what to vary."""

from blobs_task import get_config


def sweep(trial):
    name = trial.suggest_categorical("optimizer.name", ["adam", "sgd"])
    fields = {
        "data.noise": 0.8,
        "optimizer.name": name,
        "encoder.width": trial.suggest_int("encoder.width", 2, 16),
    }
    if name == "sgd":
        fields["optimizer.learning_rate"] = trial.suggest_float(
            "optimizer.learning_rate", 1e-3, 1e-1, log=True
        )
    return fields
'''
SCRIPT = "import sys; from neurosym.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    shutil.copy(TOY, folder / "blobs_task.py")
    (folder / "my_config.py").write_text(CONFIG)
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def arguments(workdir, *more):
    return ["sweep", "--config=my_config.py", f"--workdir={workdir}", *more]


def wait_for(condition, over=None, seconds=240.0):
    until = time.monotonic() + seconds
    while not (found := condition()) and not (over and over.is_set()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return found


def running(folder, workdir):
    """The running trials of a sweep with their workers' processes, once they were validated."""
    path = folder / workdir / "study.db"
    if not path.exists():
        return []
    try:
        study = SweepStudy(sqlite_url(path), workdir)
        study.load()
        trials = study.trials()
    except ValueError:
        return []
    return [
        (t.number, int(t.user_attrs[WORKER].split(":")[1]))
        for t in trials
        if t.state.name == "RUNNING" and WORKER in t.user_attrs and t.last_step
    ]


@pytest.mark.slow
def test_a_sweep_with_a_killed_worker_finds_its_best_and_leaves_everything(here, capsys):
    command = [sys.executable, "-c", SCRIPT]
    command += arguments("first", "--trials=3", "--workers=2", "--config.train.epochs=12")
    process = subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        number, pid = wait_for(lambda: running(here, "first") or process.poll())[0]
        os.kill(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    workdir = here / "first"
    written = json.loads((workdir / "sweep.json").read_text())
    trials = written["trials"]
    assert trials[number]["state"] == "FAIL"
    assert trials[number]["error"] == "a worker was killed by SIGKILL"
    (retry,) = [t for t in trials if t.get("retry_of") == number]
    assert retry["params"] == trials[number]["params"]
    assert [t["state"] for t in trials if t["number"] != number] == ["COMPLETE"] * 3
    assert trials[0]["params"] == {"optimizer.name": "adam", "encoder.width": 8}
    values = [t["value"] for t in trials if t["state"] == "COMPLETE"]
    assert written["best"]["value"] == max(values)
    assert f"a worker was killed by SIGKILL; trial {number} is retried" in err
    assert "\x1b" not in out + err

    for name in ("history", "parallel_coordinates"):
        assert (workdir / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    spec = importlib.util.spec_from_file_location("best_config", workdir / "best_config.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    best = module.get_config()
    assert best.encoder.width == written["best"]["params"]["encoder.width"]
    assert best.data.noise == 0.8, "a field that the function sets for every trial is part of it"
    assert best.train.epochs == 12
    line = next(line.strip() for line in out.splitlines() if "neurosym train" in line)
    assert line in module.__doc__
    assert "--config.train.epochs=12" in line
    assert not list(workdir.glob("trials/*/result.json")), "no trial has read the test split"

    # Nothing is left to do: the same command only shows, another is refused.
    same = arguments("first", "--trials=3", "--config.train.epochs=12")
    before = (workdir / "sweep.json").read_bytes()
    assert main(same) == 0
    assert "best accuracy on validation" in capsys.readouterr().out
    assert (workdir / "sweep.json").read_bytes() == before
    assert main(arguments("first", "--trials=3")) == 2
    assert "config.train.epochs: 12 → 3" in capsys.readouterr().err
    assert main([*same, "--config.encoder.width=5"]) == 2
    err = capsys.readouterr().err
    assert "config.encoder.width: 8 → 5" in err
    assert "fields set by hand: train.epochs → encoder.width, train.epochs" in err


@pytest.fixture
def light(monkeypatch, tmp_path):
    """Workers that do not train: a trial is a formula, told epoch by epoch, with pauses."""
    script = tmp_path / "light_worker.py"
    script.write_text(LIGHT_WORKER)
    monkeypatch.setattr(sweep, "_WORKER", (sys.executable, str(script)))
    monkeypatch.setattr(sweep, "_LOOK_SECONDS", 0.3)


LIGHT_WORKER = """
import json, os, signal, sys, time
import ml_collections
from optuna.trial import TrialState
from neurosym.cli.configs import load_function
from neurosym.sweeps import Space, SweepStudy, make_pruner, make_sampler
from neurosym.sweeps.study import worker_name

job = json.loads(sys.stdin.readline())
space = Space(ml_collections.ConfigDict(job["config"]), load_function(job["source"], "sweep"),
              fixed=job["fixed"])
study = SweepStudy(job["storage"], job["study"], heartbeat=job["heartbeat"])
study.load(sampler=make_sampler(job["sampler"], seed=job["seed"]),
           pruner=make_pruner(job["pruner"], epochs=job["epochs"]))
study.name_metric("accuracy")

def stop(number, frame):
    study.put_back(trial)
    sys.exit(128 + number)

while (trial := study.next_trial(job["trials"])) is not None:
    signal.signal(signal.SIGTERM, stop)
    trial.set_user_attr("worker", worker_name(os.getpid()))
    proposal = space.propose(trial)
    trial.set_user_attr("fields", proposal.fields)
    config = proposal.config
    if config.data.nan_at >= 0:
        trial.set_user_attr("error", f"NonFiniteError: trial {trial.number}")
        study.finish(trial, state=TrialState.FAIL)
        continue
    for epoch in range(1, config.train.epochs + 1):
        trial.report(config.encoder.width / 20, epoch)
        if epoch == 2 and os.path.exists("hold"):
            open("held", "w").write(str(os.getpid()))
            while os.path.exists("hold"):
                time.sleep(0.02)
    study.finish(trial, value=config.encoder.width / 20)
"""


@pytest.fixture
def once_held(here, light):
    """Calls something with a worker's process, once that stands still in a trial."""
    hold, held = here / "hold", here / "held"

    def begin(act):
        hold.touch()
        threads.append(threading.Thread(target=wait, args=(act,)))
        threads[-1].start()

    def wait(act):
        try:
            if process := wait_for(lambda: held.exists() and held.read_text(), over):
                act(int(process))
        finally:
            hold.unlink()

    threads, over = [], threading.Event()
    yield begin
    over.set()
    for thread in threads:
        thread.join()
    held.unlink(missing_ok=True)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def result_of(here, workdir):
    return json.loads((here / workdir / "sweep.json").read_text())


def test_the_number_of_trials_is_the_total_over_calls(here, light, capsys):
    quick = ["--config.train.epochs=1", "--sampler=random"]
    assert main(arguments("total", "--trials=3", *quick)) == 0
    first = result_of(here, "total")
    assert [t["state"] for t in first["trials"]] == ["COMPLETE"] * 3
    assert first["trials"][0]["params"] == {"optimizer.name": "adam", "encoder.width": 8}
    assert main(arguments("total", "--trials=5", *quick)) == 0
    later = result_of(here, "total")
    assert [t["number"] for t in later["trials"]] == [0, 1, 2, 3, 4]
    assert later["trials"][:3] == first["trials"]
    best = max(later["trials"], key=lambda t: (t["value"], -t["number"]))
    assert later["best"] == best
    out, err = capsys.readouterr()
    assert err.count("complete: ") == 5, "each trial is told once"
    assert f"--config.encoder.width={best['params']['encoder.width']} " in out
    for name in ("history", "importances", "parallel_coordinates"):
        assert (here / "total" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_trial_retried(here, once_held, capsys):
    once_held(lambda pid: os.kill(pid, signal.SIGKILL))
    assert main(arguments("killed", "--trials=2", "--config.train.epochs=3")) == 0
    killed, retry, last = result_of(here, "killed")["trials"]
    assert (killed["state"], killed["error"]) == ("FAIL", "a worker was killed by SIGKILL")
    assert (retry["state"], retry["retry_of"], retry["params"]) == ("COMPLETE", 0, killed["params"])
    assert last["state"] == "COMPLETE"
    assert "a worker was killed by SIGKILL; trial 0 is retried" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_signal_puts_trials_back_and_the_same_command_goes_on(
    here, once_held, capsys, number, code
):
    workdir = f"stopped_{code}"
    command = arguments(workdir, "--trials=1", "--config.train.epochs=3")

    def interrupt(worker):
        os.kill(os.getpid(), number)
        # The worker stays where it is until it is asked to stop.
        wait_for(lambda: not is_alive(worker))

    once_held(interrupt)
    assert main(command) == code
    assert "0 of 1 trials are finished; the same command goes on" in capsys.readouterr().err
    assert [t["state"] for t in result_of(here, workdir)["trials"]] == ["WAITING"]
    assert result_of(here, workdir)["best"] is None
    assert main(command) == 0
    assert [t["state"] for t in result_of(here, workdir)["trials"]] == ["COMPLETE"]


def test_time_that_is_up_puts_trials_back(here, once_held, capsys):
    once_held(lambda worker: wait_for(lambda: not is_alive(worker)))
    assert main(arguments("late", "--trials=1", "--config.train.epochs=3", "--timeout=6")) == 0
    err = capsys.readouterr().err
    assert "time is up" in err
    assert "0 of 1 trials are finished" in err
    assert [t["state"] for t in result_of(here, "late")["trials"]] == ["WAITING"]


def test_trials_that_all_fail_are_a_failure_with_the_first_error(here, light, capsys):
    assert main(arguments("bad", "--trials=2", "--config.data.nan_at=2")) == 1
    assert "every trial has failed; trial 0: NonFiniteError: trial 0" in capsys.readouterr().err
    written = result_of(here, "bad")
    assert written["best"] is None
    assert [t["state"] for t in written["trials"]] == ["FAIL"] * 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--sampler=cmaes"], "there is no sampler 'cmaes'"),
        (["--pruner=mean"], "there is no pruner 'mean'"),
        (["--trials=0"], "trials"),
        (["--timeout=nan"], "--timeout is a number, not nan"),
        (["--job=timeout_min=3"], "it goes with --launcher=slurm or local"),
        # The float stands in a branch that the config's own values do not take.
        (["--sampler=grid"], "optimizer.learning_rate is a float without a step"),
        (["--width=4"], "a field of the config is set by --config.encoder.width=4"),
        (["--storage=nonsense"], "is not a storage URL"),
        (["--config.encoder.with=4"], "near matches: config.encoder.width"),
        (["--config.optimizer.learning_rate=-1"], "must be at least 0"),
        (
            ["--config.encoder.width=4", "--config.optimizer.name=adam"],
            "sweep(trial) varies nothing",
        ),
        (["extra"], "takes flags only"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(here, capsys, more, message):
    assert main(arguments("never", *more)) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("neurosym sweep: error: ")
    assert out == ""
    assert not (here / "never").exists()


def test_a_config_without_the_function_and_a_missing_workdir_are_said(here, capsys):
    (here / "plain.py").write_text("from blobs_task import get_config\n")
    assert main(["sweep", "--config=plain.py", "--workdir=never"]) == 2
    assert "plain.py has no function sweep" in capsys.readouterr().err
    assert main(["sweep", "--config=my_config.py"]) == 2
    assert "--workdir=FOLDER is missing" in capsys.readouterr().err
    (here / "run").mkdir()
    (here / "run" / "config.json").write_text("{}")
    assert main(arguments("run")) == 2
    assert "is the workdir of a run" in capsys.readouterr().err


@pytest.mark.skipif(submitit is None, reason="the extra `slurm` is not installed")
@pytest.mark.slow
def test_workers_may_be_jobs_on_the_same_study(here, capsys):
    command = arguments("jobs", "--trials=2", "--workers=1", "--config.train.epochs=1")
    assert main([*command, "--launcher=local", "--job=timeout_min=10"]) == 0
    assert [t["state"] for t in result_of(here, "jobs")["trials"]] == ["COMPLETE"] * 2
    # The same command goes on with processes: the study is the same.
    assert main([*arguments("jobs", "--trials=3", "--config.train.epochs=1")]) == 0
    assert len(result_of(here, "jobs")["trials"]) == 3


@pytest.mark.skipif(submitit is None, reason="the extra `slurm` is not installed")
@pytest.mark.slow
def test_jobs_of_a_cluster_that_is_not_here_are_refused(here, capsys):
    assert main(arguments("cluster", "--trials=2", "--launcher=slurm")) == 2
    assert "jobs cannot be submitted to slurm" in capsys.readouterr().err


@pytest.mark.slow
def test_a_task_that_is_not_there_ends_it_before_a_trial(here, capsys):
    assert main(arguments("no_task", "--config.task=blobs_task:Blub", "--trials=2")) == 2
    assert "has no 'Blub'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["digits_addition", "mnist_addition", "mnist_classification", "formula", "visual_sudoku"],
)
def test_the_spaces_of_the_repositorys_configs_hold_every_variants_own_values(name):
    from neurosym.cli.configs import load_config, load_function
    from neurosym.sweeps import Space

    source = f"configs/{name}.py"
    variants = load_function(source, "get_config").__globals__["VARIANTS"]
    assert variants
    for variant in variants:
        space = Space(load_config(f"{source}:{variant}"), load_function(source, "sweep"))
        proposal = space.defaults()
        assert proposal.config.data.get("final", False) is False, "there is something to judge by"
