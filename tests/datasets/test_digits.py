"""The digits of scikit-learn: a stratified split that is fixed and shares nothing."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from neurosym.datasets import digits

PARTS = ("train", "validation", "test")


def images(data, part):
    return getattr(data, f"{part}_images")


def labels(data, part):
    return getattr(data, f"{part}_labels")


def test_sizes_types_and_range():
    data = digits()
    assert [len(images(data, part)) for part in PARTS] == [1257, 180, 360]
    for part in PARTS:
        assert images(data, part).dtype == np.uint8
        assert images(data, part).shape[1:] == (8, 8)
        assert images(data, part).max() == 16
        assert labels(data, part).dtype == np.int32
        assert labels(data, part).shape == images(data, part).shape[:1]


def test_the_parts_are_the_whole_with_its_labels():
    data, whole = digits(), load_digits()
    together = sorted(
        (image.tobytes(), int(label))
        for part in PARTS
        for image, label in zip(images(data, part), labels(data, part), strict=True)
    )
    assert together == sorted(
        (image.astype(np.uint8).tobytes(), int(label))
        for image, label in zip(whole.images, whole.target, strict=True)
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_stratified(part):
    data = digits()
    share = np.bincount(load_digits().target) / 1797
    counts = np.bincount(labels(data, part), minlength=10)
    assert np.abs(counts - share * len(labels(data, part))).max() < 2


def test_the_test_part_stays_whatever_the_validation_part():
    np.testing.assert_array_equal(digits(validation=0).test_images, digits().test_images)
    assert len(digits(validation=0).train_images) == 1437
    assert len(digits(validation=0).validation_images) == 0


def test_the_split_is_fixed_and_another_seed_gives_another():
    """Published figures rest on this split."""
    digest = hashlib.sha256(digits().test_images.tobytes()).hexdigest()
    assert digest == "5a4e19f2f566d79c6e11a512621bbfe333c1b01cac75cd3d0fbd19c5c1fd91e5"
    other = digits(split_seed=1).test_images
    assert hashlib.sha256(other.tobytes()).hexdigest() != digest


@pytest.mark.parametrize("sizes", [(-1, 360), (180, -1), (900, 897), (2000, 0)])
def test_sizes_that_leave_nothing(sizes):
    validation, test = sizes
    with pytest.raises(ValueError, match="cannot split 1797 digits"):
        digits(validation=validation, test=test)


def test_loading_them_imports_no_scikit_learn():
    script = "import sys; from neurosym.datasets import digits; digits(); "
    script += "print(*sorted(name for name in sys.modules if name.startswith('sklearn')))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_another_file_in_its_place_is_not_read(monkeypatch):
    expected = digits()
    monkeypatch.setattr(sys.modules[digits.__module__], "_MD5", "0" * 32)
    for part in PARTS:
        np.testing.assert_array_equal(images(digits(), part), images(expected, part))
