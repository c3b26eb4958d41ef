"""What a sweep leaves: `sweep.json`, a config to train from, importances; and what is shown."""

import importlib.util
import io
import json

import ml_collections
import optuna
from rich.console import Console

from neurosym.sweeps import SweepDisplay, TrialSummary, importances, write_best_config, write_sweep

optuna.logging.set_verbosity(optuna.logging.ERROR)


def trial(number, state="COMPLETE", value=0.5, **fields):
    given = {
        "params": {"optimizer.learning_rate": 0.01 * (number + 1)},
        "fields": {},
        "epoch": 3,
        "seconds": 2.0,
        "error": "",
        "retry_of": None,
        "retried": False,
    }
    return TrialSummary(number=number, state=state, value=value, **{**given, **fields})


TRIALS = [
    trial(0),
    trial(1, "FAIL", None, error="ValueError: too wide\nmore", epoch=None),
    trial(2, "PRUNED", 0.9, epoch=1),
    trial(3, value=0.75),
    trial(4, "RUNNING", 0.99, seconds=None),
]


def test_the_file_is_as_documented(tmp_path):
    written = json.loads(write_sweep(tmp_path, TRIALS).read_text())
    assert written["best"] == {
        "number": 3,
        "state": "COMPLETE",
        "value": 0.75,
        "params": {"optimizer.learning_rate": 0.04},
    }, "a pruned trial is not the best, however it began"
    assert [t["number"] for t in written["trials"]] == [0, 1, 2, 3, 4]
    assert set(written["trials"][0]) == {"number", "state", "value", "params"}
    assert written["trials"][1]["error"].startswith("ValueError")
    assert written["trials"][1]["value"] is None
    assert json.loads(write_sweep(tmp_path, TRIALS[1:2]).read_text())["best"] is None


def test_values_below_zero_have_a_best_too(tmp_path):
    trials = [trial(0, value=-3.0), trial(1, value=-1.0), trial(2, value=-1.0)]
    assert json.loads(write_sweep(tmp_path, trials).read_text())["best"]["number"] == 1


def test_the_best_config_is_a_config_file_whatever_it_holds(tmp_path):
    config = ml_collections.ConfigDict(
        {"name": 'a "quoted" \\ name', "widths": [1, 2], "nested": {"rate": 0.1, "none": None}}
    )
    path = write_best_config(
        tmp_path, config, heading="The best.", command='neurosym train --x=\'\\ """\' --y'
    )
    spec = importlib.util.spec_from_file_location("best_config", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.get_config().to_dict() == config.to_dict()
    assert module.__doc__.startswith("The best.\n")
    assert 'neurosym train --x=\'\\ """\' --y' in module.__doc__


def test_importances_name_what_matters():
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    assert importances(study) == {}
    for _ in range(30):
        asked = study.ask()
        matters, idle = asked.suggest_float("matters", 0, 1), asked.suggest_float("idle", 0, 1)
        study.tell(asked, matters + 0.01 * idle)
    found = importances(study)
    assert list(found) == ["matters", "idle"]
    assert found["matters"] > 0.9
    assert abs(sum(found.values()) - 1) < 1e-6


def test_without_a_terminal_each_trial_that_ends_is_a_line():
    text = io.StringIO()
    with SweepDisplay(Console(file=text, width=200), 5, "sweep") as display:
        display.skip(TRIALS[:1])
        display.update(TRIALS[:3])
        display.update(TRIALS)
        display.update(TRIALS)
    lines = text.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "trial 1 failed",
        "trial 2 pruned",
        "trial 3 complete",
    ]
    assert "ValueError: too wide" in lines[0]
    assert "best 0.7500, trial 3" in lines[2]
    assert "optimizer.learning_rate=0.04" in lines[2]


def test_a_terminal_shows_a_table_with_the_best_and_what_runs_on_few_lines():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100, height=12, color_system=None)
    many = [trial(number, value=0.1) for number in range(40)]
    many[7] = trial(7, value=0.9)
    many[9] = trial(9, "RUNNING", 0.2, seconds=None)
    with SweepDisplay(console, 50, "sweeps/x") as display:
        display.update(many)
    shown = text.getvalue()
    assert "39 of 50 trials" in shown
    rows = [line.split("│")[1:] for line in shown.splitlines() if "│" in line]
    assert {int(row[0]) for row in rows} == {7, 9, 37, 38, 39}
    assert len(shown.splitlines()) < 2 * 12
