"""Trackers: what they are told, that runs outlive them, and what is missing is said beforehand.

The packages of services are heavy; fakes stand in for them here.
"""

import json
import sys
import types

import pytest

from neurosym.cli.main import main
from neurosym.training import RunWarning, Workdir
from neurosym.training.metrics import MetricsLog, read_metrics
from neurosym.training.trackers import TRACKERS, check_trackers

LINES = [
    {"step": 2, "epoch": 1, "split": "train", "loss": 0.5, "accuracy": 0.25},
    {"step": 2, "epoch": 1, "split": "validation", "accuracy": float("nan")},
    {"step": 4, "epoch": 2, "split": "validation", "accuracy": 0.75},
]


class Service(types.ModuleType):
    """Stands in for `wandb` and `trackio`, which have one interface."""

    def __init__(self, name):
        super().__init__(name)
        self.__spec__ = types.SimpleNamespace(name=name)
        self.runs = []
        self.broken = False

    def init(self, **options):
        self.runs.append(types.SimpleNamespace(options=options, told=[], finished=False))
        run = self.runs[-1]

        def log(values, step=None):
            if self.broken:
                raise ConnectionError("no network")
            run.told.append((values, step))

        def finish():
            run.finished = True

        run.log, run.finish, run.define_metric = log, finish, lambda *names, **options: None
        return run


@pytest.fixture(params=["trackio", "wandb"])
def service(request, monkeypatch):
    found = Service(request.param)
    monkeypatch.setitem(sys.modules, request.param, found)
    return found


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"seed": 3}')
    return Workdir(tmp_path / "run")


def write(workdir, names, lines=LINES):
    with MetricsLog(workdir, trackers=names) as log:
        for line in lines:
            log.write(line)


def test_a_service_is_told_every_scalar_and_the_config(service, workdir):
    write(workdir, [service.__name__])
    (run,) = service.runs
    told = [{k: v for k, v in values.items() if k != "step"} for values, _ in run.told]
    assert told == [
        {"train/loss": 0.5, "train/accuracy": 0.25},
        {},  # what is not finite is no point of a curve
        {"validation/accuracy": 0.75},
    ]
    steps = [values.get("step", step) for values, step in run.told]
    assert steps == [2, 2, 4]
    assert run.finished
    assert run.options["config"] == {"seed": 3}
    assert run.options["project"] == "neurosym"
    assert not workdir.tensorboard.exists()


def test_a_run_that_is_resumed_goes_on_under_its_name(service, workdir, tmp_path):
    write(workdir, [service.__name__])
    write(workdir, [service.__name__])
    other = Workdir(tmp_path / "other")
    other.path.mkdir()
    other.config.write_text("{}")
    write(other, [service.__name__])
    names = [(run.options.get("id"), run.options["name"]) for run in service.runs]
    assert names[0] == names[1] != names[2]
    assert all(run.options["resume"] == "allow" for run in service.runs)


def test_a_run_outlives_a_service_that_fails(service, workdir):
    service.broken = True
    with pytest.warns(RunWarning, match=r"fails, and the run goes on .*no network") as said:
        write(workdir, ["tensorboard", service.__name__])
    assert len(said) == 1
    assert len(read_metrics(workdir.metrics)) == len(LINES)
    assert list(workdir.tensorboard.iterdir())


def test_nobody_is_told_where_nobody_is_named(workdir):
    write(workdir, [])
    assert len(read_metrics(workdir.metrics)) == len(LINES)
    assert not workdir.tensorboard.exists()


def test_what_is_missing_is_said_with_the_command_that_installs_it(monkeypatch, tmp_path, capsys):
    with pytest.raises(ValueError, match="no tracker 'tensorbord'; there are tensorboard, trackio"):
        check_trackers(["tensorbord"])
    find = "importlib.util.find_spec"
    monkeypatch.setattr(find, lambda name: None)
    for name, (package, _) in TRACKERS.items():
        with pytest.raises(ValueError, match=rf"needs the package {package}: pip install 'neuro"):
            check_trackers([name])
    monkeypatch.chdir(tmp_path)
    command = ["train", "--config=neurosym:digits_addition.py", "--workdir=run"]
    assert main([*command, "--tracker=tensorboard,wandb"]) == 2
    assert "pip install 'neurosym[" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_every_tracker_is_an_extra():
    import configparser
    from pathlib import Path

    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    assert set(TRACKERS) <= set(setup["options.extras_require"])
    assert json.dumps(sorted(TRACKERS)) == '["tensorboard", "trackio", "wandb"]'
