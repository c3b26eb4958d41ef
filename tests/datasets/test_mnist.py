"""MNIST as it lies in the data folder, and what is said when it does not."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from neurosym.datasets import CorruptDataError, MissingDataError, mnist
from neurosym.datasets.locate import locate
from neurosym.datasets.mnist import MNIST


def real_folder():
    try:
        return locate(MNIST)
    except MissingDataError as error:
        pytest.skip(str(error))


def test_shapes_types_and_known_facts():
    real_folder()
    data = mnist()
    assert data.train_images.shape == (60000, 28, 28)
    assert data.test_images.shape == (10000, 28, 28)
    assert data.train_images.dtype == data.test_images.dtype == np.uint8
    assert data.train_labels.dtype == data.test_labels.dtype == np.int32
    # The first labels and the counts of the test classes stand in many places.
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(data.test_labels).tolist() == counts
    # The known mean and deviation of the training pixels: 0.1307 and 0.3081.
    assert data.train_images.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert data.train_images.std() / 255 == pytest.approx(0.3081, abs=1e-4)


def test_a_changed_file_is_refused_with_the_command_that_replaces_it(tmp_path):
    folder = real_folder()
    for file in folder.glob("*ubyte*"):
        os.symlink(file, tmp_path / file.name)
    name = "t10k-labels-idx1-ubyte"
    (source,) = folder.glob(f"{name}*")
    content = source.read_bytes()
    content = bytearray(gzip.decompress(content) if source.suffix == ".gz" else content)
    content[100] ^= 1
    for file in tmp_path.glob(f"{name}*"):
        file.unlink()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorruptDataError) as caught:
        mnist(str(tmp_path))
    assert f"{tmp_path}/{name} is not the original file" in str(caught.value)
    assert f"neurosym data mnist --download --data_dir={tmp_path}" in str(caught.value)


def test_missing_files(monkeypatch, tmp_path):
    monkeypatch.delenv("NEUROSYM_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingDataError, match="neurosym data mnist --download"):
        mnist()


def test_uncompressed_files_are_read(monkeypatch, tmp_path):
    folder = real_folder()
    target = tmp_path / "mnist"
    target.mkdir()
    for name in MNIST.md5:
        (source,) = folder.glob(f"{name}*")
        if source.suffix == ".gz":
            with gzip.open(source) as zipped, (target / name).open("wb") as plain:
                shutil.copyfileobj(zipped, plain)
        else:
            shutil.copy(source, target / name)
    monkeypatch.setenv("NEUROSYM_DATA_DIR", str(tmp_path))
    assert {path.suffix for path in Path(target).iterdir()} == {""}
    assert mnist().test_labels[:5].tolist() == [7, 2, 1, 0, 4]
