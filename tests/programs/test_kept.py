"""Questions on disk: found again by content, and never trusted when they are damaged."""

import pytest

from neurosym.programs import Program, kept

TEXT = '0.5::a. 0.4::b. q :- a, \\+ b. d(X) :- a, X = f("t", 1.5).'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NEUROSYM_CACHE", raising=False)
    monkeypatch.setattr(kept, "WORTH", 0.0)
    return tmp_path / "neurosym" / "questions"


def test_a_question_is_compiled_once(folder, monkeypatch):
    first = Program.parse(TEXT).probabilities(["q", "d(_)"])
    (path,) = folder.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr("neurosym.programs.program.ground", None)  # it is not grounded again
        assert Program.parse(TEXT).probabilities(["q", "d(_)"]) == first
    path.write_bytes(b"damaged")
    assert Program.parse(TEXT).probabilities(["q", "d(_)"]) == first
    assert Program.parse(TEXT + " ").probabilities(["q", "d(_)"]) == first
    assert len(list(folder.iterdir())) == 2


def test_it_can_be_turned_off_and_stays_small(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("NEUROSYM_CACHE", "off")
        Program.parse(TEXT).probabilities("q")
        assert not folder.exists()
    monkeypatch.setattr(kept, "MOST_BYTES", 8000)
    for n in range(12):
        Program.parse(f"0.{n + 1}::a.").probabilities("a")
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert 0 < size <= 8000
