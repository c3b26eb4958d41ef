"""The handwritten symbols as they lie in the data folder, and what is said when they do not."""

import os

import numpy as np
import pytest

from neurosym.datasets import SIGNS, CorruptDataError, MissingDataError, describe, download, symbols
from neurosym.datasets.fetch import DownloadError
from neurosym.datasets.locate import find_file, locate
from neurosym.datasets.symbols import SYMBOLS


@pytest.fixture(scope="module")
def real_file():
    try:
        return find_file(locate(SYMBOLS), "bhmsds.npz")
    except MissingDataError as error:
        pytest.skip(str(error))


def test_shapes_balance_and_ink(real_file):
    data = symbols()
    for part, samples in (("train", 1100), ("validation", 100), ("test", 300)):
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        assert images.shape == (14 * samples, 28, 28)
        assert images.dtype == np.uint8
        assert labels.dtype == np.int32
        assert np.bincount(labels).tolist() == [samples] * len(SIGNS)
        assert images.mean() < 64  # light ink on a dark ground
    # A minus is wider than it is high, a one and a slash are not; a dot fills what a plus does not.
    ink = [data.test_images[data.test_labels == label].mean(0) for label in range(14)]
    assert ink[11].mean(1).max() > 2 * ink[11].mean(0).max()
    assert ink[1].mean(0).max() > ink[1].mean(1).max()
    assert ink[12].mean() > 2 * ink[10].mean()


def test_parts_share_no_image_and_the_test_part_stays(real_file):
    data, whole = symbols(), symbols(validation=0)
    assert len(whole.validation_labels) == 0
    np.testing.assert_array_equal(whole.test_images, data.test_images)
    with np.load(real_file) as arrays:
        chosen = (arrays["sample"] < 1200) & (arrays["labels"] < 14)
        assert len(whole.train_labels) == chosen.sum()
        wanted = 255 - arrays["images"][chosen]
    together = np.concatenate([data.train_images, data.validation_images])
    for images in (whole.train_images, together):
        np.testing.assert_array_equal(
            np.sort(images.sum((1, 2), dtype=int)), np.sort(wanted.sum((1, 2), dtype=int))
        )


@pytest.mark.parametrize("validation", [-1, 1200])
def test_parts_that_cannot_be(validation):
    with pytest.raises(ValueError, match=f"hold out {validation} of 1200"):
        symbols(validation=validation)


def test_a_changed_file_is_refused(real_file, tmp_path):
    content = bytearray(real_file.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "bhmsds.npz").write_bytes(content)
    with pytest.raises(CorruptDataError, match="is not the original file"):
        symbols(str(tmp_path))
    (tmp_path / "bhmsds.npz").unlink()
    os.symlink(real_file, tmp_path / "bhmsds.npz")
    assert len(symbols(str(tmp_path)).test_labels) == 4200


def test_a_missing_file_says_what_belongs_there(monkeypatch, tmp_path):
    monkeypatch.delenv("NEUROSYM_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"cannot be fetched.*wblachowski/bhmsds"):
        symbols()
    report = {report.name: report for report in describe()}["symbols"]
    assert not report.present
    assert "wblachowski/bhmsds" in report.hint
    with pytest.raises(DownloadError, match="wblachowski/bhmsds"):
        download("symbols")
