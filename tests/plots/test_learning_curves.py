"""Learning curves: what is drawn, read back from the figure, and that files are pictures."""

import math

import numpy as np
import pytest
from PIL import Image

from neurosym.plots import learning_curves


def records(epochs=5, splits=("train", "validation")):
    return [
        {
            "split": split,
            "epoch": epoch,
            "step": 100 * epoch,
            "loss": 1.0 / epoch + (split == "validation"),
            **({"sum_accuracy": 1 - 0.5 / epoch} if split == "validation" else {}),
        }
        for epoch in range(1, epochs + 1)
        for split in splits
    ]


def curves(axes):
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.get_lines()
        if not line.get_label().startswith("_")
    }


def test_both_panels(tmp_path, figures):
    path = learning_curves(records(), tmp_path / "new" / "curves.png", metric="sum_accuracy")
    assert path == tmp_path / "new" / "curves.png"
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 2 * 500
    loss, metric = figures[0].axes
    assert loss.get_ylabel() == "loss (nats)"
    assert metric.get_ylabel() == "sum accuracy (%)"
    assert loss.get_xlabel() == metric.get_xlabel() == "epoch"
    drawn = curves(loss)
    assert set(drawn) == {"train", "validation"}
    assert drawn["train"] == ([1, 2, 3, 4, 5], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    (x, y) = curves(metric)["validation"]
    assert x == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(y, [50, 75, 100 - 50 / 3, 87.5, 90])
    assert "90.00 % (epoch 5)" in metric.get_title(loc="left")


def test_the_metric_in_training_is_drawn_beside_validation(tmp_path, figures):
    trained = [{"split": "train", "epoch": e, "step": e, "sum_accuracy": e / 10} for e in (1, 2)]
    learning_curves([*records(epochs=2), *trained], tmp_path / "c.png", metric="sum_accuracy")
    drawn = curves(figures[0].axes[1])
    assert set(drawn) == {"train", "validation"}
    np.testing.assert_allclose(drawn["train"], [[1, 2], [10, 20]])


def test_a_run_without_validation_has_the_loss_alone(tmp_path, figures):
    learning_curves(records(splits=("train",)), tmp_path / "c.png", metric="sum_accuracy")
    (loss,) = figures[0].axes
    assert set(curves(loss)) == {"train"}


def test_records_within_epochs_go_by_step(tmp_path, figures):
    within = [{"split": "train", "epoch": 1, "step": step, "loss": 1.0} for step in (10, 20, 30)]
    learning_curves(within, tmp_path / "c.png", metric="sum_accuracy")
    assert figures[0].axes[0].get_xlabel() == "step"
    assert curves(figures[0].axes[0])["train"][0] == [10, 20, 30]


def test_what_a_resumed_run_wrote_twice_counts_once(tmp_path, figures):
    twice = [*records(), {"split": "train", "epoch": 4, "step": 400, "loss": 7.0}]
    learning_curves(twice, tmp_path / "c.png", metric="sum_accuracy")
    x, y = curves(figures[0].axes[0])["train"]
    assert x == [1, 2, 3, 4, 5]
    assert y[3] == 7.0


def test_values_that_are_not_finite_are_left_out(tmp_path, figures):
    broken = [*records(), {"split": "train", "epoch": 6, "step": 600, "loss": math.nan}]
    learning_curves(broken, tmp_path / "c.png", metric="sum_accuracy")
    assert curves(figures[0].axes[0])["train"][0] == [1, 2, 3, 4, 5]


def test_a_steep_loss_is_drawn_on_a_log_scale(tmp_path, figures):
    steep = [{"split": "train", "epoch": e, "step": e, "loss": 10.0**-e} for e in range(5)]
    learning_curves(steep, tmp_path / "c.png", metric="m")
    learning_curves(records(), tmp_path / "c.png", metric="m")
    assert [figure.axes[0].get_yscale() for figure in figures] == ["log", "linear"]


def test_the_test_split_stands_as_a_point(tmp_path, figures):
    test = {"split": "test", "epoch": 5, "step": 500, "loss": 0.5, "sum_accuracy": 0.9}
    learning_curves([*records(), test], tmp_path / "c.png", metric="sum_accuracy")
    assert curves(figures[0].axes[1])["test"] == ([5], [90])


@pytest.mark.parametrize("nothing", [[], [{"split": "train", "epoch": 1, "loss": math.nan}]])
def test_nothing_to_draw(tmp_path, nothing):
    with pytest.raises(ValueError, match=r"nothing to draw.*'sum_accuracy'"):
        learning_curves(nothing, tmp_path / "c.png", metric="sum_accuracy")
