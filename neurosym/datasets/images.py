"""A user's own picture of one symbol, brought into the form of the data sets' images.

PNG file → grey ink on an empty ground → cropped to the ink, scaled and centred → uint8[H, W].
"""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

MNIST_INK_BOX = 20 / 28
"""The side of the square that MNIST fits the ink into, as a part of the image's side."""

_MIDDLE = 0.5 + 0.5 / 28  # In MNIST the mass is around pixel 14 of 0 to 27, both ways.
_FAINT = 0.1  # Of the darkest ink: less than this is taken for paper, compression or noise.
_CONTRAST = 0.1  # Of the whole range from black to white: less than this is not ink.


def load_image(
    path: str | Path,
    shape: tuple[int, int],
    *,
    levels: int = 255,
    ink_box: float = MNIST_INK_BOX,
    centred: str = "mass",
) -> np.ndarray:
    """Loads a picture of one symbol in the convention of MNIST.

    The border decides whether the picture is light on dark or dark on light. The picture is cropped
    to the ink, scaled with its proportions kept until the ink fits a centred box, and moved until
    the ink's centre of mass is in the middle, as far as the ink stays inside.

    Args:
      path: A PNG (or another format that Pillow reads) of any mode; parts that are transparent
        count as ground.
      shape: Height and width of the result, (28, 28) for MNIST, (8, 8) for `digits`.
      levels: The value of full ink: 255 for MNIST, 16 for `digits`.
      ink_box: Height and width of the ink box as a fraction of the result's: 20/28 for MNIST, 1 for
        `digits`, whose ink fills the whole height.
      centred: "mass" puts the ink's centre of mass in the middle, as in MNIST; "box" puts the
        middle of the ink's bounding box there.

    Returns:
      uint8[H, W], 0 where there is no ink.

    Raises:
      ValueError: There is no such file, it is not a picture, or there is no ink in it; or shape,
        levels or ink_box is out of bounds.

    References:
      The convention is described at http://yann.lecun.com/exdb/mnist/: digits normalised to fit a
      20x20 box, centred by centre of mass in 28x28.
    """
    if centred not in ("mass", "box"):
        raise ValueError(f'ink is centred by its "mass" or its "box", not {centred!r}')
    if min(shape) < 1 or not 1 <= levels <= 255 or not 0 < ink_box <= 1:
        raise ValueError(f"cannot make an image of {shape=}, {levels=}, {ink_box=}")
    ink = crop(to_ink(read_grey(Path(path)), path))
    ink = fit(ink, (ink_box * shape[0], ink_box * shape[1]), shape)
    return np.rint(centre(ink, shape, by_mass=centred == "mass") * levels).astype(np.uint8)


def read_grey(path: Path) -> np.ndarray:
    """Lightness float64[h, w] from 0 (black) to 1 (white), transparency laid on a ground."""
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode.startswith(("I", "F")):  # 16 bits of grey; Pillow's own way clips them.
                return np.clip(np.asarray(image, np.float64) / 65535, 0, 1)
            if "A" in image.getbands() or "transparency" in image.info:
                return _on_ground(image.convert("RGBA"))
            return np.asarray(image.convert("L"), np.float64) / 255
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(f"there is no image file {path}") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not an image that can be read; give a PNG file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow reports a damaged file as any of these.
        raise ValueError(f"{path} is damaged or cannot be read: {error}") from None


def _on_ground(image: Image.Image) -> np.ndarray:
    """Lays an RGBA picture on white, or on black where what is visible of it is light."""
    lightness = np.asarray(image.convert("RGB").convert("L"), np.float64) / 255
    alpha = np.asarray(image.getchannel("A"), np.float64) / 255
    visible = (lightness * alpha).sum() / max(alpha.sum(), 1.0)
    ground = 1.0 if visible < 0.5 else 0.0
    return lightness * alpha + ground * (1 - alpha)


def to_ink(grey: np.ndarray, path: str | Path, *, ground: float | None = None) -> np.ndarray:
    """How far each pixel is from the ground, on the side of the ink; 1 for the furthest pixel.

    Where no ground is given, it is the median of the border.

    Raises:
      ValueError: there is no ink.
    """
    given = ground
    if ground is None:
        ground = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    ink = np.clip(ground - grey if ground > 0.5 else grey - ground, 0, None)
    if ink.max() < _CONTRAST and given is None:
        raise ValueError(
            f"there is no ink in {path}: it shows nothing that differs enough from its border"
        )
    ink /= ink.max()
    return np.where(ink < _FAINT, 0.0, ink)


def crop(ink: np.ndarray) -> np.ndarray:
    """The least rectangle that holds all ink."""
    rows = np.flatnonzero(ink.any(axis=1))
    columns = np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit(ink: np.ndarray, box: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """Scales the ink into a box of (height, width); thin strokes get their full level back."""
    scale = min(box[0] / ink.shape[0], box[1] / ink.shape[1])
    height, width = (
        int(np.clip(round(scale * side), 1, limit))
        for side, limit in zip(ink.shape, shape, strict=True)
    )
    # Averaging over areas is what made the grey levels of MNIST out of black and white scans.
    sampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    scaled = Image.fromarray(ink.astype(np.float32)).resize((width, height), sampling)
    result = np.asarray(scaled, np.float64)
    return np.clip(result / result.max(), 0, 1)


def centre(ink: np.ndarray, shape: tuple[int, int], *, by_mass: bool = True) -> np.ndarray:
    """Puts the whole ink on an empty ground, its centre of mass or its box's in the middle."""
    corner = []
    for axis in (0, 1):
        room = shape[axis] - ink.shape[axis]
        if not by_mass:
            corner.append(room // 2)
            continue
        mass = ink.sum(axis=1 - axis)
        centre = np.arange(len(mass)) @ mass / mass.sum()
        corner.append(int(np.clip(round(shape[axis] * _MIDDLE - 0.5 - centre), 0, room)))
    result = np.zeros(shape)
    top, left = corner
    result[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return result
