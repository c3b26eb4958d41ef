"""Named problems: their rules against plain Python, reading, text, boards, and their names."""

import itertools
import math

import numpy as np
import pytest

from neurosym.io import FormatError, Text, parse_sudoku
from neurosym.puzzles import PUZZLES, Puzzle, puzzle_by_name, sudoku_masks, sudoku_problem

SOLVED_4 = [1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1]


def solutions(name, size):
    """All solutions by backtracking; a declared constraint is checked once its scope is full."""
    problem = PUZZLES[name].build(size)
    variables = problem.declared
    ending = [[] for _ in variables]
    for constraint in problem.constraints:
        ending[max(x.index for x in constraint.scope)].append(constraint)
    found, values = [], []

    def extend():
        if len(values) == len(variables):
            found.append(tuple(values))
            return
        for value in variables[len(values)].domain:
            values.append(value)
            if fits(len(values) - 1):
                extend()
            values.pop()

    def fits(last):
        return all(
            constraint.check([values[x.index] for x in constraint.scope])
            for constraint in ending[last]
        )

    extend()
    return found


@pytest.mark.parametrize(
    ("name", "size", "count"),
    [
        ("queens", 1, 1),
        ("queens", 2, 0),
        ("queens", 3, 0),
        ("queens", 4, 2),
        ("queens", 5, 10),
        ("latin", 1, 1),
        ("latin", 2, 2),
        ("latin", 3, 12),
        ("magic", 1, 1),
        ("magic", 2, 0),
        ("sudoku", 1, 1),
    ],
)
def test_known_counts_of_the_declared_constraints(name, size, count):
    assert len(solutions(name, size)) == count


def test_queens_do_not_attack_each_other():
    expected = [
        columns
        for columns in itertools.permutations(range(6))
        if all(abs(columns[i] - columns[j]) != j - i for j in range(6) for i in range(j))
    ]
    network = PUZZLES["queens"].build(6).compile()
    everything = itertools.permutations(range(6))
    assert [columns for columns in everything if network.allows(columns)] == expected


def test_the_magic_squares_of_order_3():
    network = PUZZLES["magic"].build(3).compile()
    found = []
    for values in itertools.permutations(range(1, 10)):
        if sum(values[:3]) == sum(values[3:6]) == 15 and network.allows([v - 1 for v in values]):
            found.append(values)
    assert len(found) == 8
    assert (2, 7, 6, 9, 5, 1, 4, 3, 8) in found


@pytest.mark.parametrize("box", [2, 3, 4])
def test_sudoku_knows_rows_columns_and_boxes(box):
    size = box**2
    shifts = [[(r % box) * box + r // box + c for c in range(size)] for r in range(size)]
    solved = np.asarray(shifts) % size  # value indices of a sudoku
    network = sudoku_problem(size).compile()
    assert network.allows(solved.ravel())
    rng = np.random.default_rng(box)
    for _ in range(3):
        # Rows and columns stay Latin; a box is broken where rows of two bands change places.
        swapped = solved.copy()
        swapped[[0, box]] = swapped[[box, 0]]
        assert not network.allows(swapped.ravel())
        for axis in (0, 1):
            # Two cells of one box change places: it stays whole, two lines do not.
            broken = solved.copy()
            cells = [(0, 0), (1, 0)] if axis else [(0, 0), (0, 1)]
            (a, b), corner = cells, box * rng.integers(0, box, 2)
            a, b = tuple(a + corner), tuple(b + corner)
            broken[a], broken[b] = broken[b], broken[a]
            assert not network.allows(broken.ravel())


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("sudoku", 10, "the size of a sudoku is a square: 4, 9, 16, 25 and so on, not 10"),
        ("sudoku", 0, "the size of a sudoku is a square"),
        ("sudoku", -4, "the size of a sudoku is a square"),
        ("queens", 0, "the size of a queens problem is at least 1, not 0"),
        ("latin", -1, "the size of a latin problem is at least 1, not -1"),
        ("magic", 0, "the size of a magic problem is at least 1, not 0"),
        # What would fill the memory is refused before anything is made of it.
        ("queens", 10**9, "of size 1,000,000,000 is too large .* the largest size is 2,000"),
        ("queens", 2001, "a queens problem of size 2,001 is too large"),
        ("latin", 10**9, "the largest size is 158"),
        ("magic", 10**9, "the largest size is 44"),
        ("sudoku", 10**18, "a sudoku problem of size 1,000,000,000,000,000,000 is too large"),
    ],
)
def test_sizes_that_there_are_not(name, size, message):
    with pytest.raises(ValueError, match=message):
        PUZZLES[name].build(size)


def test_sudoku_instances():
    sudoku = PUZZLES["sudoku"]
    text = Text("p.txt", b"1......." + b"\n" + b"4" * 16)
    with pytest.raises(FormatError, match=r"p\.txt:1:9: 8 characters"):
        sudoku.read(text, None)
    text = Text("p.txt", b"1..." + b"." * 12 + b"\n" + b"4" * 16)
    instances = sudoku.read(text, None)
    assert (len(instances), instances.size) == (2, 4)
    masks = instances.masks(instances.givens)
    assert masks.shape == (2, 16, 4)
    assert masks.dtype == bool
    assert masks[0, 0].tolist() == [True, False, False, False]
    assert masks[0, 1:].all()
    np.testing.assert_array_equal(masks[1], np.tile([False, False, False, True], (16, 1)))
    with pytest.raises(FormatError, match="16 characters; a 9x9 sudoku has 81"):
        sudoku.read(text, 9)
    with pytest.raises(ValueError, match="is a square"):
        sudoku.read(text, 8)


def test_masks_of_puzzles_are_the_networks_domains():
    puzzle = parse_sudoku("." * 80 + "9")
    network = sudoku_problem(9).compile()
    masks = sudoku_masks(puzzle)
    assert masks.shape[1:] == network.mask.shape
    expected = network.restrict({"cell[8, 8]": 9})
    np.testing.assert_array_equal(masks[0], np.asarray(expected.mask))


def test_texts_and_boards():
    sudoku, queens, latin = PUZZLES["sudoku"], PUZZLES["queens"], PUZZLES["latin"]
    assert sudoku.text(4, SOLVED_4) == "1234341221434321"
    assert sudoku.board(4, SOLVED_4).splitlines()[:3] == ["1 2 | 3 4", "3 4 | 1 2", "----+----"]
    assert queens.text(4, (1, 3, 0, 2)) == "1 3 0 2"
    assert queens.board(4, (1, 3, 0, 2)).splitlines() == [
        ". Q . .",
        ". . . Q",
        "Q . . .",
        ". . Q .",
    ]
    assert latin.board(2, (1, 2, 2, 1)) == "1 2\n2 1"
    # Beyond the letters, digits are numbers.
    many = [1 + i % 36 for i in range(36**2)]
    assert sudoku.text(36, many).split() == [str(value) for value in many]
    assert sudoku.board(36, many).splitlines()[0].split()[-1] == "36"


@pytest.mark.parametrize(
    ("name", "size"), [("sudoku", 9), ("sudoku", 36), ("queens", 6), ("latin", 5), ("magic", 4)]
)
def test_layouts_fit_their_problems(name, size):
    problem = PUZZLES[name].build(size)
    layout = PUZZLES[name].layout(size)
    assert sorted(layout.cells.ravel().tolist()) == list(range(len(problem.declared)))
    assert len(layout.labels) == len(problem.declared[0].domain)
    assert math.prod(layout.marks) >= len(layout.labels)
    assert math.prod(layout.marks) < 2 * len(layout.labels)


def test_names(tmp_path, monkeypatch):
    assert puzzle_by_name("sudoku") is PUZZLES["sudoku"]
    with pytest.raises(ValueError, match="no problem 'soduku'; did you mean 'sudoku'"):
        puzzle_by_name("soduku")
    with pytest.raises(ValueError, match="no problem 'xyz'; there are: sudoku, queens, latin, ma"):
        puzzle_by_name("xyz")
    (tmp_path / "own_puzzles.py").write_text(
        "from neurosym.puzzles import Puzzle\nimport neurosym as ns\n"
        "def build(size):\n    problem = ns.Problem()\n"
        "    problem.variable('x', domain=range(size))\n    return problem\n"
        "MINE = Puzzle('mine', 'one number', build)\n"
    )
    (tmp_path / "broken_puzzles.py").write_text("import something_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = puzzle_by_name("own_puzzles:MINE")
    assert isinstance(mine, Puzzle)
    assert mine.build(3).compile().mask.shape == (1, 3)
    assert mine.text(3, [2]) == "2"
    with pytest.raises(
        ValueError, match=r"'HIS' is not a Puzzle of module own_puzzles; .* are: MINE"
    ):
        puzzle_by_name("own_puzzles:HIS")
    with pytest.raises(ValueError, match="there is no module 'missing_module'"):
        puzzle_by_name("missing_module:MINE")
    with pytest.raises(ValueError, match="is not a Puzzle of module json; it has no puzzle"):
        puzzle_by_name("json:dumps")
    with pytest.raises(ModuleNotFoundError, match="something_that_is_not_there"):
        puzzle_by_name("broken_puzzles:MINE")
