"""The grid of examples: choice and order, what is written, and that no texts overlap."""

import numpy as np
import pytest
from matplotlib.colors import same_color
from PIL import Image

from neurosym.plots import example_grid
from neurosym.plots.style import INK, WRONG


def examples(count, digits=1, side=8):
    images = np.random.default_rng(0).integers(0, 17, (count, 2 * digits, side, side))
    nines = 10**digits - 1
    titles = [f"{nines} + {nines} = {2 * nines}\ntruth {i}" for i in range(count)]
    return images.astype(np.uint8), titles


def shown(figure):
    """The texts below the examples, in order; heading and caption stand before them."""
    return [text for text in figure.texts if "truth" in text.get_text()]


def test_mistakes_first_in_colour_and_counted(tmp_path, figures):
    images, titles = examples(30)
    correct = np.ones(30, bool)
    correct[[7, 21]] = False
    path = example_grid(
        images, titles, correct, tmp_path / "a" / "g.png", columns=4, rows=2, noun="sums"
    )
    with Image.open(path) as image:
        assert image.format == "PNG"
    (figure,) = figures
    order = [7, 21, 0, 1, 2, 3, 4, 5]
    assert [text.get_text() for text in shown(figure)] == [titles[i] for i in order]
    colours = [text.get_color() for text in shown(figure)]
    assert all(same_color(colour, WRONG) for colour in colours[:2])
    assert all(same_color(colour, INK) for colour in colours[2:])
    assert any(text.get_text() == "2 of 30 sums wrong, shown first" for text in figure.texts)
    assert len(figure.axes) == 8


@pytest.mark.parametrize(("wrong", "mistakes"), [(0, 0), (3, 3), (4, 4), (20, 4), (28, 6), (30, 8)])
def test_mistakes_leave_half_of_the_places(tmp_path, figures, wrong, mistakes):
    images, titles = examples(30)
    example_grid(images, titles, np.arange(30) >= wrong, tmp_path / "g.png", columns=4, rows=2)
    numbers = [int(text.get_text().split()[-1]) for text in shown(figures[0])]
    assert len(numbers) == 8
    assert sum(number < wrong for number in numbers) == mistakes
    assert any(text.get_text().startswith(f"{wrong} of 30 ") for text in figures[0].texts)


def test_the_pixels_are_the_images(tmp_path, figures):
    images, titles = examples(3)
    example_grid(images, titles, [True] * 3, tmp_path / "g.png", numbers=2)
    strip = figures[0].axes[1].get_images()[0].get_array()
    largest = images[1].max()
    np.testing.assert_allclose(strip[:, :8], images[1, 0] / largest)
    np.testing.assert_allclose(strip[:, -8:], images[1, 1] / largest)
    assert strip.mask[:, 8:-8].all()
    assert strip.shape[1] > 16


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 15])
@pytest.mark.parametrize("columns", [1, 6])
def test_no_text_overlaps_another_or_leaves_the_picture(tmp_path, figures, digits, columns):
    images, titles = examples(13, digits)
    example_grid(
        images,
        titles,
        np.arange(13) % 3 > 0,
        tmp_path / "g.png",
        columns=columns,
        heading="A heading that is rather long for such a small picture",
        numbers=2,
    )
    (figure,) = figures
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts if text.get_text()]
    boxes += [axes.get_window_extent(renderer) for axes in figure.axes]
    for i, one in enumerate(boxes):
        assert one.x0 >= 0
        assert one.y0 >= 0
        assert one.x1 <= figure.bbox.width
        assert one.y1 <= figure.bbox.height
        for other in boxes[:i]:
            apart = (
                one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
            )
            assert apart


def test_a_dollar_is_a_dollar(tmp_path, figures):
    images, _ = examples(1)
    example_grid(images, ["$x_1 = truth"], [True], tmp_path / "g.png")
    assert shown(figures[0])[0].get_text() == "$x_1 = truth"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((3, 8, 8))}, r"must be \[n, k, H, W\]"),
        ({"titles": ["one"]}, "3 examples, 1 titles and 3 marks"),
        ({"correct": [True]}, "3 examples, 3 titles and 1 marks"),
        ({"numbers": 3}, "2 images do not make 3 groups"),
        ({"columns": 0}, "at least one"),
        ({"images": np.zeros((0, 2, 8, 8)), "titles": [], "correct": []}, "at least one"),
    ],
)
def test_bad_arguments(tmp_path, change, message):
    images, titles = examples(3)
    arguments = {"images": images, "titles": titles, "correct": [True] * 3} | change
    with pytest.raises(ValueError, match=message):
        example_grid(path=tmp_path / "g.png", **arguments)
