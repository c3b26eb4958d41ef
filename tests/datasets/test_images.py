"""Pictures from users: all modes, both polarities, and back to what the encoder was trained on."""

import numpy as np
import pytest
from PIL import Image

from neurosym.datasets import MissingDataError, digits, load_image, mnist


def picture(image, *, zoom=5, margin=30, dark_on_light=True):
    """A data set's image [H, W] as a person would have it: large, on a sheet."""
    large = np.kron(image.astype(np.float64) / image.max(), np.ones((zoom, zoom)))
    large = np.pad(large, ((margin, 2 * margin), (3 * margin, margin)))
    return np.rint(255 * (1 - large if dark_on_light else large)).astype(np.uint8)


def stroke():
    """An asymmetric symbol, uint8[28, 28], with its ink box 20 high and its mass in the middle."""
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:16] = 255
    image[4:7, 13:20] = 255
    image[21:24, 8:16] = 255
    return image


def save(tmp_path, pixels, mode):
    path = tmp_path / "symbol.png"
    grey = Image.fromarray(pixels)
    if mode == "transparent dark ink":
        image = Image.new("RGBA", grey.size, (20, 20, 60, 0))
        image.putalpha(Image.fromarray(255 - pixels))
    elif mode == "transparent light ink":
        image = Image.new("RGBA", grey.size, (255, 255, 200, 0))
        image.putalpha(Image.fromarray(255 - pixels))
    elif mode == "16 bits":
        image = Image.fromarray(pixels.astype(np.uint16) * 257)
    elif mode == "transparent palette":
        image = grey.convert("P")
        image.info["transparency"] = 255
    else:
        image = grey.convert(mode)
    image.save(path)
    return path


MODES = ["L", "RGB", "RGBA", "LA", "P", "1", "16 bits"]
TRANSPARENT = ["transparent dark ink", "transparent light ink", "transparent palette"]


@pytest.mark.parametrize("mode", MODES + TRANSPARENT)
def test_every_mode_comes_back_exactly(tmp_path, mode):
    path = save(tmp_path, picture(stroke()), mode)
    result = load_image(path, (28, 28))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, stroke())


@pytest.mark.parametrize("mode", MODES)
def test_light_on_dark_is_the_same(tmp_path, mode):
    path = save(tmp_path, picture(stroke(), dark_on_light=False), mode)
    np.testing.assert_array_equal(load_image(path, (28, 28)), stroke())


@pytest.mark.parametrize("low_high", [(60, 200), (0, 255), (100, 180)])
def test_weak_ink_on_grey_paper_with_noise(tmp_path, low_high):
    low, high = low_high
    pixels = low + picture(stroke()) / 255 * (high - low)
    pixels += np.random.default_rng(0).normal(0, 1, pixels.shape)
    path = save(tmp_path, np.clip(pixels, 0, 255).astype(np.uint8), "L")
    assert np.abs(load_image(path, (28, 28)).astype(int) - stroke()).max() < 20


@pytest.mark.parametrize("zoom", [1, 3, 10])
def test_size_and_place_do_not_matter(tmp_path, zoom):
    path = save(tmp_path, picture(stroke(), zoom=zoom, margin=7 * zoom), "L")
    np.testing.assert_array_equal(load_image(path, (28, 28)), stroke())


def test_a_thin_pen_on_a_large_sheet_keeps_its_full_level(tmp_path):
    pixels = np.full((600, 600), 255, np.uint8)
    pixels[100:500, 300:303] = 0
    result = load_image(save(tmp_path, pixels, "L"), (28, 28))
    assert result.max() == 255
    rows = np.flatnonzero(result.any(axis=1))
    assert rows.tolist() in (list(range(4, 24)), list(range(5, 25)))


def test_real_digits_of_mnist_come_back(tmp_path):
    try:
        originals = mnist().test_images[:60]
    except MissingDataError as error:
        pytest.skip(str(error))
    correlations = []
    for image in originals:
        result = load_image(save(tmp_path, picture(image), "RGB"), (28, 28))
        correlations.append(np.corrcoef(result.ravel(), image.ravel())[0, 1])
    # A faint outermost pixel may fall away and shift or scale a few by a pixel.
    assert np.median(correlations) > 0.995
    assert np.mean(np.array(correlations) > 0.7) > 0.95


def test_real_digits_of_8_by_8_come_back(tmp_path):
    originals = digits().test_images[:60]
    errors, correlations = [], []
    for image in originals:
        path = save(tmp_path, picture(image, zoom=20), "L")
        result = load_image(path, (8, 8), levels=16, ink_box=1.0)
        assert result.max() == 16
        correlations.append(np.corrcoef(result.ravel(), image.ravel())[0, 1])
        errors.append(np.abs(result.astype(int) - image).mean())
    assert np.median(correlations) > 0.99
    assert np.median(errors) < 0.3


def test_wide_ink_is_fitted_by_its_width_and_stays_inside(tmp_path):
    pixels = np.full((100, 300), 255, np.uint8)
    pixels[40:60, 20:280] = 0
    pixels[20:80, 20:60] = 0
    result = load_image(save(tmp_path, pixels, "L"), (28, 28), ink_box=1.0)
    columns = np.flatnonzero(result.any(axis=0))
    assert (columns[0], columns[-1]) == (0, 27)


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match=r"there is no image file .*absent\.png"):
        load_image(tmp_path / "absent.png", (28, 28))
    with pytest.raises(ValueError, match="there is no image file"):
        load_image(tmp_path, (28, 28))
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(ValueError, match=r"text\.png is not an image"):
        load_image(text, (28, 28))
    cut = save(tmp_path, np.random.default_rng(0).integers(0, 255, (99, 99)).astype("u1"), "L")
    cut.write_bytes(cut.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"symbol\.png is damaged"):
        load_image(cut, (28, 28))
    for level in (0, 255):
        blank = save(tmp_path, np.full((50, 50), level, np.uint8), "RGB")
        with pytest.raises(ValueError, match=r"there is no ink in .*symbol\.png"):
            load_image(blank, (28, 28))


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"levels": 256}, {"ink_box": 0.0}])
def test_bad_arguments(tmp_path, wrong):
    path = save(tmp_path, picture(stroke()), "L")
    with pytest.raises(ValueError, match="cannot make an image"):
        load_image(path, (28, 28), **wrong)
