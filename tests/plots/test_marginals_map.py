"""The heat map of marginals: shades, large values, what has no solution, and bad arguments."""

import numpy as np
import pytest
from PIL import Image

from neurosym.plots import marginals_map
from neurosym.plots.marginals_map import _Glyphs, marginals_caption

LABELS = ("1", "2", "3", "4")
BOARD = {"cells": np.arange(4).reshape(2, 2), "labels": LABELS, "box": (2, 2)}
TABLE = np.asarray(
    [[0.25, 0.25, 0.25, 0.25], [0, 1, 0, 0], [0.9, 0.1, 0, 0], [0.5, 0, 0, 0.5]], float
)


@pytest.fixture
def written(monkeypatch):
    """The texts in cells while a test runs: (text, place, colour, size)."""
    found = []
    original = _Glyphs.add

    def add(self, text, at, colour, size, bold=False):
        found.append((text, at, colour, size))
        original(self, text, at, colour, size, bold)

    monkeypatch.setattr(_Glyphs, "add", add)
    return found


def shade(path, figure, place):
    """The colour of a pixel, by its place in inches on the board or table."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), int)
    x, y = figure.axes[0].transData.transform(place)
    return pixels[pixels.shape[0] - 1 - int(y), int(x)]


def near(middle):
    """A place in a mark that its text does not cover."""
    return middle[0] - 0.1, middle[1] - 0.1


def test_marks_are_shaded_and_what_is_certain_is_large(tmp_path, written, figures):
    path = marginals_map(TABLE, tmp_path / "new" / "m.png", **BOARD, title="four", caption="exact")
    assert path == tmp_path / "new" / "m.png"
    texts = [text for text, *_ in written]
    assert texts == [*LABELS, "2", *LABELS, *LABELS]
    sizes = [size for *_, size in written]
    assert sizes[4] > 2 * max(sizes[:4] + sizes[5:])
    marks = {n: near(at) for n, (_, at, *_) in enumerate(written)}
    shades = [shade(path, figures[0], marks[n]).sum() for n in (6, 0, 9, 5)]  # .1, .25, .5, .9
    assert shades == sorted(shades, reverse=True)
    assert min(-np.diff(shades)) > 20
    assert shade(path, figures[0], marks[7]).tolist() == [255, 255, 255]  # impossible
    colours = {text: colour for text, _, colour, _ in written[5:9]}
    assert colours["1"] == "#ffffff"
    assert colours["3"] == colours["4"] != colours["2"]
    headings = [text.get_text() for text in figures[0].texts]
    assert headings[:3] == ["four", "exact", "1 of 4 certain, 1.16 bits on average in the others"]


def test_pictures_are_the_same_each_time_and_follow_the_data(tmp_path):
    moved = TABLE.copy()
    moved[3] = [0.5, 0.5, 0, 0]
    paths = [
        marginals_map(table, tmp_path / f"{n}.png", **BOARD)
        for n, table in enumerate((TABLE, TABLE, moved))
    ]
    first, again, other = [path.read_bytes() for path in paths]
    assert first == again
    assert first != other


def test_given_cells_are_grey(tmp_path, figures):
    sure = np.eye(4)
    path = marginals_map(sure, tmp_path / "m.png", **BOARD, given=[True, False, False, False])
    given, found = (shade(path, figures[0], (x, 0.06)) for x in (0.06, 0.62))
    assert np.ptp(given) < 10
    assert found[2] - found[0] > 20


def test_no_solution_is_red_and_said(tmp_path, figures):
    path = marginals_map(np.zeros((4, 4)), tmp_path / "m.png", **BOARD)
    ground = shade(path, figures[0], (0.5, 0.05))
    assert ground[0] > ground[1] + 15
    texts = [text.get_text() for text in figures[0].texts]
    assert "no assignment satisfies the constraints" in texts
    table = marginals_map(np.zeros((4, 4)), tmp_path / "t.png")
    names = [text for text in figures[1].axes[0].texts if text.get_text() == "3"]
    with Image.open(table) as image:
        assert image.width > image.height / 2
    assert [text.get_color() for text in names[-1:]] == ["#b3261e"]


def test_a_chess_board_has_a_square_for_each_value(tmp_path, written):
    queens = np.asarray([[0.5, 0.5, 0], [0, 0, 1], [0.995, 0.005, 0]])
    layout = {"cells": np.arange(3)[:, None], "labels": "♛♛♛", "marks": (1, 3), "enlarge": False}
    marginals_map(queens, tmp_path / "m.png", **layout, certain=0.999)
    assert [text for text, *_ in written] == ["50%", "50%", "♛", "99.5%", "<1%"]
    places = np.asarray([at for _, at, *_ in written])
    side = places[1, 0] - places[0, 0]
    squares = np.round(places / side - 0.5).astype(int).tolist()
    assert squares == [[0, 0], [1, 0], [2, 1], [0, 2], [1, 2]]


def test_a_table_names_variables_and_values(tmp_path, written, figures):
    marginals_map(TABLE[:2], tmp_path / "m.png", names=["rain", "sprinkler"], labels="abcd")
    texts = [text.get_text() for text in figures[0].axes[0].texts]
    assert texts == ["a", "b", "c", "d", "rain", "sprinkler"]
    assert [text for text, *_ in written] == ["25%"] * 4 + ["100%"]


def test_a_table_of_domains_of_their_own(tmp_path, written, figures):
    table = np.asarray([[0.75, 0.25, 0], [0.2, 0.2, 0.6]])
    labels = [["no", "yes"], ["red", "green", "blue"]]
    path = marginals_map(table, tmp_path / "m.png", labels=labels)
    texts = [text.get_text() for text in figures[0].axes[0].texts]
    assert texts == ["0", "no", "yes", "1", "red", "green", "blue"]
    assert [text for text, *_ in written] == ["75%", "25%", "20%", "20%", "60%"]
    right = figures[0].axes[0].get_xlim()[1] - 0.1
    outside = shade(path, figures[0], (right, 0.15))
    assert np.ptp(outside) < 5
    assert outside.max() < 255


def test_places_without_a_variable_stay_empty(tmp_path, written):
    cells = np.asarray([[0, -1], [-1, 2]])
    marginals_map(TABLE, tmp_path / "m.png", **BOARD | {"cells": cells})
    assert [text for text, *_ in written] == [*LABELS, *LABELS]


def test_the_caption_counts_and_measures():
    table = np.asarray([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    assert marginals_caption(table) == "1 of 3 certain, 1.50 bits on average in the others"
    assert marginals_caption(table[:1]) == "1 of 1 certain"
    some = np.concatenate([table[:1], np.zeros((1, 4))])
    assert marginals_caption(some) == "1 of 2 certain, 1 without a value"


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        (TABLE[0], {}, r"float\[V, D\] of one variable"),
        (np.log(TABLE[:1]), {}, "these are logarithms"),
        (TABLE * np.nan, {}, "or NaN"),
        (TABLE * [[1], [1], [0.5], [1]], {}, "those of row 2 to 0.5"),
        (TABLE, {"cells": np.asarray([[4]])}, "variables up to 3"),
        (TABLE, {"cells": np.asarray([[-1]])}, "at least one"),
        (TABLE, {"labels": "12"}, "2 labels do not fit 4 values"),
        (TABLE, {"labels": [["1"] * 4] * 4}, "all cells have the same labels"),
        (TABLE, {"cells": None, "labels": [["1"] * 4] * 3}, "for each of 4 variables"),
        (TABLE, {"marks": (1, 3)}, "1 x 3 marks do not hold 4 values"),
        (TABLE, {"names": ["one"]}, "1 names do not fit 4 variables"),
        (TABLE, {"given": [True]}, r"given is bool\[V\] = \[4\]"),
        (TABLE, {"certain": 0.5}, "above one half"),
        (TABLE, {"cells": np.zeros((1, 200), int)}, "1 x 200 cells of 4 values"),
        (np.full((200, 4), 0.25), {"cells": None}, "a table of 200 variables and 4 values"),
        (np.full((30000, 1), 1.0), {"cells": None, "labels": "1"}, "up to 20,000 values"),
    ],
)
def test_bad_arguments(tmp_path, table, change, message):
    with pytest.raises(ValueError, match=message):
        marginals_map(table, tmp_path / "m.png", **BOARD | change)
