"""Sudoku lines: what is read, what is written, and errors that name file, line and column."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosym.io import (
    SUDOKU_SYMBOLS,
    FormatError,
    format_board,
    format_sudoku,
    parse_sudoku,
    read_sudoku,
)

EASY = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"


def shared_folder():
    folder = os.environ.get("NEUROSYM_DATA_DIR")
    if not folder or not (Path(folder) / "sudoku").is_dir():
        pytest.skip("NEUROSYM_DATA_DIR names no folder with sudoku/")
    return Path(folder) / "sudoku"


def slow_value(character):
    """The digit of a character, by another route than the reader's table."""
    if character in ".0":
        return 0
    return int(character) if character.isdigit() else ord(character.upper()) - ord("A") + 10


@given(st.sampled_from([1, 2, 3, 4, 5]), st.integers(0, 3), st.randoms(use_true_random=False))
def test_reading_undoes_writing_whatever_stands_around(box, more, random):
    values = [[random.randint(0, box**2) for _ in range(box**4)] for _ in range(1 + more)]
    lines = []
    for line, row in zip(format_sudoku(values), values, strict=True):
        assert [slow_value(c) for c in line] == row
        line = line.replace(".", random.choice(".0"))
        line = random.choice([line, line.lower()])
        line = (
            random.choice(["", " ", "\t"]) + line + random.choice(["", " ", " # easy", "\t#1 #2"])
        )
        noise = random.choice([[], [""], ["# text"], ["   # 53..7", "  "]])
        lines += [*noise, line]
    ending = random.choice(["\n", "\r\n"])
    text = ending.join(lines) + random.choice(["", ending, ending + "#", ending * 3])
    read = parse_sudoku(text, box=random.choice([None, box]))
    assert read.dtype == np.int8
    assert read.tolist() == values


def test_letters_of_16_and_25():
    assert SUDOKU_SYMBOLS.index("G") == 16
    assert SUDOKU_SYMBOLS.index("P") == 25
    assert parse_sudoku("aG" + "." * 254)[0, :3].tolist() == [10, 16, 0]
    assert parse_sudoku("pA" + "0" * 623)[0, :3].tolist() == [25, 10, 0]


@pytest.mark.parametrize("zipped", [False, True])
def test_files_plain_and_zipped_by_content_and_standard_input(tmp_path, monkeypatch, zipped):
    content = b"\xef\xbb\xbf# a byte order mark\n" + EASY.encode()
    path = tmp_path / "puzzles.txt"
    path.write_bytes(gzip.compress(content) if zipped else content)
    expected = [[slow_value(c) for c in EASY]]
    assert read_sudoku(path).tolist() == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert read_sudoku("-").tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"# two\n{EASY}\n{EASY[:16]}?{EASY[17:]}",
            "p.txt:3:17: '?' is not a digit of a 9x9 sudoku (1-9, or . or 0 for blank)",
        ),
        (
            f"\n  {EASY[:80]}é # umlaut\n",
            "p.txt:2:83: 'é' is not a digit of a 9x9 sudoku (1-9, or . or 0 for blank)",
        ),
        (
            "." * 16 + "\n" + "5" + "." * 15,
            "p.txt:2:1: '5' is not a digit of a 4x4 sudoku (1-4, or . or 0 for blank)",
        ),
        (
            "." * 255 + "H",
            "p.txt:1:256: 'H' is not a digit of a 16x16 sudoku (1-9, A-G, or . or 0 for blank)",
        ),
        (f"{EASY}\n\n#\n{EASY[:80]}\n", "p.txt:4:81: 80 characters; a 9x9 sudoku has 81"),
        (f"{EASY}\n{'.' * 16}\n", "p.txt:2:17: 16 characters; a 9x9 sudoku has 81"),
        (
            "#\n1\t2",
            "p.txt:2:3: text after the puzzle; a comment starts with #",
        ),
        (
            f"{EASY} {EASY}",
            "p.txt:1:83: text after the puzzle; a comment starts with #",
        ),
        (
            "12",
            "p.txt:1:3: 2 characters; a line of a sudoku has one of 16 (4x4), 81 (9x9), "
            "256 (16x16), 625 (25x25)",
        ),
        (
            "." * 1296,
            "p.txt:1:1297: 1,296 characters; a line of a sudoku has one of 16 (4x4), 81 (9x9), "
            "256 (16x16), 625 (25x25)",
        ),
        # A comment needs white space before it: this may be a slip of the keyboard.
        (
            f"{EASY[:80]}#",
            "p.txt:1:81: '#' is not a digit of a 9x9 sudoku (1-9, or . or 0 for blank)",
        ),
        ("# nothing\n\n", "p.txt: there is no puzzle in it"),
        ("", "p.txt: there is no puzzle in it"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text(text)
    with pytest.raises(FormatError) as caught:
        read_sudoku("p.txt")
    assert str(caught.value) == message


@pytest.mark.parametrize("first", ["length", "digit"])
def test_the_first_error_of_a_file_is_told(first):
    short, wrong = EASY[:-1], "x" + EASY[1:]
    lines = [EASY] * 20_000 + ([short, wrong] if first == "length" else [wrong, short])
    expected = "<text>:20001:81: 80 char" if first == "length" else "<text>:20001:1: 'x'"
    with pytest.raises(FormatError, match=expected):
        parse_sudoku("\n".join(lines))


def test_a_demanded_size(tmp_path):
    with pytest.raises(FormatError, match="<text>:1:82: 81 characters; a 16x16 sudoku has 256"):
        parse_sudoku(EASY, box=4)
    with pytest.raises(ValueError, match=r"one of \(1, 2, 3, 4, 5\), not 6"):
        parse_sudoku(EASY, box=6)


def test_damaged_gzip(tmp_path):
    content = gzip.compress((EASY + "\n").encode() * 50)
    path = tmp_path / "p.gz"
    path.write_bytes(content[:-9])
    with pytest.raises(FormatError, match=r"p\.gz: the gzip stream is cut short"):
        read_sudoku(path)
    path.write_bytes(content[:20] + b"\xff\xff" + content[22:])
    with pytest.raises(FormatError, match=r"p\.gz: the gzip stream is damaged"):
        read_sudoku(path)
    with pytest.raises(FileNotFoundError):
        read_sudoku(tmp_path / "missing.txt")


def test_boards():
    values = parse_sudoku(EASY)[0]
    board = format_board(values).split("\n")
    assert board[0] == "5 3 . | . 7 . | . . ."
    assert board[3] == "------+-------+------"
    assert board[10] == ". . . | . 8 . | . 7 9"
    assert len(board) == 11
    assert {len(row) for row in board} == {21}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 80), int), "not \\(2, 80\\)"),
        (np.zeros(81, int), "not \\(81,\\)"),
        (np.full((1, 81), 10), "a 9x9 sudoku go from 0 \\(blank\\) to 9"),
        (np.full((1, 81), -1), "a 9x9 sudoku go from 0"),
    ],
)
def test_what_cannot_be_written(values, message):
    with pytest.raises(ValueError, match=message):
        format_sudoku(values)


def test_the_collections():
    folder = shared_folder()
    counts = {
        "puzzles2_17_clue": (49_158, {17}),
        "puzzles3_magictour_top1465": (1_465, set(range(17, 29))),
        "puzzles7_serg_benchmark": (10_000, {34, 35}),
    }
    for name, (puzzles, clues) in counts.items():
        path = folder / f"{name}.txt.gz"
        values = read_sudoku(path)
        assert values.shape == (puzzles, 81)
        assert set(np.unique((values > 0).sum(1)).tolist()) <= clues
        with gzip.open(path, "rt") as file:
            rows = [line.split() for line in file]
        rows = [words[0] for words in rows if words and not words[0].startswith("#")]
        assert format_sudoku(values) == [row.replace("0", ".") for row in rows]
