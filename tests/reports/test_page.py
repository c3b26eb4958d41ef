"""The page of results: from constructed records, and the one that the repository carries."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reports.writing import config_of, epochs, write_project, write_record, write_run

from neurosym.cli.main import main
from neurosym.reports import MARKER, file_output, load_benchmark

ROOT = Path(__file__).parents[2]
BENCHMARK = {
    "title": "A race",
    "command": "neurosym bench race",
    "date": "2026-01-02",
    "machine": "an abacus",
    "tables": [{"title": "Laps", "header": ["runner", "ms"], "rows": [["we", "3"], ["they", "4"]]}],
    "notes": ["It rained."],
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with published figures of a toy; results are made by `record`."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    (tmp_path / "docs" / "results").mkdir(parents=True)
    return tmp_path


def record(project, variant, seed, accuracy, *, quick=False, results="docs/results", **changes):
    run = project / "runs" / f"{variant}-{seed}-{quick}"
    lines = epochs([1.0, 0.5], [0.25, accuracy])
    config = config_of(variant, quick=quick)
    write_run(run, {"accuracy": accuracy}, seed=seed, config=config, lines=lines, **changes)
    return write_record(project / results, run, variant=variant, quick=quick)


def page_rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]


def test_theirs_and_ours_stand_side_by_side(project, capsys):
    accuracies = (0.96, 0.94, 0.965)
    for seed, accuracy in enumerate(accuracies):
        record(project, "plain", seed, accuracy, wall_seconds=100.0 + 20 * seed)
    record(project, "wide", 0, 0.9625)
    assert main(["results"]) == 0
    text = (project / "docs" / "results.md").read_text()
    rows = page_rows(text)
    mean, deviation = 100 * np.mean(accuracies), 100 * np.std(accuracies, ddof=1)
    plain = f"{mean:.2f} ±{deviation:.2f}"
    minutes = (np.array([100, 120, 140]) + 1) / 60
    took = f"{minutes.mean():.1f} ±{minutes.std(ddof=1):.1f} (n=3)"
    assert ["method", "small (%)", "large (%)", "minutes, small"] in rows
    assert ["[Theirs](https://example.org/p) ¹", "94.0 ±0.3", "91.4 to 95.2", "–"] in rows
    assert ["Others (T)", "timeout", "90", "–"] in rows
    assert ["**ours** ²˒¹", f"{plain} (n=3)", "96.25 (n=1)", took] in rows
    assert ["`toy:plain` ²", "3", plain, "95 met", "100 to 140", "1.0"] in rows
    assert ["`toy:wide`", "1", "96.25", "97 **missed**", "3.0", "1.0"] in rows
    assert text.index("- ¹ They may not.") < text.index("- ² We count honestly.")
    assert "sample standard deviation" in text
    assert "cpu (abacus, 2 cores), JAX 0.10, source revision aaaaaaa." in text
    assert "- A remark." in text
    assert "results/toy/curves.png" in text
    with Image.open(project / "docs" / "results" / "toy" / "curves.png") as image:
        assert image.width > 800
    assert capsys.readouterr().err == ""


def test_a_mean_that_ties_with_its_goal_meets_it(project):
    record(project, "plain", 0, 0.94)
    record(project, "plain", 1, 0.96)
    assert main(["results"]) == 0
    assert "| 95 met |" in (project / "docs" / "results.md").read_text()


def test_without_runs_the_page_says_so(project):
    assert main(["results"]) == 0
    text = (project / "docs" / "results.md").read_text()
    assert "Nothing has been run yet." in text
    assert "| 94.0 ±0.3 |" in text
    assert "curves.png" not in text


def test_old_records_without_curves_stay_valid_and_are_completed(project):
    path = record(project, "plain", 0, 0.96)
    whole = path.read_text()
    content = json.loads(whole)
    del content["curves"], content["result"]["together"]
    path.write_text(json.dumps(content))
    assert main(["results"]) == 0
    text = (project / "docs" / "results.md").read_text()
    assert "96.00 (n=1)" in text
    assert "curves.png" not in text
    write_record(project / "docs" / "results", project / "runs" / "plain-0-False")
    completed = json.loads(path.read_text())
    assert completed["curves"] == json.loads(whole)["curves"]
    assert completed["result"] == content["result"]


def test_a_quick_look_never_mixes_with_results(project, capsys):
    full = record(project, "plain", 0, 0.96)
    quick = record(project, "plain", 0, 0.5, quick=True)
    assert main(["results"]) == 0
    text = (project / "docs" / "results.md").read_text()
    assert "96.00 (n=1)" in text
    assert "50.00" not in text
    assert f"{quick.relative_to(project)} is not shown" in capsys.readouterr().err
    # Not even where the reduced budget is no reduction, so that the hash is the same.
    content = json.loads(quick.read_text())
    plain = json.loads(full.read_text())
    content["config"], content["config_hash"] = plain["config"], plain["config_hash"]
    content["result"]["seed"] = 1
    quick.write_text(json.dumps(content))
    assert main(["results"]) == 0
    assert "96.00 (n=1)" in (project / "docs" / "results.md").read_text()


def test_records_of_a_changed_config_are_told_and_not_shown(project, capsys):
    run = write_run(project / "old", {"accuracy": 0.1}, config={"width": 8, "epochs": 7})
    path = write_record(project / "docs" / "results", run)
    assert main(["results"]) == 0
    assert "10.00" not in (project / "docs" / "results.md").read_text()
    told = f"{path.relative_to(project)} is not shown: it belongs to no variant of configs/toy.py"
    assert told in capsys.readouterr().err


def test_check_tells_whether_the_page_is_up_to_date(project, capsys):
    assert main(["results", "--check"]) == 1
    assert main(["results"]) == 0
    assert main(["results", "--check"]) == 0
    record(project, "plain", 0, 0.96)
    before = (project / "docs" / "results.md").read_text()
    assert main(["results", "--check"]) == 1
    assert "is not what the records say" in capsys.readouterr().err
    assert (project / "docs" / "results.md").read_text() == before


def test_a_page_that_somebody_wrote_stays(project, capsys):
    page = project / "docs" / "results.md"
    page.write_text("# My results\n")
    assert main(["results"]) == 2
    assert "was not generated by `neurosym results`, and stays" in capsys.readouterr().err
    assert page.read_text() == "# My results\n"


def test_benchmarks_are_on_the_page(project):
    folder = project / "docs" / "results" / "benchmarks"
    folder.mkdir()
    (folder / "race.json").write_text(json.dumps({**BENCHMARK, "order": 2}))
    (folder / "zeroth.json").write_text(json.dumps({**BENCHMARK, "title": "First", "order": 1}))
    assert main(["results"]) == 0
    text = (project / "docs" / "results.md").read_text()
    assert text.index("### First") < text.index("### A race")
    for part in ("    neurosym bench race", "2026-01-02, an abacus", "| we | 3 |", "- It rained."):
        assert text.count(part) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": 3}, "title must be a text, got 3"),
        ({"when": "now"}, "when is not a field"),
        ({"notes": "x"}, "notes must be a list"),
        ({"order": "1"}, "order must be a whole number from 1"),
        ({"tables": []}, "there are no figures"),
        (
            {"tables": [{"header": ["a"], "rows": [["1", "2"]]}]},
            "tables[0].rows do not fit: a row has 2 cells",
        ),
        ({"tables": [{"header": ["a"], "rows": [[1]]}]}, "tables[0].rows must be lists of texts"),
        ({"tables": [{"rows": []}]}, "tables[0].header must name"),
        (
            {"output": {"a": 1}, "views": [{"rows": "b", "columns": {}}]},
            "views[0] asks for b, which the output does not have",
        ),
        (
            {"output": {"a": {"x": {}}}, "views": [{"rows": "a", "columns": {"c": "d"}}]},
            "asks for d",
        ),
        ({"output": [1]}, "output must hold fields"),
    ],
)
def test_a_faulty_benchmark_is_refused(tmp_path, changes, message):
    path = tmp_path / "race.json"
    path.write_text(json.dumps({**BENCHMARK, **changes}))
    with pytest.raises(ValueError, match=r"race\.json") as caught:
        load_benchmark(path)
    assert message in str(caught.value)


def test_an_output_is_laid_out_as_it_is_or_by_views(tmp_path):
    path = tmp_path / "race.json"
    output = {
        "laps": {"we": {"ms": 3.14159}, "they": {"ms": 4}},
        "left": {"we": {"n": 2}, "they": {"n": 1}},
    }
    about = {"command": "neurosym bench race", "date": "2026-01-02", "machine": "an abacus"}
    file_output(output, path, **about)
    ((_, sheet),) = load_benchmark(path).sheets
    assert ["laps.we.ms", "3.142"] in [list(row) for row in sheet.rows]
    views = [{"title": "T", "rows": "laps", "columns": {"ms a lap": "ms", "left": "left/n"}}]
    path.write_text(json.dumps({**json.loads(path.read_text()), "views": views, "title": "Mine"}))
    output["laps"]["we"]["ms"] = 2
    file_output(output, path, **about, note="Again.")
    benchmark = load_benchmark(path)
    ((title, sheet),) = benchmark.sheets
    assert (benchmark.title, title, benchmark.notes) == ("Mine", "T", ("Again.",))
    assert list(sheet.header) == ["", "ms a lap", "left"]
    assert [list(row) for row in sheet.rows] == [["we", "2", "2"], ["they", "4", "1"]]
    with pytest.raises(ValueError, match="asks for laps, which the output does not have"):
        file_output({"other": 1}, path, **about)
    assert load_benchmark(path).notes == ("Again.",)


def test_record_files_what_a_benchmark_printed(project, capsys):
    (project / "out.json").write_text('{"ms": 1.5}')
    arguments = ["record", "--benchmark=race", "--arguments=--rounds 3", "out.json"]
    assert main(arguments) == 0
    path = project / "docs" / "results" / "benchmarks" / "race.json"
    assert capsys.readouterr().out.strip() == str(path.relative_to(project))
    benchmark = load_benchmark(path)
    assert benchmark.command == "neurosym bench race --rounds 3"
    assert "JAX" in benchmark.machine
    (project / "out.json").write_text("Traceback")
    assert main(["record", "--benchmark=race", "out.json"]) == 2
    assert "out.json is not what a benchmark prints" in capsys.readouterr().err
    assert main(["record", "--benchmark=../race", "out.json"]) == 2
    assert main(["record", "--benchmark=race"]) == 2


def test_the_page_of_the_repository_is_what_its_records_say(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["results", "--check"]) == 0, capsys.readouterr().err
    assert MARKER in (ROOT / "docs" / "results.md").read_text()


def test_every_record_of_the_repository_is_one(monkeypatch):
    from neurosym.reports import find_entries

    entries, problems = find_entries([ROOT / "docs" / "results"])
    assert problems == []
    assert len(entries) >= 15
    assert not any(entry.quick for entry in entries)
    for entry in entries:
        assert all(math.isfinite(value) for value in entry.result.metrics.values())
