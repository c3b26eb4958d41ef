"""Means and deviations over seeds, and the tables of `neurosym tabulate`."""

import csv
import io
import math

import numpy as np
import pytest
from reports.writing import write_record, write_run

from neurosym.cli.main import main
from neurosym.reports import Sheet, find_entries, group_entries, latex_text, markdown_text, spread
from neurosym.reports.spreads import mean_text, range_text
from neurosym.training import Workdir


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_spread_is_the_sample_deviation(count):
    values = np.random.default_rng(count).normal(5, 2, count)
    found = spread(values.tolist())
    np.testing.assert_allclose(found.mean, values.mean())
    np.testing.assert_allclose(found.deviation, values.std(ddof=1))
    assert (found.size, found.least, found.most) == (count, values.min(), values.max())


def test_one_seed_has_no_deviation_and_equal_ones_have_zero():
    assert spread([0.25]).deviation is None
    assert mean_text(spread([0.25]), percent=True) == "25.00"
    assert mean_text(spread([0.5, 0.5, 0.5]), percent=True) == "50.00 ±0.00"
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_a_seed_that_is_not_a_number_is_not_averaged_away():
    assert math.isnan(spread([0.5, math.nan]).mean)
    assert mean_text(spread([0.5, math.nan]), percent=True) == "nan"


@pytest.mark.parametrize(
    ("values", "text"),
    [([0.1234567], "0.1235"), ([1234.5], "1234"), ([0.0], "0.0000"), ([2.0, 4.0], "3.000 ±1.414")],
)
def test_four_digits_stay_in_sight(values, text):
    assert mean_text(spread(values)) == text


def test_ranges_of_seconds():
    assert range_text(spread([3.26, 3.34])) == "3.3"
    assert range_text(spread([9.2, 85.4])) == "9.2 to 85"


def rows_of(text):
    """The rows of a Markdown table by their first cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]
    return cells[0], {row[0]: row for row in cells[2:]}


def test_tabulate_finds_seeds_below_and_groups_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed, accuracy in enumerate((0.90, 0.92, 0.97)):
        write_run(tmp_path / "runs" / "add" / f"seed_{seed}", {"accuracy": accuracy}, seed=seed)
    write_run(tmp_path / "runs" / "b-0", {"accuracy": 0.5, "loss": 2.0}, config={"width": 9})
    assert main(["tabulate", "runs"]) == 0
    out, err = capsys.readouterr()
    header, rows = rows_of(out)
    assert err == ""
    assert header[3:5] == ["accuracy (%)", "loss"]
    assert rows["runs/add"][2:5] == ["3", "93.00 ±3.61", "–"]
    assert rows["runs/b-0"][2:5] == ["1", "50.00", "2.000"]
    assert "sample standard deviation (n − 1)" in out


def test_seeds_beside_each_other_have_their_common_name(tmp_path):
    for seed in (0, 1, 10):
        write_run(tmp_path / f"n4-{seed}", {"accuracy": 0.5}, seed=seed)
    (group,) = group_entries(find_entries([tmp_path]).entries).groups
    assert group.name == str(tmp_path / "n4")
    assert group.seeds == [0, 1, 10]


def test_several_seeds_may_share_the_config_above_them(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / "add" / f"seed_{seed}", {"accuracy": 0.1 * seed}, seed=seed)
        config = Workdir(tmp_path / "add" / f"seed_{seed}").config
        config.replace(tmp_path / "add" / config.name)
    (group,) = group_entries(find_entries([tmp_path]).entries).groups
    assert group.seeds == [0, 1]
    assert [entry.config["seed"] for entry in group.entries] == [0, 1]


def test_a_metric_that_some_seeds_lack_says_of_how_many_it_speaks(tmp_path, capsys):
    write_run(tmp_path / "a-0", {"accuracy": 0.5, "extra": 1.0}, seed=0)
    write_run(tmp_path / "a-1", {"accuracy": 0.5}, seed=1)
    assert main(["tabulate", str(tmp_path)]) == 0
    _, rows = rows_of(capsys.readouterr().out)
    assert rows[str(tmp_path / "a")][3:5] == ["50.00 ±0.00", "1.000 (n=1)"]


def test_a_run_and_its_record_count_once_and_a_contradiction_is_told(tmp_path, capsys):
    run = write_run(tmp_path / "run", {"accuracy": 0.5})
    write_record(tmp_path / "results", run)
    assert main(["tabulate", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "| 1 | 50.00 |" in out
    assert err == ""
    write_run(tmp_path / "run", {"accuracy": 0.75})
    assert main(["tabulate", str(tmp_path / "run"), str(tmp_path / "results")]) == 0
    out, err = capsys.readouterr()
    assert "| 1 | 75.00 |" in out
    assert "are the same config and seed 0 with other figures; the first counts" in err


def test_runs_of_a_reduced_budget_make_a_row_of_their_own(tmp_path, capsys):
    for seed, quick in ((0, False), (1, True)):
        run = write_run(tmp_path / f"run-{seed}", {"accuracy": 0.5 + 0.25 * quick}, seed=seed)
        write_record(tmp_path / "results", run, quick=quick)
    assert main(["tabulate", str(tmp_path / "results")]) == 0
    _, rows = rows_of(capsys.readouterr().out)
    assert rows["toy:plain"][2:4] == ["1", "50.00"]
    assert rows["toy:plain (quick)"][2:4] == ["1", "75.00"]


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(tmp_path, capsys):
    write_run(tmp_path / "good", {"accuracy": 0.5})
    write_run(tmp_path / "cut", {"accuracy": 0.5})
    (tmp_path / "cut" / "result.json").write_text('{"metrics": {"accur')
    write_run(tmp_path / "text", {"accuracy": "high"})
    write_run(tmp_path / "lacking", {"accuracy": 0.5})
    (tmp_path / "lacking" / "result.json").write_text('{"metrics": {}}')
    write_run(tmp_path / "orphan" / "inner", {"accuracy": 0.5})
    (tmp_path / "orphan" / "inner" / "config.json").unlink()
    record = write_record(tmp_path / "kept", write_run(tmp_path / "r", {"loss": 1.0}, seed=3))
    record.write_text(record.read_text().replace('"width": 8', '"width": 10'))
    assert main(["tabulate", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert len(rows_of(out)[1]) == 1, "good and r are seeds of one config"
    for name, reason in (
        ("cut/result.json", "is not the result of a run"),
        ("text/result.json", "metrics must be numbers by name"),
        ("lacking/result.json", "missing"),
        ("orphan/inner/result.json", "without the config of its run"),
        (record.name, "was changed by hand"),
    ):
        assert any(name in line and reason in line for line in err.splitlines()), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no runs were given"),
        (["nowhere"], "there is no nowhere"),
        (["empty"], "no finished run in or below empty"),
        (["run", "--metrics=acuracy"], "no run has the test metric 'acuracy'; there are: accuracy"),
        (["run", "--split=validation", "--metrics=a"], "there are: none"),
        (["run", "--format=word"], "--format"),
    ],
)
def test_tabulate_says_what_is_wrong(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write_run(tmp_path / "run", {"accuracy": 0.5})
    assert main(["tabulate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_csv_is_read_back_without_loss(tmp_path, capsys):
    values = (0.1 + 0.2, 1 / 3)
    for seed, value in enumerate(values):
        write_run(tmp_path / 'odd, "name"' / f"seed_{seed}", {"accuracy": value}, seed=seed)
    write_run(tmp_path / "single", {"other": 1.0}, config={"width": 3})
    assert main(["tabulate", str(tmp_path), "--format=csv"]) == 0
    rows = {row["run"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    odd = rows[str(tmp_path / 'odd, "name"')]
    np.testing.assert_allclose(float(odd["accuracy_mean"]), np.mean(values), rtol=1e-15)
    np.testing.assert_allclose(float(odd["accuracy_sd"]), np.std(values, ddof=1), rtol=1e-12)
    assert (odd["accuracy_n"], odd["other_n"], odd["other_mean"]) == ("2", "0", "")
    single = rows[str(tmp_path / "single")]
    assert (single["other_mean"], single["other_sd"], single["other_n"]) == ("1.0", "", "1")


def test_latex_and_markdown_escape_what_they_would_read_as_commands():
    sheet = Sheet(["a_b", "50 % & more"], [[r"x\y{z}", "1 ±2"], ["#$~^", "p|q\nr"]], ["A note."])
    latex = latex_text(sheet)
    assert r"a\_b & 50 \% \& more \\" in latex
    assert r"x\textbackslash{}y\{z\} & 1 $\pm$2 \\" in latex
    assert r"\#\$\textasciitilde{}\textasciicircum{} & p|q r \\" in latex
    assert latex.count(r"\\") == 3
    assert latex.endswith("% A note.\n")
    assert r"| #$~^ | p\|q r |" in markdown_text(sheet)


def test_rows_have_as_many_cells_as_there_are_columns():
    with pytest.raises(ValueError, match="a row has 1 cells, the table 2 columns"):
        Sheet(["a", "b"], [["1"]])
