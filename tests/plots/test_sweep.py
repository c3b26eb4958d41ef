"""The pictures of a sweep: what is drawn, read back from the figures."""

import math

import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from neurosym.plots import parallel_coordinates, parameter_importances, sweep_history


def trial(number, value, state="COMPLETE", **params):
    return {"number": number, "state": state, "value": value, "params": params}


ABSENT = -0.12

TRIALS = [
    trial(0, 0.5, rate=0.01, kind="adam"),
    trial(1, None, "FAIL", rate=0.1, kind="sgd"),
    trial(2, 0.8, rate=0.001, kind="sgd", momentum=0.9),
    trial(3, 0.2, "PRUNED", rate=1.0, kind="adam"),
    trial(4, 0.7, rate=0.1, kind="adam"),
    trial(5, None, "RUNNING", rate=0.1, kind="adam"),
]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_the_history_shows_each_trial_and_the_best_so_far(figures, tmp_path):
    path = sweep_history(TRIALS, tmp_path / "new" / "h.png", metric="sum_accuracy")
    with Image.open(path) as image:
        assert image.format == "PNG"
    (axes,) = figures[0].axes
    (line,) = axes.lines
    assert list(line.get_xdata()) == [0, 2, 4, 5]
    assert list(line.get_ydata()) == [50.0, 80.0, 80.0, 80.0]
    points = {c.get_label(): c.get_offsets().tolist() for c in axes.collections}
    assert points["complete"] == [[0, 50], [2, 80], [4, 70]]
    assert points["pruned"] == [[3, 20]]
    assert [x for x, _ in points["failed"]] == [1]
    assert axes.get_title(loc="left") == "best: 80.00 %, trial 2"
    assert axes.get_ylabel() == "validation sum accuracy (%)"


def test_other_metrics_are_shown_as_they_are(figures, tmp_path):
    sweep_history(TRIALS[:1], tmp_path / "h.png", metric="return")
    assert list(figures[0].axes[0].lines[0].get_ydata()) == [0.5, 0.5]


def test_importances_are_bars_with_the_largest_on_top(figures, tmp_path):
    parameter_importances({"a.small": 0.1, "b.large": 0.9}, tmp_path / "i.png")
    (axes,) = figures[0].axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a.small", "b.large"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([10, 90])
    assert texts(axes) == ["10 %", "90 %"]


def test_parallel_coordinates_place_every_value_on_its_axis(figures, tmp_path):
    parallel_coordinates(TRIALS, tmp_path / "p.png", metric="accuracy", logarithmic=["rate"])
    axes, _ = figures[0].axes
    # From the worst to the best: rate, kind, momentum (which one trial has), accuracy.
    drawn = [list(line.get_ydata()) for line in axes.lines[:4]]
    expected = [
        [1.0, 0.25, ABSENT, 0.0],
        [1 / 3, 0.25, ABSENT, 0.5],
        [2 / 3, 0.25, ABSENT, 5 / 6],
        [0.0, 0.75, 0.5, 1.0],
    ]
    assert drawn == [pytest.approx(heights) for heights in expected]
    assert [line.get_linestyle() for line in axes.lines[:4]] == ["--", "-", "-", "-"]
    assert {"adam", "sgd", "rate", "kind"} <= set(texts(axes))


def brightness(colour):
    """Relative luminance of a colour, from 0, black, to 1, white."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_parallel_coordinates_are_brighter_the_better_and_the_best_stands_out(figures, tmp_path):
    parallel_coordinates(TRIALS, tmp_path / "p.png", metric="sum_accuracy")
    axes, bar = figures[0].axes
    lines = axes.lines[:4]  # from the worst to the best
    seen = [brightness(line.get_color()) for line in lines]
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] > 0.3
    assert seen[-1] < 0.6  # it shows on white
    assert [bool(line.get_path_effects()) for line in lines] == [False, False, False, True]
    assert max(lines, key=lambda line: line.get_zorder()) is lines[3]
    assert bar.get_ylabel() == "sum accuracy (%)"
    assert bar.get_ylim() == pytest.approx((20, 80))
    assert "outlined: the best, trial 2; dashed: pruned" in texts(axes)


def test_a_pruned_trial_is_the_best_only_where_all_were_pruned(figures, tmp_path):
    pruned = [trial(0, 0.9, "PRUNED", rate=1.0), trial(1, 0.95, "PRUNED", rate=2.0)]
    parallel_coordinates([*pruned, trial(2, 0.1, rate=3.0)], tmp_path / "p.png", metric="m")
    parallel_coordinates(pruned, tmp_path / "q.png", metric="m")
    assert "outlined: the best, trial 2; dashed: pruned" in texts(figures[0].axes[0])
    assert "outlined: the best, trial 1; dashed: pruned" in texts(figures[1].axes[0])


def test_a_field_with_one_value_and_one_with_zero_can_be_drawn(tmp_path):
    trials = [trial(0, 0.5, one=3, zero=0.0), trial(1, 0.6, one=3, zero=0.1)]
    path = parallel_coordinates(trials, tmp_path / "p.png", metric="m", logarithmic=["zero"])
    assert path.exists()
    assert parallel_coordinates(trials[:1], path, metric="m").exists()


def test_nothing_to_draw_is_said(tmp_path):
    for draw in (sweep_history, parallel_coordinates):
        with pytest.raises(ValueError, match="no trial has a finite 'm'"):
            draw([trial(0, None, "FAIL"), trial(1, math.nan)], tmp_path / "x.png", metric="m")
    with pytest.raises(ValueError, match="no field has an importance"):
        parameter_importances({}, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
