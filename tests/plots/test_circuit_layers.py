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
