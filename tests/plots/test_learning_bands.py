"""Learning curves with bands over seeds: what is drawn, read back from the figure."""

import math

import numpy as np
import pytest
from PIL import Image

from neurosym.plots import learning_bands


def seed(losses, accuracies=None, *, epochs=None):
    epochs = epochs or list(range(1, len(losses) + 1))
    at = {"step": [10 * epoch for epoch in epochs], "epoch": epochs}
    curves = {"train": {**at, "loss": losses}}
    if accuracies is not None:
        curves["validation"] = {**at, "accuracy": accuracies}
    return curves


def lines(axes):
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.get_lines()}


def test_a_line_is_the_mean_and_the_band_reaches_from_the_least_to_the_most(tmp_path, figures):
    groups = {
        "small": [seed([1.0, 0.5], [0.5, 0.75]), seed([3.0, 0.7], [0.7, 0.8])],
        "large": [seed([2.0, 1.0, 0.9], [0.1, 0.2, 0.3])],
    }
    path = learning_bands(groups, tmp_path / "new" / "b.png", metric="accuracy", heading="Both")
    with Image.open(path) as image:
        assert image.format == "PNG"
    (figure,) = figures
    loss, accuracy = figure.axes
    assert loss.get_ylabel() == "training loss"
    assert accuracy.get_ylabel() == "validation accuracy (%)"
    drawn = lines(loss)
    assert drawn.keys() == {"small (2 seeds)", "large"}
    np.testing.assert_allclose(drawn["small (2 seeds)"], [[1, 2.0], [2, 0.6]])
    np.testing.assert_allclose(drawn["large"], [[1, 2.0], [2, 1.0], [3, 0.9]])
    np.testing.assert_allclose(lines(accuracy)["small (2 seeds)"], [[1, 60], [2, 77.5]])
    (band,) = loss.collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices.round(6)}
    assert corners >= {(1, 1.0), (2, 0.5), (1, 3.0), (2, 0.7)}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["small (2 seeds)", "large"]


def test_what_one_seed_lacks_is_not_averaged(tmp_path, figures):
    groups = {"g": [seed([1.0, math.nan, 3.0]), seed([2.0, 2.0, None]), seed([3.0, 4.0, 5.0])]}
    learning_bands(groups, tmp_path / "b.png", metric="accuracy")
    (axes,) = figures[0].axes
    np.testing.assert_allclose(lines(axes)["g (3 seeds)"], [[1, 2.0]])


def test_steps_stand_where_epochs_do_not_tell_points_apart(tmp_path, figures):
    learning_bands({"g": [seed([1.0, 2.0], epochs=[1, 1])]}, tmp_path / "b.png", metric="m")
    assert figures[0].axes[0].get_xlabel() == "step"


def test_a_steep_loss_is_drawn_on_a_log_scale(tmp_path, figures):
    learning_bands({"g": [seed([100.0, 1.0])]}, tmp_path / "b.png", metric="m")
    learning_bands({"g": [seed([2.0, 1.0])]}, tmp_path / "b.png", metric="m")
    assert [figure.axes[0].get_yscale() for figure in figures] == ["log", "linear"]


@pytest.mark.parametrize("groups", [{}, {"g": []}, {"g": [{}]}, {"g": [seed([math.nan])]}])
def test_nothing_to_draw(tmp_path, groups):
    with pytest.raises(ValueError, match="nothing to draw"):
        learning_bands(groups, tmp_path / "b.png", metric="m")
