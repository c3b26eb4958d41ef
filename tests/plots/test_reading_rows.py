"""Rows of readings: what is shown, and in which colour."""

import numpy as np
import pytest
from PIL import Image

from neurosym.plots import reading_rows
from neurosym.plots.style import WRONG

RED = tuple(int(WRONG[n : n + 2], 16) for n in (1, 3, 5))


def draw(tmp_path, read, right, **options):
    images = [np.eye(8)[None].repeat(len(own), 0) for own in read]
    truth = [["1", "+", "2"][: len(own)] for own in read]
    notes = [f"{' '.join(own)} = 3" for own in read]
    path = reading_rows(images, read, truth, notes, right, tmp_path / "rows.png", **options)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def reds(picture):
    return int((np.abs(picture - RED).sum(-1) < 30).sum())


def test_mistakes_are_in_colour(tmp_path):
    right = draw(tmp_path, [["1", "+", "2"], ["1"]], [True, True])
    assert reds(right) == 0
    misread = draw(tmp_path, [["1", "+", "7"], ["1"]], [True, True])
    wrong = draw(tmp_path, [["1", "+", "7"], ["1"]], [False, True])
    assert 0 < reds(misread) < reds(wrong)


def test_mistakes_come_first_and_take_half_of_the_rows(tmp_path):
    readings = [["1"]] * 8 + [["7"]] * 8
    right = [True] * 8 + [False] * 8
    picture = draw(tmp_path, readings, right, rows=4, heading="Readings", noun="formulas")
    lines = (np.abs(picture - RED).sum(-1) < 30).any(1)
    starts = np.flatnonzero(lines[1:] & ~lines[:-1])
    assert starts.max() < 0.62 * len(lines)
    few = draw(tmp_path, readings, right, rows=2)
    assert len(few) < len(picture)


def test_numbers_that_do_not_fit(tmp_path):
    image = np.zeros((1, 8, 8))
    with pytest.raises(ValueError, match="as many as each other"):
        reading_rows([image], [["1"]], [["1"]], [], [True], tmp_path / "rows.png")
    with pytest.raises(ValueError, match=r"example 0 has images \[1, 8, 8\], 2 readings"):
        reading_rows([image], [["1", "2"]], [["1"]], ["1"], [True], tmp_path / "rows.png")
    with pytest.raises(ValueError, match="at least one example"):
        reading_rows([], [], [], [], [], tmp_path / "rows.png")
