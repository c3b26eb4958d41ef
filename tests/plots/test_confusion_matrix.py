"""The confusion matrix: a cell for each pair that happened, in the colour of its kind."""

import numpy as np
import pytest
from PIL import Image

from neurosym.plots import confusion_matrix


def picture(counts, path, **options):
    names = [chr(ord("a") + n) for n in range(len(counts))]
    written = confusion_matrix(np.array(counts), names, path, **options)
    return np.asarray(Image.open(written).convert("RGB")).astype(int)


def blue_and_red(image):
    """How many pixels are bluish and how many reddish."""
    difference = image[..., 2] - image[..., 0]
    return (difference > 30).sum(), (difference < -30).sum()


def test_right_and_wrong_have_colours_of_their_own(tmp_path):
    blue, red = blue_and_red(picture([[5, 0], [0, 7]], tmp_path / "right.png"))
    assert blue > 1000
    assert red == 0
    more_blue, red = blue_and_red(picture([[5, 1], [3, 7]], tmp_path / "both.png"))
    assert more_blue > 1000
    assert red > 1000
    blue, red = blue_and_red(picture([[0, 5], [7, 0]], tmp_path / "wrong.png"))
    assert blue == 0
    assert red > 1000
    # A class without examples is an empty row.
    image = picture([[0, 0], [0, 7]], tmp_path / "new" / "empty.png", heading="nothing is a")
    assert blue_and_red(image)[0] == pytest.approx(more_blue / 2, rel=0.3)


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        (np.zeros((2, 3), int), "ab", "square matrix"),
        (np.zeros((0, 0), int), "", "square matrix"),
        (np.array([[1, -1], [0, 1]]), "ab", "at least 0"),
        (np.eye(2), "ab", "integers"),
        (np.eye(2, dtype=int), "abc", "2 classes, but 3 names"),
    ],
)
def test_bad_counts_are_refused(counts, names, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(counts, list(names), tmp_path / "x.png")
