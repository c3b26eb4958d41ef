"""`neurosym solve`: answers in every form, limits, pictures, and what is wrong with a command line.

Sudokus are 4x4 and all batches have four of them, so that few programs are compiled.
"""

import gzip
import io
import itertools
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurosym.cli import printing
from neurosym.cli.jobs import Answer, Limits
from neurosym.cli.main import main

UNIQUE, MANY, NONE, FALSE = (
    "1..." + "..3." + ".4.." + "...2",
    "1..." + "...." + "...." + "...1",
    "12.." + "..3." + "...." + "..4.",  # no 3 fits into the first row
    "11.." + "...." + "...." + "....",
)


def all_grids():
    """Every solved 4x4 sudoku as a line, by brute force over rows."""
    rows = list(itertools.permutations("1234"))
    for grid in itertools.product(rows, repeat=4):
        columns = zip(*grid, strict=True)
        boxes = [grid[i][j : j + 2] + grid[i + 1][j : j + 2] for i in (0, 2) for j in (0, 2)]
        if all(len(set(part)) == 4 for part in [*columns, *boxes]):
            yield "".join("".join(row) for row in grid)


GRIDS = list(all_grids())


def solutions(puzzle):
    return {g for g in GRIDS if all(p in (".", c) for p, c in zip(puzzle, g, strict=True))}


@pytest.fixture
def puzzles(tmp_path):
    path = tmp_path / "puzzles.txt"
    path.write_text("\n".join(["# four", UNIQUE, MANY + " # many", "", NONE, FALSE]))
    return str(path)


def run(capsys, *arguments):
    """Output lines and the error stream of a command that goes well."""
    code = main(["solve", *arguments])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out.splitlines(), err


def sudoku(capsys, *arguments):
    return run(capsys, *arguments, "--problem=sudoku")


def test_the_oracle():
    assert len(GRIDS) == 288
    assert [len(solutions(puzzle)) for puzzle in (UNIQUE, NONE, FALSE)] == [1, 0, 0]
    assert len(solutions(MANY)) > 2


def test_a_line_for_each_puzzle_in_input_order(puzzles, capsys):
    lines, err = sudoku(capsys, puzzles)
    assert {lines[0]} == solutions(UNIQUE)
    assert lines[1] in solutions(MANY)
    assert lines[2:] == ["UNSATISFIABLE", "UNSATISFIABLE"]
    assert err.startswith("4 puzzles: 2 solved, 2 unsatisfiable; ")
    assert " a second), and " in err


def test_count_tells_whether_a_puzzle_is_unique(puzzles, capsys):
    lines, _ = sudoku(capsys, puzzles, "--count=2")
    columns = [line.split("\t") for line in lines]
    assert [column[0] for column in columns] == ["1", "2+", "0", "0"]
    assert set(columns[0][1:]) == solutions(UNIQUE)
    assert len(set(columns[1][1:]) & solutions(MANY)) == 2
    lines, _ = sudoku(capsys, puzzles, "--count=2", "--solutions=0")
    assert lines == ["1", "2+", "0", "0"]


def test_json_has_an_object_a_line(puzzles, capsys):
    lines, _ = sudoku(capsys, puzzles, "--count=2", "--json")
    records = [json.loads(line) for line in lines]
    assert [list(record) for record in records] == [
        ["index", "status", "count", "solutions", "nodes"]
    ] * 4
    assert [record["index"] for record in records] == [0, 1, 2, 3]
    assert [record["count"] for record in records] == [1, 2, 0, 0]
    assert [record["status"] for record in records] == ["SOLVED"] * 2 + ["UNSATISFIABLE"] * 2
    assert set(records[0]["solutions"]) == solutions(UNIQUE)
    assert len(set(records[1]["solutions"]) & solutions(MANY)) == 2
    assert records[3]["solutions"] == []
    assert all(record["nodes"] >= 1 for record in records)


def test_counting_all(puzzles, capsys):
    expected = [len(solutions(puzzle)) for puzzle in (UNIQUE, MANY, NONE, FALSE)]
    lines, _ = sudoku(capsys, puzzles, "--count=all")
    assert lines == [str(count) for count in expected]
    lines, _ = sudoku(capsys, puzzles, "--count=all", "--solutions=all")
    for line, puzzle in zip(lines, (UNIQUE, MANY, NONE, FALSE), strict=True):
        count, *found = line.split("\t")
        assert int(count) == len(found)
        assert set(found) == solutions(puzzle)
    lines, _ = sudoku(capsys, puzzles, "--count=all", "--solutions=2", "--json")
    records = [json.loads(line) for line in lines]
    assert [record["count"] for record in records] == expected
    assert [len(record["solutions"]) for record in records] == [1, 2, 0, 0]


def test_batches_files_and_standard_input_keep_the_order(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    grids = [GRIDS[i] for i in rng.integers(0, len(GRIDS), 21)]
    lines = ["".join(c if rng.random() < 0.6 else "." for c in grid) for grid in grids]
    expected = [min(len(solutions(line)), 2) for line in lines]
    zipped = tmp_path / "a.gz"
    zipped.write_bytes(gzip.compress("\n".join(lines[:11]).encode()))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines[11:]).encode())))
    out, err = sudoku(capsys, str(zipped), "-", "--count=2", "--json", "--batch=4")
    records = [json.loads(line) for line in out]
    assert [record["index"] for record in records] == list(range(21))
    assert [record["count"] for record in records] == expected
    assert 1 < sum(expected) < 42
    for line, record in zip(lines, records, strict=True):
        assert set(record["solutions"]) <= solutions(line)
    assert err.startswith("21 puzzles: 21 solved; ")


def test_boards(puzzles, capsys):
    lines, _ = sudoku(capsys, puzzles, "--show")
    (solved,) = solutions(UNIQUE)
    rows = [solved[i : i + 2] + solved[i + 2 : i + 4] for i in range(0, 16, 4)]
    drawn = [f"{a} {b} | {c} {d}" for a, b, c, d in rows]
    assert lines[0].startswith("sudoku 0: SOLVED, ")
    assert lines[1:7] == [*drawn[:2], "----+----", *drawn[2:], ""]
    assert lines[14].startswith("sudoku 2: UNSATISFIABLE, 1 node")
    lines, _ = sudoku(capsys, puzzles, "--show", "--count=2")
    assert lines[0].startswith("sudoku 0: SOLVED, 1 solution, ")
    assert any(line.startswith("sudoku 1: SOLVED, 2+ solutions, ") for line in lines)


def test_a_limit_is_told(puzzles, capsys):
    lines, err = sudoku(capsys, puzzles, "--node_limit=0")
    assert lines == ["LIMIT"] * 4
    assert "4 stopped by the limit" in err
    lines, _ = sudoku(capsys, puzzles, "--node_limit=0", "--count=all")
    assert lines == ["0+"] * 4


@pytest.mark.parametrize(
    ("first", "end", "name"),
    [(UNIQUE, "solved", "t.gif"), (FALSE, "contradiction", "t.png")],
)
def test_a_trace_is_drawn(tmp_path, puzzles, capsys, first, end, name):
    Path(puzzles).write_text("\n".join([first, MANY, NONE, FALSE]))
    picture = tmp_path / "new" / name
    _, err = sudoku(capsys, puzzles, f"--trace={picture}")
    message = re.search(rf"{picture}: round (\d+): {end}\n", err)
    assert message
    with Image.open(picture) as image:
        assert image.format == name[2:].upper()
        if name == "t.gif":
            assert image.n_frames == int(message[1]) + 1


def test_a_trace_ends_with_what_the_search_found(tmp_path, puzzles, capsys):
    Path(puzzles).write_text("\n".join([MANY, MANY, MANY, MANY]))
    _, err = sudoku(capsys, puzzles, f"--trace={tmp_path / 't.gif'}")
    assert "t.gif: search: " in err
    _, err = sudoku(capsys, puzzles, f"--trace={tmp_path / 't.gif'}", "--count=all")
    assert ": stuck\n" in err


def test_problems_without_files(capsys):
    arguments = ("--problem=queens", "--size=6", "--heuristic=order", "--show", "--count=5")
    lines, err = run(capsys, *arguments)
    assert lines[0].startswith("queens 0: SOLVED, 4 solutions, ")
    assert err.startswith("1 puzzle: 1 solved; ")
    boards = [lines[start : start + 6] for start in range(1, 29, 7)]
    found = {tuple(row.split().index("Q") for row in board) for board in boards}
    assert len(found) == 4
    for places in found:
        assert sorted(places) == list(range(6))
        assert len({r + c for r, c in enumerate(places)}) == 6
        assert len({r - c for r, c in enumerate(places)}) == 6


def test_an_own_puzzle(tmp_path, monkeypatch, capsys):
    (tmp_path / "colour_puzzles.py").write_text(
        "import neurosym as ns\nfrom neurosym.puzzles import Puzzle\n"
        "def build(size):\n    problem = ns.Problem()\n"
        "    a = problem.variable('a', domain=('red', 'green')[:size])\n"
        "    b = problem.variable('b', domain=('green', 'blue', 'red'))\n"
        "    problem.add(ns.Table((a, b), (('red', 'blue'), ('green', 'red'))))\n"
        "    return problem\n"
        "MAPS = Puzzle('maps', 'colours', build)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    arguments = ("--problem=colour_puzzles:MAPS", "--size=2", "--count=3")
    lines, _ = run(capsys, *arguments)
    count, *found = lines[0].split("\t")
    assert count == "2"
    assert sorted(found) == ["green red", "red blue"]
    assert main(["solve", *arguments, "--trace=t.png"]) == 2
    assert "maps does not say where its variables stand" in capsys.readouterr().err
    assert main(["solve", "colour_puzzles.py", *arguments]) == 2
    assert "maps reads no files" in capsys.readouterr().err


# -- formulas ---------------------------------------------------------------------------------


SATISFIABLE, UNSATISFIABLE = 0, 1  # seeds


def random_formula(seed, clauses, variables=6):
    rng = np.random.default_rng(seed)
    rows = [
        rng.permutation(np.arange(1, variables + 1))[:3] * rng.choice([-1, 1], 3)
        for _ in range(clauses)
    ]
    return [row.tolist() for row in rows]


def models(clauses, variables=6):
    return {
        values
        for values in itertools.product((False, True), repeat=variables)
        if all(any(values[abs(n) - 1] == (n > 0) for n in clause) for clause in clauses)
    }


def write_formula(path, clauses, variables=6):
    rows = "\n".join(" ".join(map(str, [*clause, 0])) for clause in clauses)
    path.write_text(f"c random\np cnf {variables} {len(clauses)}\n{rows}\n")
    return str(path)


def model_of(words):
    numbers = [int(word) for word in words]
    assert [abs(n) for n in numbers] == list(range(1, len(numbers) + 1))
    return tuple(n > 0 for n in numbers)


def test_formulas_in_competition_form(tmp_path, capsys):
    statuses = set()
    for seed in (SATISFIABLE, UNSATISFIABLE):
        clauses = random_formula(seed, 32)
        lines, err = run(capsys, write_formula(tmp_path / "f.cnf", clauses))
        if models(clauses):
            assert lines[0] == "s SATISFIABLE"
            words = " ".join(line.removeprefix("v ") for line in lines[1:]).split()
            assert words[-1] == "0"
            assert model_of(words[:-1]) in models(clauses)
        else:
            assert lines == ["s UNSATISFIABLE"]
        statuses.add(lines[0])
        assert err.startswith("1 formula: 1 ")
    assert statuses == {"s SATISFIABLE", "s UNSATISFIABLE"}


def test_a_formula_that_a_limit_leaves_open(tmp_path, capsys):
    path = write_formula(tmp_path / "f.cnf", random_formula(SATISFIABLE, 32))
    lines, _ = run(capsys, path, "--node_limit=0")
    assert lines == ["s UNKNOWN"]


def test_models_of_several_files(tmp_path, capsys):
    formulas = [random_formula(7, 20), [*random_formula(7, 20), []]]
    paths = [write_formula(tmp_path / f"{i}.txt", clauses) for i, clauses in enumerate(formulas)]
    count = len(models(formulas[0]))
    assert 1 < count < 10
    lines, _ = run(capsys, *paths, "--count=10")
    assert lines[:3] == [f"c {paths[0]}", f"c {count} models", "s SATISFIABLE"]
    assert {model_of(line.split()[1:-1]) for line in lines[3:-3]} == models(formulas[0])
    assert lines[-3:] == [f"c {paths[1]}", "c 0 models", "s UNSATISFIABLE"]
    lines, _ = run(capsys, *paths, "--count=10", "--json")
    records = [json.loads(line) for line in lines]
    found = [model_of(text.split()) for text in records[0]["solutions"]]
    assert len(found) == count == records[0]["count"]
    assert set(found) == models(formulas[0])
    del records[1]["nodes"]
    nothing = {"status": "UNSATISFIABLE", "count": 0, "solutions": []}
    assert records[1] == {"index": 1, **nothing}


def test_a_formula_counts_as_far_as_its_shown_variables_tell_models_apart(tmp_path, capsys):
    path = tmp_path / "f.cnf"
    path.write_text("p cnf 5 2\nc p show 1 4 0\n1 2 3 0\n4 5 0\n")
    lines, _ = run(capsys, str(path), "--count=all")
    assert lines == ["c 4 projected models", "s SATISFIABLE"]
    lines, _ = run(capsys, str(path), "--count=all", "--solutions=all")
    shown = [model_of(line.split()[1:-1]) for line in lines[2:]]
    assert sorted((model[0], model[3]) for model in shown) == sorted(
        itertools.product([False, True], repeat=2)
    )
    lines, _ = run(capsys, str(path), "--count=3", "--solutions=0")
    assert lines[0] == "c 3+ projected models"
    for seed in (SATISFIABLE, UNSATISFIABLE, 7):
        clauses = random_formula(seed, 20)
        write_formula(path, clauses)
        path.write_text(path.read_text() + "c p show 2 3 6 0\n")
        wanted = len({(model[1], model[2], model[5]) for model in models(clauses)})
        (line, *_), _ = run(capsys, str(path), "--count=all")
        assert line == f"c {wanted} projected model{'' if wanted == 1 else 's'}"


def test_a_weighted_count_is_refused_not_given(tmp_path, capsys):
    path = tmp_path / "f.cnf"
    path.write_text("p cnf 5 2\nc p weight 1 0.3 0\n1 2 3 0\n4 5 0\n")
    for count in ("all", "2"):
        assert main(["solve", str(path), f"--count={count}"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert f"{path}:2: c p weight 1 0.3 0: the formula asks for a weighted count" in err
    lines, _ = run(capsys, str(path))
    assert lines[0] == "s SATISFIABLE"


def test_counts_that_may_be_too_low_say_so():
    limits = Limits(count=None, solutions=0, nodes=None, heuristic="smallest", batch=None)
    for answer, least in (
        (Answer("SOLVED", 2**31 - 1, [], 1), True),
        (Answer("LIMIT", 7, [], 1), True),
        (Answer("SOLVED", 7, [], 1), False),
    ):
        assert printing.line(limits)(0, None, answer) == f"{answer.count}{'+' * least}"
        record = json.loads(printing.json_line(limits)(0, None, answer))
        assert record.get("at_least", False) == least


def test_a_formula_without_variables(tmp_path, capsys):
    for clauses, expected in (([], ["s SATISFIABLE", "v 0"]), ([[]], ["s UNSATISFIABLE"])):
        lines, _ = run(capsys, write_formula(tmp_path / "f.cnf", clauses, variables=0))
        assert lines == expected


def test_the_trace_of_a_formula(tmp_path, capsys):
    path = write_formula(tmp_path / "f.cnf", random_formula(SATISFIABLE, 32))
    _, err = run(capsys, path, f"--trace={tmp_path / 't.png'}")
    assert "t.png: search: " in err
    assert (tmp_path / "t.png").is_file()


# -- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to solve: name a FILE (- is standard input) or a --problem"),
        (["missing.txt", "--problem=sudoku"], "missing.txt: No such file or directory"),
        (["p.txt"], "p.txt is not a DIMACS CNF: --problem=NAME says what it holds"),
        (["p.txt", "f.cnf"], "p.txt is not a DIMACS CNF, but other files are: solve them apart"),
        (["p.txt", "--problem=soduku"], "no problem 'soduku'; did you mean 'sudoku'?"),
        (
            ["p.txt", "--problem=sudoku", "--size=9"],
            "p.txt:1:17: 16 characters; a 9x9 sudoku has 81",
        ),
        (["bad.txt", "--problem=sudoku"], "bad.txt:2:3: '?' is not a digit of a 4x4 sudoku"),
        (["empty.txt", "--problem=sudoku"], "empty.txt: there is no puzzle in it"),
        (["lies.cnf"], "lies.cnf:1:1: the header states 2 clauses, the file has 1"),
        (["p.txt", "--problem=queens"], "queens reads no files: it has one instance of each"),
        (["--problem=queens"], "queens needs --size=N: queens that do not attack each other"),
        (["--problem=sudoku"], "sudoku needs a FILE, - for standard input, or --size=N: one"),
        (["--problem=sudoku", "--size=10"], "the size of a sudoku is a square"),
        (["--problem=cnf"], "--problem=cnf needs a FILE"),
        (["f.cnf", "--show"], "--show: a formula has no board"),
        (["f.cnf", "--size=3"], "--size: a formula states its size itself"),
        (["f.cnf", "--count=0"], "--count is `all` or a number from 1 to 2,147,483,647, not '0'"),
        (["f.cnf", "--count=two"], "--count is `all` or a number"),
        (["f.cnf", "--count=99999999999"], "--count is `all` or a number"),
        (["f.cnf", "--solutions=-1"], "--solutions is `all` or a number from 0 to"),
        (["f.cnf", "--node_limit=-1"], "--node_limit goes from 0 to 2,147,483,647, not -1"),
        (["f.cnf", "--batch=0"], "--batch goes from 1 to 2,147,483,647, not 0"),
        (["f.cnf", "--size=0"], "--size goes from 1 to 2,147,483,647, not 0"),
        (["f.cnf", "--heuristic=best"], "value should be one of <smallest|failures|order>"),
        (["f.cnf", "--json", "--show"], "--json and --show exclude each other"),
        (["f.cnf", "--trace=t.jpg"], "--trace is a .gif or .png file, not 't.jpg'"),
    ],
)
def test_wrong_command_lines(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text(UNIQUE)
    Path("bad.txt").write_text(f"{UNIQUE}\n..?.............")
    Path("empty.txt").write_text("# nothing\n")
    Path("f.cnf").write_text("p cnf 1 1\n1 0\n")
    Path("lies.cnf").write_text("p cnf 1 2\n1 0\n")
    assert main(["solve", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_puzzles_of_17_clues(tmp_path, capsys):
    folder = Path(os.environ.get("NEUROSYM_DATA_DIR") or tmp_path) / "sudoku"
    source = folder / "puzzles2_17_clue.txt.gz"
    if not source.is_file():
        pytest.skip("NEUROSYM_DATA_DIR names no folder with sudoku/puzzles2_17_clue.txt.gz")
    with gzip.open(source, "rt") as file:
        lines = [line for line in file if not line.startswith("#")][:500]
    path = tmp_path / "p.txt"
    path.write_text("".join(lines))
    out, _ = sudoku(capsys, str(path), "--count=2")
    rules = [list(range(9 * r, 9 * r + 9)) for r in range(9)]
    rules += [list(range(c, 81, 9)) for c in range(9)]
    rules += [
        [27 * i + 3 * j + 9 * r + c for r in range(3) for c in range(3)]
        for i in range(3)
        for j in range(3)
    ]
    for given, line in zip(lines, out, strict=True):
        count, solved = line.split("\t")
        assert count == "1"
        assert all(g in "0." or g == s for g, s in zip(given.strip(), solved, strict=True))
        assert all({solved[i] for i in rule} == set("123456789") for rule in rules)
