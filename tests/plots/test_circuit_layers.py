"""The picture of a circuit's layers."""

import pytest
from PIL import Image

from neurosym.plots import circuit_layers
from neurosym.plots.circuit_layers import MAX_DRAWN


def width(path):
    with Image.open(path) as image:
        return image.size[0]


TERMS = (((3, 2), (4, 1)), ((5, 4),), ((6, 5), (2, 1)))


def test_a_small_circuit_is_drawn_as_a_graph(tmp_path):
    layers = [(1, 2), (1, 1), (1, 2)]
    bars = circuit_layers(layers, tmp_path / "deep" / "bars.png")
    both = circuit_layers(
        layers, tmp_path / "both.png", terms=TERMS, leaves=["x", "y", "z"], heading="three"
    )
    assert width(both) > 1.5 * width(bars)


def test_a_large_circuit_is_not_drawn_as_a_graph(tmp_path):
    chain = [((2, 1),), *(((n, 2),) for n in range(3, 3 + MAX_DRAWN))]
    layers = [(1, 1)] * len(chain)
    path = circuit_layers(layers, tmp_path / "large.png", terms=chain, leaves=["x"])
    assert width(path) == width(circuit_layers(layers, tmp_path / "bars.png"))


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="a constant or a single leaf"):
        circuit_layers([], tmp_path / "none.png")
    with pytest.raises(ValueError, match="row 3 refers to row 3, which does not come before"):
        circuit_layers([(1, 1)], tmp_path / "bad.png", terms=[((3, 1),)], leaves=["x"])


def names_of_leaves(figure, leaves):
    """The texts of a picture that name a leaf."""
    found = [text for axes in figure.axes for text in axes.texts]
    return [text for text in found if text.get_text() in leaves]


def overlapping(texts, figure):
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in texts]
    return any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])


@pytest.mark.parametrize("count", [2, 12, 30, 75])
def test_names_of_leaves_are_readable_and_apart(tmp_path, figures, count):
    leaves = [f"cell[{n}, 1]={n % 7}" for n in range(count)]
    terms = [tuple((2 + n, 1) for n in range(count))]
    circuit_layers([(1, count)], tmp_path / "many.png", terms=terms, leaves=leaves)
    (figure,) = figures
    texts = names_of_leaves(figure, leaves)
    assert len(texts) == count
    assert min(text.get_fontsize() for text in texts) >= 8
    assert not overlapping(texts, figure)


def test_names_that_find_no_room_are_left_out_and_long_ones_cut(tmp_path, figures):
    leaves = [f"leaf {n}" for n in range(120)]
    terms = [tuple((2 + n, 1) for n in range(120))]
    circuit_layers([(1, 120)], tmp_path / "many.png", terms=terms, leaves=leaves)
    assert not names_of_leaves(figures[0], leaves)
    assert names_of_leaves(figures[0], ["the names of 120 leaves find no room"])
    circuit_layers([(1, 1)], tmp_path / "long.png", terms=[((2, 1),)], leaves=["x" * 200])
    assert names_of_leaves(figures[1], ["x" * 21 + "…"])
