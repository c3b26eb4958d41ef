"""`neurosym explain`: sentences, conflicts, pictures, and what is refused."""

import pytest

from neurosym.cli.main import main


def run(arguments, capsys):
    code = main(["explain", *arguments])
    return code, capsys.readouterr()


@pytest.fixture
def puzzle(tmp_path):
    path = tmp_path / "puzzle.txt"
    path.write_text("1..4..1..1.....1\n11..............\n")
    return path


def test_a_solution_in_steps_and_a_picture(puzzle, tmp_path, capsys):
    out = tmp_path / "why.png"
    code, said = run([str(puzzle), "--problem=sudoku", f"--out={out}"], capsys)
    assert code == 0
    assert said.out.startswith("1. cell")
    assert "all different" in said.out
    assert out.exists()


def test_givens_that_cannot_hold_together(puzzle, capsys):
    code, said = run([str(puzzle), "--problem=sudoku", "--instance=2", "--smallest"], capsys)
    assert code == 0
    assert "cannot hold together" in said.out
    assert said.out.count(" = 1\n") == 2
    assert "there is no solution" in said.out


def test_wrong_command_lines(puzzle, capsys):
    for arguments, message in (
        ([], "nothing to explain"),
        ([str(puzzle), "--problem=sudoku", "--out=why.txt"], "--out is a .gif or .png"),
        ([str(puzzle), "--problem=sudoku", "--instance=9"], "there are 2"),
        ([str(puzzle), "--problem=sudoku", "--instance=0"], "goes from 1"),
    ):
        code, said = run(arguments, capsys)
        assert code == 2
        assert message in said.err
