"""Sudokus in other shapes than lines: whatever the shape, the same puzzles are read."""

import itertools

import numpy as np
import pytest

from neurosym.io import FormatError, Text, parse_sudoku

DIGITS = ".123456789ABCDEFGHIJKLMNOP"
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}


def solved(box):
    """A solved board, int [n, n], of the well-known pattern of shifted rows."""
    side = box**2
    rows = [[(box * (r % box) + r // box + c) % side + 1 for c in range(side)] for r in range(side)]
    return np.array(rows)


def puzzles(box, number, seed=0):
    """Puzzles int [N, n²] with about half of the cells blank, the first cell of each given."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        names = rng.permutation(box**2) + 1
        board = names[solved(box) - 1].ravel()
        board[rng.permutation(np.arange(1, box**4))[: box**4 // 2]] = 0
        found.append(board)
    return np.array(found)


def line(board):
    return "".join(DIGITS[digit] for digit in board)


def read(text, box=None):
    return parse_sudoku(text, box=box).tolist()


@pytest.mark.parametrize("box", [2, 3, 4, 5])
@pytest.mark.parametrize("separator", SEPARATORS)
def test_cells_may_have_something_between_them(box, separator):
    between = SEPARATORS[separator]
    given = puzzles(box, 3)
    for blank in ("0", "."):
        cells = [[blank if d == 0 else str(d) for d in board] for board in given]
        text = "# a comment\n\n" + "\n".join(between.join(row) for row in cells)
        assert read(text) == given.tolist()
    if separator != "space":
        cells = [["" if d == 0 else DIGITS[d].lower() for d in board] for board in given]
        assert read("\r\n".join(between.join(row) for row in cells)) == given.tolist()


@pytest.mark.parametrize("box", [2, 3, 4])
@pytest.mark.parametrize("separator", ["comma", "semicolon", "tab"])
@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("quizzes solutions", "ps"),
        ("solutions quizzes", "sp"),
        ("id puzzle solution clues difficulty", "ipscd"),
        ("Id Solution Clues Sudoku", "iscp"),
        (None, "ps"),
        (None, "sp"),
        (None, "isp"),
    ],
)
def test_tables_have_the_puzzles_in_some_column(box, separator, header, order):
    between = SEPARATORS[separator]
    given = puzzles(box, 4)
    rows = []
    for number, board in enumerate(given):
        fields = {"p": line(board), "s": line(solved(box).ravel()), "i": str(number)}
        fields |= {"c": str(np.count_nonzero(board)), "d": "2.5"}
        rows.append(between.join(f'"{fields[o]}"' if number % 2 else fields[o] for o in order))
    head = [between.join(header.split())] if header else []
    assert read("\n".join([*head, *rows]) + "\n") == given.tolist()


@pytest.mark.parametrize("box", [2, 3, 4, 5])
@pytest.mark.parametrize("shape", ["plain", "spaces", "ruled", "numbers", "commas", "headed"])
def test_boards_have_a_row_on_each_line(box, shape):
    given, side = puzzles(box, 2), box**2
    text = ""
    for number, board in enumerate(given):
        text += f"Grid {number:02}\n" if shape == "headed" else "\n"
        for r, row in enumerate(board.reshape(side, side)):
            symbols = [DIGITS[d] for d in row]
            groups = [symbols[i : i + box] for i in range(0, side, box)]
            if shape == "ruled" and r and r % box == 0:
                text += "-+-".join(["-" * (2 * box - 1)] * box) + "\n"
            text += {
                "plain": "".join(symbols),
                "headed": "".join(symbols),
                "spaces": " ".join(symbols),
                "ruled": " | ".join(" ".join(group) for group in groups),
                "numbers": " ".join(f"{d:>2}" for d in row),
                "commas": ",".join("" if d == 0 else str(d) for d in row),
            }[shape] + "\n"
    assert read(text) == given.tolist()
    assert read(text, box) == given.tolist()


def test_sixteen_lines_of_sixteen_are_a_board_or_sixteen_boards():
    large = puzzles(4, 1)
    rows = [line(row) for row in large[0].reshape(16, 16)]
    assert read("\n".join(rows)) == large.tolist()
    assert read("\n".join(rows + rows)) == [*large.tolist()] * 2
    small = puzzles(2, 16)
    text = "\n".join(map(line, small))
    assert any(len(set(row) - {"."}) < len(row.replace(".", "")) for row in text.split())
    assert read(text) == small.tolist()
    assert read("\n".join(text.split()[:15])) == small[:15].tolist()
    # Of a digit at most in each line nobody can tell.
    both = np.zeros((16, 16), int)
    both[:4, 0] = 1, 2, 3, 4
    text = "\n".join(map(line, both))
    with pytest.raises(FormatError, match=r"state the size, --size=4 or --size=16"):
        read(text)
    assert read(text, 2) == both.tolist()
    assert read(text, 4) == [both.ravel().tolist()]


@pytest.mark.parametrize("box", [4, 5])
def test_digits_that_are_counted_from_zero_are_not_taken_for_blanks(box):
    side = box**2
    board = solved(box).ravel()
    from_zero = "".join("0" + DIGITS[1:] for _ in (0,))
    text = "".join(from_zero[d - 1] for d in board)
    last, before = DIGITS[side], DIGITS[side - 1]
    message = rf"no {last} and seems to count from 0 to {before}.*tr 0-9A-{before} 1-9A-{last}"
    with pytest.raises(FormatError, match=message):
        read(text)
    with pytest.raises(FormatError, match=message):
        read("." + text[1:-1] + ".")
    # What the message says makes it readable.
    translated = text.translate(str.maketrans(from_zero[:side], DIGITS[1 : side + 1]))
    assert read(translated) == [board.tolist()]
    # A zero is a blank where others stand in its row, or where the last digit is there.
    assert read("00" + translated[2:])[0][:2] == [0, 0]
    without_last = translated.replace(last, ".").replace("1", ".")
    assert read(without_last)[0].count(0) == 2 * side


def test_what_has_no_shape_is_said_as_before():
    for text, message in (
        ("1" * 80, "80 characters; a line of a sudoku has one of"),
        ("a,b\nc,d", "characters; a line"),
        ("1.3\n4..\n...", "3 characters"),
        ("quizzes,solutions\n" + "." * 81 + "," + "1" * 81 + "\nx", r"t:3:2: 1 character;"),
    ):
        with pytest.raises(FormatError, match=message):
            parse_sudoku(Text("t", text.encode()))


def test_errors_name_the_line_of_the_file():
    boards = "\n".join(line(row) for row in puzzles(3, 1)[0].reshape(9, 9))
    table = f"puzzle,solution\n{'.' * 81},{'1' * 81}\n{'.' * 80}x,{'1' * 81}\n"
    with pytest.raises(FormatError, match="t:3:81: 'x' is not a digit of a 9x9 sudoku"):
        parse_sudoku(Text("t", table.encode()))
    broken = boards.replace("\n", "\n\n") + "\n1234"
    with pytest.raises(FormatError, match="t:1:"):
        parse_sudoku(Text("t", broken.encode()))


def test_every_pair_of_shapes_agrees():
    """The reader does not depend on how many puzzles there are."""
    for number, box in itertools.product((1, 2, 16, 17, 32), (2, 3)):
        given = puzzles(box, number, seed=number)
        semicolons = "\n".join(";".join(map(str, board)) for board in given)
        assert read(semicolons) == given.tolist()
