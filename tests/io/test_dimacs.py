"""DIMACS CNF: what is read, errors with their place, and the output of SAT competitions."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosym.io import (
    FormatError,
    Text,
    format_result,
    looks_like_dimacs,
    parse_dimacs,
    read_dimacs,
)

literal = st.integers(1, 9).flatmap(lambda v: st.sampled_from([v, -v]))


@given(st.lists(st.lists(literal, max_size=4), max_size=6), st.randoms(use_true_random=False))
def test_reading_undoes_writing_whatever_stands_around(clauses, random):
    words = [str(number) for clause in clauses for number in [*clause, 0]]
    body = ""
    for word in words:
        body += word + random.choice([" ", "  ", "\t", "\n", "\r\n", "\nc 1 2 0 p cnf\n", "\n\n"])
    ending = random.choice(["", "\n%\n0\n", "\nc the end", "\n%"])
    text = f"c 7 0\n \np  cnf 9\t{len(clauses)} \n{body}{ending}"
    formula = parse_dimacs(text)
    assert formula.variables == 9
    assert formula.clauses == len(clauses)
    assert list(formula) == [tuple(clause) for clause in clauses]
    assert formula.literals.dtype == np.int32
    assert formula.offsets.dtype == np.int64


@given(st.lists(st.lists(literal, max_size=3), max_size=5), st.lists(st.booleans(), min_size=9))
def test_satisfied(clauses, model):
    model = model[:9]
    rows = "\n".join(" ".join(map(str, [*clause, 0])) for clause in clauses)
    formula = parse_dimacs(f"p cnf 9 {len(clauses)}\n{rows}")
    expected = all(any(model[abs(n) - 1] == (n > 0) for n in clause) for clause in clauses)
    assert formula.satisfied(model) == expected


def test_a_model_of_another_length():
    with pytest.raises(ValueError, match=r"bool\[3\], not \[2\]"):
        parse_dimacs("p cnf 3 0").satisfied([True, False])


@pytest.mark.parametrize("text", ["p cnf 0 0", "p cnf 0 0\n%", "c\np cnf 5 0\n", "p cnf 3 1\n0\n"])
def test_formulas_with_next_to_nothing(text):
    formula = parse_dimacs(text)
    assert len(formula.literals) == 0
    assert list(formula) == [()] * formula.clauses


def test_files_plain_and_zipped_and_standard_input(tmp_path, monkeypatch):
    content = b"p cnf 2 1\n1 -2 0\n"
    path = tmp_path / "f.cnf"
    for bytes_ in (content, gzip.compress(content)):
        path.write_bytes(bytes_)
        assert list(read_dimacs(path)) == [(1, -2)]
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bytes_)))
        assert list(read_dimacs("-")) == [(1, -2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.cnf: the header 'p cnf VARIABLES CLAUSES' is missing"),
        ("c only\n\n", "f.cnf: the header 'p cnf VARIABLES CLAUSES' is missing"),
        ("c\n1 2 0\n", "f.cnf:2:1: the header 'p cnf VARIABLES CLAUSES' is missing"),
        ("1 0\np cnf 1 1\n", "f.cnf:1:1: a clause before the header"),
        ("p cnf 1 1\nc\np cnf 1 1\n1 0", "f.cnf:3:1: a second header; the first is on line 1"),
        ("p cnf 3\n", "f.cnf:1:1: the header is 'p cnf 3', not 'p cnf VARIABLES CLAUSES'"),
        (
            "p wcnf 3 1 9\n",
            "f.cnf:1:1: the header is 'p wcnf 3 1 9', not 'p cnf VARIABLES CLAUSES'",
        ),
        ("p cnf -3 1\n", "f.cnf:1:1: the header is 'p cnf -3 1', not 'p cnf VARIABLES CLAUSES'"),
        ("p cnf 9999999999 1\n", "f.cnf:1:1: 9,999,999,999 variables are too many"),
        ("p cnf 3 2\n1 2 0\n", "f.cnf:1:1: the header states 2 clauses, the file has 1"),
        ("\np cnf 3 0\n1 2 0\n", "f.cnf:2:1: the header states 0 clauses, the file has 1"),
        ("p cnf 3 1\n1 2\n -4 0", "f.cnf:3:2: the header states 3 variables; this is 4"),
        ("p cnf 3 1\n1 x2 0", "f.cnf:2:3: 'x2' is not a literal: an integer, 0 ends a clause"),
        ("p cnf 3 1\n1 1.5 0", "f.cnf:2:3: '1.5' is not a literal: an integer, 0 ends a clause"),
        ("p cnf 3 1\n1 - 0", "f.cnf:2:3: '-' is not a literal: an integer, 0 ends a clause"),
        ("p cnf 3 1\n1 --1 0", "f.cnf:2:3: '--1' is not a literal: an integer, 0 ends a clause"),
        (
            f"p cnf 3 1\n{'1' * 60} 0",
            f"f.cnf:2:1: '{'1' * 40}…' is not a literal: an integer, 0 ends a clause",
        ),
        (
            "p cnf 3 2\n1 2 0\n2\n3\n",
            "f.cnf:3:1: the last clause, which starts here, does not end with 0",
        ),
        (
            "p cnf 3 2\n1 2 0\n 2 3\n%\n0\n",
            "f.cnf:3:2: the last clause, which starts here, does not end with 0",
        ),
    ],
)
def test_errors_name_file_line_and_column(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("f.cnf").write_text(text)
    with pytest.raises(FormatError) as caught:
        read_dimacs("f.cnf")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("lines", "projection", "weighted"),
    [
        ("c p show 1 4 0", [1, 4], ""),
        (" c  ind 4 1 0\r", [1, 4], ""),
        ("c p show 5 1 0\nc ind 2 5", [1, 2, 5], ""),
        ("c p show 0", [], ""),
        ("cr 1 2", [1, 2], ""),
        ("c p weight -1 0.4 0", None, "f.cnf:2: c p weight -1 0.4 0"),
        ("c weights 0.3 0.7 1 1", None, "f.cnf:2: c weights 0.3 0.7 1 1"),
        ("c p shown to be hard\nc p show of 3", None, ""),
        ("c industrial 1\nc the indices: c p show 1 0", None, ""),
    ],
)
def test_what_a_counting_formula_asks_for_is_known(lines, projection, weighted):
    formula = parse_dimacs(Text("f.cnf", f"p cnf 5 2\n{lines}\n1 2 3 0\n4 5 0\n".encode()))
    assert list(formula) == [(1, 2, 3), (4, 5)]
    found = formula.projection
    assert (None if found is None else found.tolist()) == projection
    assert formula.weighted == weighted


def test_a_variable_to_count_by_that_is_not_there_is_refused():
    with pytest.raises(FormatError, match=r"f.cnf:2:1: .* 5 variables; this counts by 6"):
        parse_dimacs(Text("f.cnf", b"p cnf 5 1\nc p show 1 6 0\n1 0\n"))


def test_a_formula_of_a_hundred_thousand_clauses_is_read():
    rng = np.random.default_rng(0)
    clauses = rng.integers(1, 20_001, (100_000, 3)) * rng.choice([-1, 1], (100_000, 3))
    rows = "\n".join(f"{a} {b} {c} 0" for a, b, c in clauses.tolist())
    formula = parse_dimacs(f"p cnf 20000 100000\n{rows}\n")
    np.testing.assert_array_equal(formula.literals.reshape(-1, 3), clauses)
    np.testing.assert_array_equal(np.diff(formula.offsets), 3)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"c p cnf\n\np cnf 1 1\n1 0", True),
        (b"comment\np cnf", True),
        (b"p wcnf 3 2 1", True),
        (b"# c\n1...", False),
        (b"p" + b"." * 624, False),
        (b"", False),
    ],
)
def test_what_looks_like_dimacs(content, expected):
    assert looks_like_dimacs(Text("f", content)) == expected


@pytest.mark.parametrize("variables", [0, 1, 40, 2_000])
def test_results_are_lines_of_78_columns(variables):
    model = np.random.default_rng(variables).random(variables) < 0.5
    status, *lines = format_result("SATISFIABLE", model)
    assert status == "s SATISFIABLE"
    assert all(line.startswith("v ") and len(line) <= 78 for line in lines)
    numbers = [int(word) for line in lines for word in line.split()[1:]]
    assert numbers == [v if true else -v for v, true in enumerate(model, 1)] + [0]
    if variables == 2_000:
        assert min(len(line) for line in lines[:-1]) > 70


def test_results_without_a_model():
    assert format_result("UNSATISFIABLE") == ["s UNSATISFIABLE"]
    assert format_result("UNKNOWN") == ["s UNKNOWN"]
    with pytest.raises(ValueError, match="not 'SOLVED'"):
        format_result("SOLVED")
