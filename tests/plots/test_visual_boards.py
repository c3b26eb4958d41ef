"""Boards of images: drawn without a display, refused where shapes do not fit."""

import numpy as np
import pytest
from PIL import Image

import neurosym as ns


@pytest.fixture(scope="module")
def boards():
    random = np.random.default_rng(0)
    _, solutions = ns.puzzles.random_sudokus(2, size=4, givens=6)
    position = np.stack([np.sort(random.permutation(16)[:6]) for _ in range(2)])
    images = random.integers(0, 255, (2, 6, 28, 28)).astype(np.uint8)
    return images, position, np.take_along_axis(solutions, position, 1), solutions


def colours(path):
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    red = (pixels[:, 0] > 140) & (pixels[:, 1] < 70) & (pixels[:, 2] < 70)
    green = (pixels[:, 1] > 100) & (pixels[:, 0] < 70) & (pixels[:, 2] < 140)
    return red.sum(), green.sum()


def test_corrections_are_green_and_mistakes_are_red(boards, tmp_path):
    images, position, read, solutions = boards

    def draw(name, read=read, solved=solutions):
        path = tmp_path / name
        return colours(
            ns.plots.visual_boards(images, position, read, solved, solutions, path, heading="x")
        )

    assert draw("right.png") == (0, 0)
    misread = read.copy()
    misread[0, 0] = misread[0, 0] % 4 + 1
    red, green = draw("corrected.png", read=misread)
    assert red == 0
    assert green > 20
    wrong = solutions.copy()
    wrong[1, position[1, 0]] = wrong[1, position[1, 0]] % 4 + 1
    red, green = draw("wrong.png", solved=wrong)
    assert red > 20
    assert green == 0
    assert draw("none.png", solved=np.zeros_like(solutions))[0] > 20


def test_bad_input(boards, tmp_path):
    images, position, read, solutions = boards
    path = tmp_path / "x.png"
    with pytest.raises(ValueError, match="N at least 1"):
        ns.plots.visual_boards(images[:0], position[:0], read[:0], *[solutions[:0]] * 2, path)
    with pytest.raises(ValueError, match=r"\[N, G"):
        ns.plots.visual_boards(images[:, :5], position, read, solutions, solutions, path)
    with pytest.raises(ValueError, match="n²"):
        ns.plots.visual_boards(images, position, read, solutions[:, :15], solutions, path)
