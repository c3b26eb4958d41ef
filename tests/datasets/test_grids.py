"""A picture of a board, cut into its cells."""

import numpy as np
import pytest
from PIL import Image

import neurosym as ns


@pytest.fixture(scope="module")
def symbols():
    """Five crude digits, light on dark, centred as MNIST has them."""
    images = np.zeros((5, 28, 28), np.uint8)
    images[0, 4:24, 13:15] = 255
    images[1, 4:24, 10:12] = 255
    images[1, 22:24, 10:18] = 255
    images[2, 4:6, 8:20] = images[2, 22:24, 8:20] = images[2, 4:24, 8:10] = 255
    images[3, 4:24, 8:10] = images[3, 4:24, 18:20] = images[3, 13:15, 8:20] = 255
    images[4, np.arange(4, 24), np.arange(4, 24)] = 255
    return images


def test_a_board_is_cut_into_its_cells(symbols, tmp_path):
    position = np.array([0, 3, 6, 9, 15])
    path = ns.plots.board_image(symbols, position, 4, tmp_path / "board.png")
    images, given = ns.datasets.load_grid(path, (4, 4), (28, 28))
    assert images.shape == (4, 4, 28, 28)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(np.flatnonzero(given.ravel()), position)
    assert not images[~given].any()
    for symbol, found in zip(symbols, images.reshape(16, 28, 28)[position], strict=True):
        assert found.max() == 255
        # The same strokes in the same places, but for centring and blur.
        overlap = max(
            np.minimum(np.roll(symbol, (down, right), (0, 1)), found).sum()
            for down in range(-3, 4)
            for right in range(-3, 4)
        )
        assert overlap > 0.6 * min(symbol.sum(), found.sum())


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("scale", [1, 3])
def test_any_contrast_and_size(symbols, tmp_path, inverted, scale):
    path = ns.plots.board_image(symbols[:2], np.array([1, 14]), 4, tmp_path / "board.png")
    sheet = Image.open(path)
    sheet = sheet.resize((sheet.width * scale, sheet.height * scale))
    pixels = np.asarray(sheet).astype(float) * 0.6 + 40
    Image.fromarray((255 - pixels if inverted else pixels).astype(np.uint8)).save(path)
    _, given = ns.datasets.load_grid(path, (4, 4), (28, 28))
    assert np.flatnonzero(given.ravel()).tolist() == [1, 14]


def test_an_empty_grid_has_no_symbol(tmp_path):
    path = ns.plots.board_image(
        np.zeros((0, 28, 28), np.uint8), np.zeros(0, int), 4, tmp_path / "board.png"
    )
    images, given = ns.datasets.load_grid(path, (4, 4), (28, 28))
    assert not given.any()
    assert not images.any()


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match="no image file"):
        ns.datasets.load_grid(tmp_path / "none.png", (4, 4), (28, 28))
    small = tmp_path / "small.png"
    Image.fromarray(np.full((20, 20), 255, np.uint8)).save(small)
    with pytest.raises(ValueError, match="too few for 9x9"):
        ns.datasets.load_grid(small, (9, 9), (28, 28))
