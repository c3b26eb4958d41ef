"""Reproduction of a tiny task over several calls: order, budget, resuming, adding seeds."""

import itertools
import json
import math
import shutil
import signal
import statistics
from pathlib import Path

import pytest
from training.compiling import compiled_once

from neurosym.cli.configs import load_config
from neurosym.cli.main import main
from neurosym.reports import find_entries, load_experiment, missing_jobs, run_jobs
from neurosym.reports.reproduction import run_folder
from neurosym.training import SilentProgress

TOY = Path(__file__).parents[1] / "training" / "blobs_task.py"
CONFIG = """
from blobs_task import get_config as blobs


def get_config(variant="noisy"):
    config = blobs()
    config.data.noise = {"noisy": 0.9, "clear": 0.3}[variant]
    return config
"""
PUBLISHED = {
    "title": "Three blobs",
    "config": "configs/blobs.py",
    "seeds": 2,
    "protocol": "Points in the plane.",
    "columns": [{"name": "noisy", "metric": "accuracy"}, {"name": "clear", "metric": "accuracy"}],
    "published": [{"method": "Theirs", "source": "s", "figures": {"noisy": [80.0, 1.5]}}],
    "ours": [{"method": "ours", "variants": {"noisy": "noisy", "clear": "clear"}}],
    "variants": {"noisy": {}, "clear": {}},
    "metrics": {"accuracy": "right"},
    "sources": {"s": {"text": "nobody"}},
    "quick": {"train.epochs": 1},
}


@pytest.fixture(scope="module", autouse=True)
def quick_compiles(tmp_path_factory):
    """Most runs here have the same program."""
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "published").mkdir(parents=True)
    shutil.copy(TOY, tmp_path / "blobs_task.py")
    (tmp_path / "configs" / "blobs.py").write_text(CONFIG)
    (tmp_path / "configs" / "published" / "blobs.json").write_text(json.dumps(PUBLISHED))
    return tmp_path


def jobs_of(project, seeds=None):
    experiment = load_experiment(project / "configs/published/blobs.json", load_config)
    results = project / "docs" / "results"
    entries = find_entries([results]).entries if results.exists() else []
    return missing_jobs([experiment], entries, seeds=seeds)


def run(project, jobs, **options):
    options = {"budget_seconds": math.inf, **options}
    return run_jobs(jobs, workdir=project / "runs", results=project / "docs/results", **options)


def ticking(ticks):
    """A clock on which a second goes by at every look: the budget is a number of looks."""
    counter = itertools.count()
    return {"clock": lambda: float(next(counter)), "budget_seconds": float(ticks)}


def test_every_variant_has_a_seed_before_any_has_two(project, capsys):
    jobs = jobs_of(project)
    assert [(job.seed, job.variant) for job in jobs] == [
        (0, "noisy"),
        (0, "clear"),
        (1, "noisy"),
        (1, "clear"),
    ]
    assert len(jobs_of(project, seeds=5)) == 10
    assert main(["reproduce", "blobs", "--dry_run", "--seeds=1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        "blobs:noisy, seed 0: neurosym train --config=configs/blobs.py:noisy --config.seed=0 "
        "--workdir=RUN"
    )
    assert "clear" in second
    assert sorted(path.name for path in project.iterdir()) == ["blobs_task.py", "configs"]


def test_a_reproduction_goes_on_where_the_budget_ended_it(project, capsys):
    jobs = jobs_of(project, seeds=1)[:1]
    # Three looks at the clock: at the start, before the run, and between two chunks of its steps.
    outcome = run(project, jobs, **ticking(2.5))
    assert (outcome.recorded, outcome.failures, outcome.left) == ([], [], 1)
    assert outcome.out_of_time
    assert outcome.signal_number is None
    folder = run_folder(jobs[0], project / "runs")
    assert list((folder / "checkpoints").iterdir())
    assert not (folder / "result.json").exists()
    assert jobs_of(project, seeds=1)[:1] == jobs
    outcome = run(project, jobs)
    assert (len(outcome.recorded), outcome.left, outcome.out_of_time) == (1, 0, False)
    curves = json.loads(outcome.recorded[0].read_text())["curves"]
    assert curves["train"]["step"] == curves["validation"]["step"] == [12, 24, 36]

    # Later calls know the record, and only add to it.
    record = outcome.recorded[0]
    before = record.read_bytes(), record.stat().st_mtime_ns
    assert main(["reproduce", "blobs", "--seeds=2", "--variants=noisy", "--workdir=runs"]) == 0
    assert (record.read_bytes(), record.stat().st_mtime_ns) == before
    out = capsys.readouterr().out.splitlines()
    added = project / out[0]
    assert added.name.endswith("-seed1.json")
    assert out[1:] == ["table: docs/results.md"]
    values = [
        100 * json.loads(path.read_text())["result"]["metrics"]["accuracy"]
        for path in (record, added)
    ]
    ours = f"{statistics.mean(values):.2f} ±{statistics.stdev(values):.2f} (n=2)"
    text = (project / "docs" / "results.md").read_text()
    assert "| Theirs (nobody) | 80.0 ±1.5 | – |" in text
    assert f"| **ours** | {ours} | – |" in text
    assert (project / "docs/results/blobs/curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(added.read_text())["command"] == (
        "neurosym train --config=configs/blobs.py:noisy --config.seed=1 --workdir=RUN"
    )


def test_without_time_nothing_is_begun(project, capsys):
    assert main(["reproduce", "blobs", "--budget_minutes=0"]) == 0
    assert "the time is up: 4 of 4 runs are left; the same command goes on" in (
        capsys.readouterr().err
    )
    assert not (project / "runs").exists()
    assert not (project / "docs").exists()


def test_a_run_is_not_begun_that_compiles_longer_than_is_left(project):
    (job,) = jobs_of(project, seeds=1)[:1]
    outcome = run(project, [job._replace(compile_seconds=60.0)], budget_seconds=59.0)
    assert outcome.out_of_time
    assert not (project / "runs").exists()


def test_a_quick_look_is_kept_apart(project, capsys):
    arguments = ["reproduce", "blobs", "--quick", "--variants=clear", "--workdir=runs"]
    assert main(arguments) == 0
    path, _ = capsys.readouterr().out.splitlines()
    record = json.loads((project / path).read_text())
    assert path.startswith("runs/quick/results/blobs/clear-")
    assert record["quick"] is True
    assert record["config"]["train"]["epochs"] == 1
    assert "--config.train.epochs=1" in record["command"]
    text = (project / "runs" / "quick" / "results.md").read_text()
    assert "**A quick look, not a result:** one seed with a reduced budget (train.epochs=1)" in text
    assert not (project / "docs").exists()
    assert len(jobs_of(project)) == 4, "full figures are as missing as before"
    assert main([*arguments, "--results=docs/results"]) == 2


def test_a_failure_does_not_stop_the_others(project, capsys):
    broken = CONFIG.replace("    return", "    config.train.batch_size = 0\n    return")
    (project / "configs" / "blobs.py").write_text(broken)
    assert main(["reproduce", "blobs", "--seeds=1", "--workdir=runs"]) == 1
    out, err = capsys.readouterr()
    for variant in ("noisy", "clear"):
        assert f"blobs:{variant}, seed 0: ValueError: config.train.batch_size must be" in err
    assert "some failed: 2 of 2 runs are left" in err
    assert out == ""


class Stopping(SilentProgress):
    """Somebody presses Ctrl-C while it trains."""

    def update(self, step, figures):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_stops_it_with_everything_saved(project):
    jobs = jobs_of(project, seeds=1)[:1]
    outcome = run(project, jobs, progress=Stopping)
    assert (outcome.signal_number, outcome.out_of_time, outcome.left) == (2, False, 1)
    assert list((run_folder(jobs[0], project / "runs") / "checkpoints").iterdir())


def test_what_another_process_recorded_meanwhile_is_not_run_again(project):
    jobs = jobs_of(project, seeds=1)[:1]
    folder = project / "docs" / "results" / "blobs"
    folder.mkdir(parents=True)
    record = folder / f"anything-{jobs[0].key}-seed0.json"
    record.write_text("{}")
    outcome = run(project, jobs)
    assert (outcome.recorded, outcome.left) == ([record], 0)
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name an experiment, or take --all; there are: blobs"),
        (["blob"], "no published figures for 'blob'; there are: blobs"),
        (["blobs", "--all"], "--all is every experiment"),
        (["blobs", "--seeds=0"], "--seeds"),
        (["blobs", "--variants=n1"], "no variant 'n1' to reproduce; there are: noisy, clear"),
        (["blobs", "--quick", "--seeds=2"], "--quick has one seed"),
    ],
)
def test_a_wrong_command_line_is_answered(project, arguments, message, capsys):
    assert main(["reproduce", *arguments]) == 2
    assert message in capsys.readouterr().err
