"""Generated data: made once, kept whole, made again where the file is damaged."""

import numpy as np
import pytest

from neurosym.datasets.generated import checksum, generated


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "neurosym" / "generated"


class Maker:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"x": np.arange(5, dtype=np.int8), "y": np.full((2, 3), self.calls)}


def test_made_once_for_the_same_parameters(cache):
    make = Maker()
    first = generated("squares", make, version=1, parameters={"n": 5})
    again = generated("squares", make, version=1, parameters={"n": 5})
    assert make.calls == 1
    assert len(list(cache.iterdir())) == 1
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
        assert array.dtype == again[name].dtype
    generated("squares", make, version=2, parameters={"n": 5})
    generated("squares", make, version=1, parameters={"n": 6})
    assert make.calls == 3
    assert len(list(cache.iterdir())) == 3


def test_a_damaged_file_is_made_again(cache):
    make = Maker()
    generated("squares", make, version=1, parameters={})
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert generated("squares", make, version=1, parameters={})["y"][0, 0] == 2
    with np.load(path) as file:
        changed = {**file, "y": np.zeros((2, 3))}
    np.savez(path, **changed)
    assert generated("squares", make, version=1, parameters={})["y"][0, 0] == 3
    assert generated("squares", make, version=1, parameters={})["y"][0, 0] == 3


def test_a_flipped_byte_anywhere_is_noticed(cache):
    def make():
        return {"x": np.arange(3000) % 7, "y": np.ones(5)}

    first = generated("flips", make, version=1, parameters={})
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(bytes(damaged))
        again = generated("flips", make, version=1, parameters={})
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array)


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    make = Maker()
    assert generated("squares", make, version=1, parameters={})["x"].tolist() == [0, 1, 2, 3, 4]
    assert generated("squares", make, version=1, parameters={})["y"][0, 0] == 2


def test_the_checksum_tells_arrays_apart():
    x = np.arange(6, dtype=np.int32)
    others = [{"y": x}, {"x": x.reshape(2, 3)}, {"x": x.astype(np.int64)}, {"x": x + 1}, {}]
    assert checksum({"x": x, "y": x[:0]}) == checksum({"y": x[:0], "x": x.copy()})
    assert len({checksum(arrays) for arrays in ({"x": x}, *others)}) == 6


def test_the_checksum_has_its_name_for_itself(cache):
    with pytest.raises(ValueError, match="sha256"):
        generated("squares", lambda: {"sha256": np.ones(2)}, version=1, parameters={})
