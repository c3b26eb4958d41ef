"""`neurosym compare` and `neurosym doctor`, as a user sees them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from PIL import Image
from reports.writing import epochs, write_record, write_run

from neurosym.cli.commands import doctor
from neurosym.cli.main import main


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two finished runs and one that is not."""
    monkeypatch.chdir(tmp_path)
    write_run(
        tmp_path / "a",
        {"accuracy": 0.90, "loss": 0.5},
        lines=epochs([1.0, 0.5], [0.75, 0.7]),
        config={"train": {"epochs": 2}, "width": 8},
    )
    write_run(
        tmp_path / "b",
        {"accuracy": 0.925, "loss": 0.25},
        lines=epochs([0.9, 0.4, 0.3], [0.6, 0.8, 0.8]),
        config={"train": {"epochs": 3}, "width": 8, "depth": 2},
        seed=4,
        revision="b" * 40,
        versions={"python": "3.11", "jax": "0.11"},
    )
    running = write_run(tmp_path / "c", {}, lines=epochs([2.0], [0.5]))
    (running / "result.json").unlink()
    return tmp_path


def cells(text):
    """The rows of all tables by their first cell; what fills the lines is left out."""
    rows = [line.strip("│ ").split("│") for line in text.splitlines() if line.startswith("│")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_compare_shows_what_differs(runs, capsys):
    assert main(["compare", "a", "b"]) == 0
    out = capsys.readouterr().out
    rows = cells(out)
    assert rows["train.epochs"] == ["2", "3"]
    assert rows["depth"] == ["–", "2"]
    assert rows["seed"] == ["0", "4"]
    assert "width" not in rows
    assert "2 fields are the same." in out  # task and width
    assert rows["accuracy (%)"] == ["90", "92.5", "+2.5"]
    assert rows["loss"] == ["0.5", "0.25", "-0.25"]
    assert rows["revision"] == ["a" * 40, "b" * 40]
    assert rows["jax"] == ["0.10", "0.11"]
    assert "python" not in rows
    assert rows["seconds"] == ["3.0", "3.0"]
    assert rows["train loss, last"] == ["0.5 (step 20)", "0.3 (step 30)"]
    # Of equals the first is the best.
    assert rows["validation accuracy, best"] == ["75.00 % (step 10)", "80.00 % (step 20)"]
    assert rows["validation accuracy, last"] == ["70.00 % (step 20)", "80.00 % (step 30)"]


def test_compare_takes_records_and_runs_that_go_on(runs, capsys):
    record = write_record(runs / "results", runs / "a")
    assert main(["compare", "a", str(record), "c"]) == 0
    rows = cells(capsys.readouterr().out)
    assert rows["accuracy (%)"] == ["90", "90", "–", "+0", "–"]
    assert rows["steps"] == ["20", "20", "not finished"]
    assert rows["train loss, last"][-1] == "2 (step 10)"


def test_equal_runs_differ_in_nothing(runs, capsys):
    assert main(["compare", "a", "a"]) == 0
    assert "config: what differs: nothing" in capsys.readouterr().out


def test_compare_draws_the_curves(runs, capsys):
    assert main(["compare", "a", "b", "--picture=out/curves.png"]) == 0
    assert "picture: out/curves.png" in capsys.readouterr().out
    with Image.open(runs / "out" / "curves.png") as image:
        assert image.width > 1000
    assert main(["compare", "a", "b", "--picture=x.png", "--metric=los"]) == 2
    assert "no run has the validation metric 'los'; there are: accuracy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a"], "two runs or more are needed"),
        (["a", "nowhere"], "there is no nowhere"),
        (["a", "empty"], "empty is not the workdir of a run"),
        (["a", "seeds"], "seeds holds several runs: name one of seed_0, seed_1"),
    ],
)
def test_compare_says_what_is_wrong(runs, arguments, message, capsys):
    (runs / "empty").mkdir()
    for seed in (0, 1):
        write_run(runs / "seeds" / f"seed_{seed}", {"accuracy": 0.5}, seed=seed)
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "result.json"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"step": 1\n{"step": 2}\n'])
def test_a_damaged_file_of_a_run_is_named_by_every_command(runs, name, content, capsys):
    (runs / "a" / name).write_bytes(content)
    assert main(["compare", "a", "b"]) == 2
    assert f"error: a/{name} is not the " in capsys.readouterr().err
    assert main(["tabulate", "."]) == 0, "the others are tabulated"
    out, err = capsys.readouterr()
    assert f"neurosym tabulate: a/{name} is not the " in err
    assert len(err.splitlines()) == 1
    assert "| b" in out
    (runs / "toy.py").write_text(
        "import ml_collections\n\n\ndef get_config():\n    return ml_collections.ConfigDict("
        "{'task': 't:T', 'seed': 0, 'train': {'epochs': 2}, 'width': 8})\n"
    )
    assert main(["record", "--config=toy.py", "a"]) == 2
    assert f"error: a/{name} is not the " in capsys.readouterr().err
    assert not (runs / "docs").exists()


def test_a_benchmarks_output_that_is_no_text_is_named(runs, capsys):
    (runs / "out.json").write_bytes(b"\xff")
    assert main(["record", "--benchmark=x", "out.json"]) == 2
    assert "error: out.json is not what a benchmark prints: 'utf-8'" in capsys.readouterr().err
    (runs / "out.json").write_text('{"seconds": NaN}')
    assert main(["record", "--benchmark=x", "out.json", "--results=results"]) == 2
    assert "x.json: output.seconds is nan, and JSON has no form" in capsys.readouterr().err


def test_doctor_is_well_here_and_says_what_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NEUROSYM_DATA_DIR", f"{tmp_path}/data")
    monkeypatch.setenv("NEUROSYM_TOKEN", "sesame")
    monkeypatch.setenv("JAX_STORE", "grpc://me:sesame@host/x")
    monkeypatch.setenv("UNRELATED", "sesame")
    assert main(["doctor", "--json"]) == 0
    out = capsys.readouterr().out
    report = json.loads(out)
    assert report["self-check"] == dict.fromkeys(("propagation", "total", "gradient"), "as known")
    assert report["versions"]["python"] == sys.version.split()[0]
    assert report["devices"]["backend"] == jax.default_backend()
    programs = report["compiled programs"]
    assert programs["folder"].startswith("off") or programs["programs"] >= 0
    assert report["devices"]["64-bit numbers"] == "off (the default)"
    assert report["datasets"]["digits"].startswith("in ")
    assert report["datasets"]["mnist"] == "missing"
    assert report["environment"]["NEUROSYM_DATA_DIR"] == "~/data"
    assert report["environment"]["NEUROSYM_TOKEN"] == "(set, not shown)"
    assert report["environment"]["JAX_STORE"] == "grpc://…@host/x"
    assert "sesame" not in out
    assert str(tmp_path) not in out
    assert "usable of" in report["machine"]["cores"]


def test_doctor_tells_what_is_wrong_and_the_rest_too(monkeypatch, capsys):
    import neurosym as ns

    def broken():
        raise RuntimeError("no driver")

    monkeypatch.setattr(ns, "total", lambda network, weights: weights.sum())
    monkeypatch.setattr(doctor, "_devices", broken)
    assert main(["doctor"]) == 1
    rows = cells(capsys.readouterr().out)
    assert rows["error"] == ["RuntimeError: no driver"]
    assert rows["propagation"] == ["as known"]
    assert rows["total"] == rows["gradient"] == ["WRONG"]


@pytest.mark.slow
def test_doctor_has_said_the_flags_when_one_of_them_ends_jax():
    script = "import sys; from neurosym.cli.main import main; sys.exit(main(['doctor']))"
    environment = {**os.environ, "XLA_FLAGS": "--xla_there_is_no_such_flag"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode != 0
    assert "--xla_there_is_no_such_flag" in done.stdout
