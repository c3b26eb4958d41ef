"""The factor graph: what is written and in which colour, boards, and what is too large."""

from collections import namedtuple

import matplotlib.figure
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import same_color
from PIL import Image

import neurosym as ns
from neurosym.plots import factor_graph, network_summary
from neurosym.plots.style import CATEGORIES

Relation = namedtuple("Relation", "kind scope")
Structure = namedtuple("Structure", "names domains relations")
Network = namedtuple("Network", "structure")


def network(variables, relations, values=("no", "yes")):
    names = tuple(f"x[{n}]" for n in range(variables))
    made = tuple(Relation(kind, tuple(scope)) for kind, scope in relations)
    return Network(Structure(names, (tuple(values),) * variables, made))


@pytest.fixture
def axes(monkeypatch):
    """The axes of the figures that are saved while a test runs."""
    saved = []
    original = matplotlib.figure.Figure.savefig

    def savefig(self, *arguments, **options):
        saved.append(self.axes[0])
        original(self, *arguments, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", savefig)
    return saved


def texts(axes):
    return [text.get_text() for text in axes.texts]


def marks(axes):
    """Places and colours of the squares and of the circles."""
    scatters = [c for c in axes.collections if isinstance(c, PathCollection)]
    return [(np.asarray(c.get_offsets()), c.get_facecolors()) for c in scatters]


def test_every_variable_and_constraint_is_there_in_its_colour(tmp_path, axes):
    drawn = network(4, [("table", (0, 1)), ("count", (1, 2, 3)), ("table", (3, 0))])
    path = factor_graph(drawn, tmp_path / "new" / "g.png", title="three")
    assert path == tmp_path / "new" / "g.png"
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert 300 < image.width < 2000
        assert 200 < image.height < 2000
    written = texts(axes[0])
    assert not [t for t in written if t.isdigit()]  # a number would be taken for a variable
    assert [t for t in written if t.startswith("x")] == [f"x\n[{n}]" for n in range(4)]
    assert [t for t in written if t in ("table", "count")] == ["table", "count", "table"]
    (squares, colours), (circles, _) = marks(axes[0])
    wanted = [CATEGORIES[1], CATEGORIES[0], CATEGORIES[1]]  # by the order of their names
    assert all(same_color(a, b) for a, b in zip(colours, wanted, strict=True))
    (lines,) = [c for c in axes[0].collections if isinstance(c, LineCollection)]
    joined = [
        (np.linalg.norm(circles - a, axis=1).argmin(), np.linalg.norm(squares - b, axis=1).argmin())
        for a, b in lines.get_segments()
    ]
    assert joined == [(0, 0), (1, 0), (1, 1), (2, 1), (3, 1), (3, 2), (0, 2)]
    legend = [text.get_text() for text in axes[0].figure.legends[0].get_texts()]
    assert legend == ["1 count, arity 3", "2 table, arity 2"]
    caption = [text.get_text() for text in axes[0].figure.texts]
    assert caption == ["three", "4 variables of 2 values, 3 constraints"]


def test_the_edges_of_negative_literals_are_dashed(tmp_path, axes):
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=(0, 1))
    colour = problem.variable("colour", domain=("blue", "red"))
    problem.add(ns.Clause([x == 0, y, colour == "blue"]), ns.Clause([x, z == 0]))
    problem.add(ns.Clause([z == 0]), ns.Clause([y]))
    factor_graph(problem.compile(), tmp_path / "g.png")
    (lines,) = [c for c in axes[0].collections if isinstance(c, LineCollection)]
    dashed = [style[1] is not None for style in lines.get_linestyles()]
    # x, y and the colour, which is not a number; x and z; z; y.
    assert dashed == [True, False, False, False, True, True, False]
    legend = axes[0].figure.legends[0].get_texts()
    assert [text.get_text() for text in legend][-1] == "negative literal"


def test_without_negative_literals_the_legend_does_not_speak_of_them(tmp_path, axes):
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=(0, 1))
    problem.add(ns.Clause([x, y]))
    factor_graph(problem.compile(), tmp_path / "g.png")
    assert [text.get_text() for text in axes[0].figure.legends[0].get_texts()] == [
        "1 clause, arity 2"
    ]


def test_the_words_in_a_box_are_inside_of_it(tmp_path, axes):
    drawn = network(3, [("all_different", (0, 1, 2)), ("a_kind_of_ones_own", (0, 1)), ("x", (2,))])
    factor_graph(drawn, tmp_path / "g.png")
    boxes, _ = [c for c in axes[0].collections if isinstance(c, PathCollection)]
    scale = axes[0].figure.dpi / 72 * np.sqrt(boxes.get_sizes()[0])
    half = scale * np.abs(boxes.get_paths()[0].vertices).max(axis=0)
    words = {t.get_text(): t for t in axes[0].texts if not t.get_text().startswith("x\n")}
    assert list(words) == ["all\ndifferent", "a kind of\nones own", "x"]
    for place, text in zip(boxes.get_offsets(), words.values(), strict=True):
        middle = axes[0].transData.transform(place)
        extent = text.get_window_extent()
        assert (np.abs(extent.get_points() - middle) <= half + 1).all()


def test_many_constraints_are_squares_without_words(tmp_path, axes):
    drawn = network(40, [("table", (n, n + 1)) for n in range(39)])
    factor_graph(drawn, tmp_path / "g.png")
    assert [t for t in texts(axes[0]) if not t.startswith("x")] == []


def test_pictures_are_the_same_each_time_and_differ_between_networks(tmp_path):
    one = network(3, [("table", (0, 1)), ("table", (1, 2))])
    other = network(3, [("table", (0, 1)), ("table", (0, 1, 2))])
    paths = [factor_graph(n, tmp_path / f"{i}.png") for i, n in enumerate((one, one, other))]
    first, again, different = [path.read_bytes() for path in paths]
    assert first == again
    assert first != different


def test_values_that_are_left(tmp_path, axes):
    drawn = network(3, [("table", (0, 1, 2))])
    left = np.asarray([[True, True], [False, True], [False, False]])
    factor_graph(drawn, tmp_path / "g.png", domains=left)
    assert "x\n[1]\n= yes" in texts(axes[0])
    grounds = [colour.tolist() for colour in marks(axes[0])[1][1]]
    assert len({tuple(colour) for colour in grounds}) == 3
    assert grounds[0] == [1, 1, 1, 1]
    caption = axes[0].figure.texts[1].get_text()
    assert caption == "3 variables of 2 values, 1 constraint, 1 given, 1 without a value"


def test_a_board_has_its_lines_at_their_ends(tmp_path, axes):
    cells = np.arange(9).reshape(3, 3)
    scopes = [cells[1], cells[:, 2], cells.diagonal(), [0, 1], cells.ravel()]
    drawn = network(9, [("table", scope) for scope in scopes])
    factor_graph(drawn, tmp_path / "g.png", cells=cells)
    (squares, _), (circles, _) = marks(axes[0])
    board = circles.reshape(3, 3, 2)
    side = board[0, 1, 0] - board[0, 0, 0]
    expected = [(c * side, r * side) for r in range(3) for c in range(3)]
    np.testing.assert_allclose(circles - circles[0], expected, atol=1e-6)
    places = (squares - circles[0]) / side
    np.testing.assert_allclose(places[:4], [(3, 1), (2, 3), (3, 3), (0.5, 0)], atol=1e-6)
    # The one on all cells stands among them, on none of them and on no line.
    assert ((places[4] > 0) & (places[4] < 2)).all()
    assert (np.abs(places[4] - places[4].round()) > 0.3).all()


def test_what_is_too_large_is_drawn_in_numbers(tmp_path, axes):
    large = network(500, [("clause", (n, n + 1)) for n in range(200)] + [("table", (0, 1, 2))])
    with pytest.raises(ValueError, match=r"up to 600 .* not 701 and 403; network_summary"):
        factor_graph(large, tmp_path / "g.png")
    path = network_summary(large, tmp_path / "s.png", title="large")
    with Image.open(path) as image:
        assert image.format == "PNG"
    bars = axes[0]
    assert [label.get_text() for label in bars.get_yticklabels()] == [
        "clause, arity 2",
        "table, arity 3",
    ]
    assert [bar.get_width() for bar in bars.patches] == [200, 1]
    histogram = bars.figure.axes[1]
    assert sum(bar.get_height() for bar in histogram.patches) == 500
    # 0 to 3 constraints: x1 has three; x0, x2 and those up to x199 two; x200 one; the others none.
    assert [bar.get_height() for bar in histogram.patches] == [299, 1, 198, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"domains": np.ones((2, 3), bool)}, r"bool\[V, D\] = \[3, 2\], not \[2, 3\]"),
        ({"cells": np.asarray([[0, 1]])}, "hold each variable below 3 once"),
        ({"cells": np.asarray([[0, 1, 1, 2]])}, "hold each variable below 3 once"),
        ({"cells": np.arange(3)}, r"int\[rows, columns\]"),
    ],
)
def test_bad_arguments(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        factor_graph(network(3, [("table", (0, 1))]), tmp_path / "g.png", **change)
