"""The comparison of estimators: what is drawn, read back from the figure."""

import pytest
from PIL import Image

from neurosym.plots import estimator_comparison
from neurosym.plots.estimator_comparison import FLOOR


def record(name, bias=0.2, variance=3.0, milliseconds=1.5, accuracy=0.9):
    return {
        "name": name,
        "relative_bias": bias,
        "relative_variance": variance,
        "milliseconds": milliseconds,
        "accuracy": accuracy,
    }


def points(axes):
    return [tuple(round(x, 6) for x in c.get_offsets()[0].tolist()) for c in axes.collections]


def test_every_estimator_is_a_point_in_both_panels(tmp_path, figures):
    records = [record("exact", bias=0.0, variance=0.0, accuracy=0.97)]
    records += [record(f"other {n}", bias=0.1 * (n + 1), milliseconds=n + 1.0) for n in range(13)]
    path = estimator_comparison(records, tmp_path / "new" / "estimators.png", caption="here")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 1500
    left, right = figures[0].axes
    assert points(left)[0] == (FLOOR, FLOOR)  # zero has no place on a logarithmic axis
    assert points(left)[3] == (0.3, 3.0)
    assert points(right)[0] == (1.5, 97.0)
    assert len(points(left)) == len(points(right)) == 14
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == [r["name"] for r in records]
    looks = {
        (tuple(c.get_facecolors()[0].tolist()), c.get_paths()[0].vertices.tobytes())
        for c in left.collections
    }
    assert len(looks) == 14  # colours repeat, colours with markers do not


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no estimators"):
        estimator_comparison([], tmp_path / "x.png")
    with pytest.raises(ValueError, match="lacks accuracy"):
        estimator_comparison([_without()], tmp_path / "x.png")


def _without():
    short = record("a")
    del short["accuracy"]
    return short
