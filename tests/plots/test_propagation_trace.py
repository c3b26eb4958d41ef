"""The picture of propagation: frames, what each cell shows, and what cannot be drawn."""

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageDraw

from neurosym.plots import propagation_trace
from neurosym.plots.propagation_trace import (
    _GIVEN_GROUND,
    _NEW,
    _NEW_GROUND,
    _PAPER,
    _REMOVED,
    _WRONG_GROUND,
)
from neurosym.plots.style import INK

LABELS = ("1", "2", "3", "4")


def trace_of_four():
    """A 2 x 2 board: one cell is given, one fixed in round 1, one in round 2, one wiped out."""
    full = [1, 1, 1, 1]
    return np.asarray(
        [
            [[0, 1, 0, 0], full, full, full],
            [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 1], [1, 0, 1, 1]],
            [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]],
        ],
        bool,
    )


@pytest.fixture
def texts(monkeypatch):
    """What is written while a test runs: (text, colour, x, y), in order."""
    written = []
    original = ImageDraw.ImageDraw.text

    def text(self, xy, text, fill=None, font=None, anchor=None, **options):
        written.append((text, fill, *xy))
        original(self, xy, text, fill, font, anchor, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return written


def board(**changes):
    return {"cells": np.arange(4).reshape(2, 2), "labels": LABELS, "box": (2, 2)} | changes


def frames_of(texts):
    """The writing by frame: title, caption, then the marks as (text, colour)."""
    starts = [i for i, (text, *_) in enumerate(texts) if text == "start" or "round" in text]
    for start, end in zip(starts, [*starts[1:], len(texts)], strict=True):
        title, caption = texts[start][0], texts[start + 1][0]
        marks = [(text, colour) for text, colour, *_ in texts[start + 2 : end] if text in LABELS]
        yield title, caption, marks


def test_what_each_round_shows(tmp_path, texts):
    path = propagation_trace(trace_of_four(), tmp_path / "new" / "t.png", **board(), columns=3)
    assert path == tmp_path / "new" / "t.png"
    start, first, second = frames_of(texts)
    assert start[:2] == ("start", "1 of 4 fixed")
    assert start[2] == [("2", INK)] + [(label, INK) for label in LABELS] * 3
    assert first[:2] == ("round 1", "2 of 4 fixed, 5 values removed")
    kept = [("1", INK), ("3", INK), ("4", INK), ("2", _REMOVED)]
    assert first[2] == [("2", INK), ("1", _NEW), *kept, *kept]
    assert second[:2] == ("round 2", "3 of 4 fixed, 5 values removed")
    gone = [("1", _REMOVED), ("3", _REMOVED), ("4", _REMOVED)]
    assert second[2] == [("2", INK), ("1", _NEW), ("3", _NEW), *gone]


def test_grounds_tell_given_new_and_wiped_out_cells(tmp_path):
    path = propagation_trace(trace_of_four(), tmp_path / "t.png", **board(), columns=1)
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    height = pixels.shape[0] // 3

    def shows(frame, colour):
        part = pixels[frame * height : (frame + 1) * height - 60]  # without the legend
        return (part == ImageColor.getrgb(colour)).all(-1).sum() > 500

    wanted = {_GIVEN_GROUND: [1, 1, 1], _NEW_GROUND: [0, 1, 1], _WRONG_GROUND: [0, 0, 1]}
    for colour, frames in wanted.items():
        assert [shows(frame, colour) for frame in range(3)] == [bool(x) for x in frames]
    assert all(shows(frame, _PAPER) for frame in range(3))


def test_gif_has_a_frame_a_round_and_rests_at_the_end(tmp_path):
    path = propagation_trace(trace_of_four(), tmp_path / "t.gif", **board())
    png = propagation_trace(trace_of_four(), tmp_path / "t.png", **board(), columns=3)
    with Image.open(path) as image, Image.open(png) as strip:
        assert image.format == "GIF"
        assert image.n_frames == 3
        assert image.info["loop"] == 0
        durations = []
        for frame in range(3):
            image.seek(frame)
            durations.append(image.info["duration"])
            drawn = np.asarray(image.convert("RGB"), int)
            left = frame * image.width
            exact = strip.convert("RGB").crop((left, 0, left + image.width, image.height))
            assert np.abs(drawn - np.asarray(exact, int)).mean() < 1
            assert drawn[0, 0].tolist() == [255, 255, 255]
        assert durations[2] > durations[1]


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_one_round_alone(tmp_path, suffix):
    path = propagation_trace(trace_of_four()[:1], tmp_path / f"t.{suffix}", **board())
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == 1


def test_a_png_of_many_rounds_shows_the_first_the_last_and_some_between(tmp_path, texts):
    many = np.ones((30, 4, 4), bool)
    propagation_trace(many, tmp_path / "t.png", **board(), most=4)
    titles = [title for title, _, _ in frames_of(texts)]
    assert titles == ["start", "round 10", "round 19", "round 29"]
    texts.clear()
    propagation_trace(
        many[:3], tmp_path / "t.gif", **board(), titles=["start", "round A", "B round"]
    )
    assert [title for title, _, _ in frames_of(texts)] == ["start", "round A", "B round"]


def test_a_chess_board_keeps_values_in_their_places(tmp_path, texts):
    trace = np.ones((2, 3, 3), bool)
    trace[1, 1] = [False, False, True]
    cells = np.arange(3)[:, None]
    layout = {"cells": cells, "labels": "♛♛♛", "marks": (1, 3), "enlarge": False}
    propagation_trace(trace, tmp_path / "t.png", **layout)
    queens = [(x, y) for text, _, x, y in texts if text == "♛"]
    columns = sorted({x for x, _ in queens})
    rows = sorted({y for _, y in queens})
    assert (len(columns), len(rows)) == (3, 3)
    np.testing.assert_allclose(np.diff(columns), np.diff(rows))
    (new,) = [(x, y) for text, colour, x, y in texts if text == "♛" and colour == _NEW]
    assert new == (columns[2], rows[1])


def test_places_without_a_variable_stay_empty(tmp_path, texts):
    cells = np.asarray([[0, -1], [-1, 2]])
    propagation_trace(trace_of_four(), tmp_path / "t.png", **board(cells=cells))
    _, _, second = frames_of(texts)
    assert second[1] == "2 of 2 fixed, 2 values removed"


@pytest.mark.parametrize("values", [1, 9, 25, 100])
def test_marks_do_not_overlap_and_stay_in_the_picture(tmp_path, texts, values):
    labels = [str(value) for value in range(1, values + 1)]
    trace = np.ones((1, 2, values), bool)
    path = propagation_trace(trace, tmp_path / "t.png", cells=np.asarray([[0, 1]]), labels=labels)
    with Image.open(path) as image:
        size = image.size
    places = np.asarray([(x, y) for text, _, x, y in texts if text in labels])
    assert len(places) == 2 * values
    apart = np.abs(places[:, None] - places[None])
    width = 8 * len(labels[-1])
    overlap = (apart[..., 0] < width) & (apart[..., 1] < 12) & ~np.eye(2 * values, dtype=bool)
    assert not overlap.any()
    assert (places > 0).all()
    assert (places < size).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trace": np.ones((4, 4), bool)}, "of at least one round, not"),
        ({"trace": np.ones((0, 4, 4), bool)}, "of at least one round"),
        ({"cells": np.asarray([[4]])}, "variables up to 3"),
        ({"cells": np.asarray([[-1]])}, "at least one"),
        ({"cells": np.arange(4)}, r"int\[rows, columns\]"),
        ({"labels": "12"}, "2 labels do not fit 4 values"),
        ({"marks": (1, 3)}, "1 x 3 marks do not hold 4 values"),
        ({"titles": ["one"]}, "1 titles do not fit 3 rounds"),
        ({"path": "t.jpg"}, r"as \.gif or \.png, not 't\.jpg'"),
        ({"cells": np.zeros((100, 2), int)}, "100 x 2 cells of 4 values would take"),
    ],
)
def test_bad_arguments(tmp_path, change, message):
    arguments = {"trace": trace_of_four(), "path": "t.png", **board()} | change
    arguments["path"] = tmp_path / arguments["path"]
    with pytest.raises(ValueError, match=message):
        propagation_trace(**arguments)
