"""Where files are looked for, in which order, and what is said when they are not there."""

import gzip
import hashlib

import pytest

from neurosym.datasets import CorruptDataError, MissingDataError
from neurosym.datasets.locate import Source, find_file, locate, read_verified

FILES = {"a-file": b"content of a", "b-file": b"content of b"}
TINY = Source("tiny", {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()})


def fill(folder, *, zipped=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROSYM_DATA_DIR", str(tmp_path / "environment"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()


def test_the_order_is_given_inside_environment_cache(tmp_path):
    given = str(tmp_path / "given")
    for folder in ("cache/neurosym/tiny", "environment/tiny", "given/tiny", "given"):
        fill(tmp_path / folder)
        assert locate(TINY, given) == tmp_path / folder
    assert locate(TINY) == tmp_path / "environment/tiny"


def test_without_xdg_the_cache_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    fill(tmp_path / ".cache/neurosym/tiny")
    assert locate(TINY) == tmp_path / ".cache/neurosym/tiny"


def test_a_folder_without_all_files_is_passed_over(tmp_path):
    fill(tmp_path / "environment/tiny")
    (tmp_path / "environment/tiny/b-file.gz").unlink()
    fill(tmp_path / "cache/neurosym/tiny", zipped=False)
    assert locate(TINY) == tmp_path / "cache/neurosym/tiny"


def test_missing_data_says_where_it_looked_and_what_to_do(tmp_path):
    fill(tmp_path / "environment/tiny")
    (tmp_path / "environment/tiny/b-file.gz").unlink()
    with pytest.raises(MissingDataError) as caught:
        locate(TINY, str(tmp_path / "given"))
    message = str(caught.value)
    assert f"{tmp_path}/given (none of its files)" in message
    assert f"{tmp_path}/given/tiny (no such folder)" in message
    assert f"{tmp_path}/environment/tiny (without b-file)" in message
    assert f"{tmp_path}/cache/neurosym/tiny (no such folder)" in message
    assert f"neurosym data tiny --download --data_dir={tmp_path}/given" in message


def test_a_given_folder_that_does_not_exist_is_an_error_although_the_data_is_elsewhere(tmp_path):
    fill(tmp_path / "environment/tiny")
    with pytest.raises(MissingDataError, match="nowhere does not exist"):
        locate(TINY, str(tmp_path / "nowhere"))


@pytest.mark.parametrize("zipped", [False, True])
def test_content_is_verified_uncompressed(tmp_path, zipped):
    fill(tmp_path, zipped=zipped)
    path = find_file(tmp_path, "a-file")
    assert read_verified(path, TINY.md5["a-file"]) == FILES["a-file"]
    with pytest.raises(CorruptDataError, match=f"{path} is not the original file.*expected"):
        read_verified(path, TINY.md5["b-file"])
