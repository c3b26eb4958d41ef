"""Random affine maps: against SciPy's, the identity, ranges of what is drawn, and bad options."""

import doctest

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from neurosym.encoders import augment, augmentation, make_augmentation
from neurosym.encoders.augmentation import random_affine, resample

MAPS = 12


@pytest.mark.parametrize("shape", [(9, 6), (5, 8), (1, 4)])
def test_resampling_is_scipys_affine_transform(shape):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(MAPS, *shape)).astype(np.float32)
    # Wide enough that some pixels read far outside of the image.
    matrices = (np.eye(2) + rng.normal(0, 0.5, (MAPS, 2, 2))).astype(np.float32)
    offsets = rng.normal(0, 2, (MAPS, 2)).astype(np.float32)
    ours = resample(images, matrices, offsets, background=-0.7)
    centre = (np.array(shape) - 1) / 2
    outside = 0
    for image, matrix, offset, answer in zip(images, matrices, offsets, ours, strict=True):
        expected = ndimage.affine_transform(
            image.astype(np.float64),
            matrix,
            centre + offset - matrix @ centre,
            order=1,
            mode="grid-constant",
            cval=-0.7,
        )
        np.testing.assert_allclose(answer, expected, atol=2e-5)
        outside += np.isclose(expected, -0.7).sum()
    assert outside > 0


def test_options_of_zero_leave_images_exactly_as_they_are():
    images = jax.random.normal(jax.random.key(0), (3, 2, 7, 10))
    same = jax.jit(augment)(images, jax.random.key(1), background=5.0)
    np.testing.assert_array_equal(same, images)


def test_each_option_draws_evenly_from_its_range():
    count = 4000
    key = jax.random.key(3)

    def spread(values, most):
        assert float(jnp.abs(values).max()) <= most * 1.0001
        # An even distribution on [-most, most] has a standard deviation of most / √3.
        np.testing.assert_allclose(float(values.std()), most / np.sqrt(3), rtol=0.05)
        np.testing.assert_allclose(float(values.mean()), 0, atol=0.05 * most)

    matrix, offset = random_affine(key, count, shift=2.0)
    np.testing.assert_array_equal(matrix, np.broadcast_to(np.eye(2), matrix.shape))
    spread(offset[:, 0], 2.0)
    spread(offset[:, 1], 2.0)
    assert abs(np.corrcoef(offset.T)[0, 1]) < 0.05

    matrix, offset = random_affine(key, count, rotate=30.0)
    np.testing.assert_array_equal(offset, 0)
    spread(jnp.rad2deg(jnp.arctan2(matrix[:, 1, 0], matrix[:, 0, 0])), 30.0)
    np.testing.assert_allclose(
        jnp.einsum("bij,bik->bjk", matrix, matrix),
        np.broadcast_to(np.eye(2), matrix.shape),
        atol=1e-6,
    )

    matrix, _ = random_affine(key, count, scale=0.2)
    np.testing.assert_array_equal(matrix[:, 0, 1], 0)
    np.testing.assert_array_equal(matrix[:, 0, 0], matrix[:, 1, 1])
    spread(1 / matrix[:, 0, 0] - 1, 0.2)

    matrix, _ = random_affine(key, count, shear=0.3)
    np.testing.assert_allclose(matrix[:, [0, 0, 1], [0, 1, 1]], np.tile([1, 0, 1], (count, 1)))
    spread(matrix[:, 1, 0], 0.3)


def test_every_image_has_a_map_of_its_own_and_the_key_decides():
    image = jax.random.uniform(jax.random.key(0), (8, 8))
    images = jnp.broadcast_to(image, (2, 3, 8, 8))
    options = {"shift": 1.5, "rotate": 20.0, "scale": 0.1, "shear": 0.1}
    jitted = jax.jit(lambda images, key: augment(images, key, **options))
    first = augment(images, jax.random.key(1), **options)
    np.testing.assert_allclose(first, jitted(images, jax.random.key(1)), atol=1e-5)
    assert not np.allclose(first, augment(images, jax.random.key(2), **options))
    flat = np.asarray(first).reshape(6, 64)
    assert len(np.unique(flat, axis=0)) == 6
    # The maps are those that are drawn, one after the other, for the flattened batch.
    drawn = random_affine(jax.random.key(1), 6, **options)
    np.testing.assert_array_equal(flat, resample(images.reshape(6, 8, 8), *drawn).reshape(6, 64))


def test_an_enlarged_image_is_larger_and_a_shift_moves_it():
    square = jnp.zeros((1, 20, 20)).at[:, 8:12, 8:12].set(1.0)
    larger = resample(square, jnp.eye(2)[None] / 2, jnp.zeros((1, 2)))
    assert float(larger.sum()) == pytest.approx(4 * 16, rel=0.1)
    moved = resample(square, jnp.eye(2)[None], jnp.array([[3.0, -2.0]]))
    np.testing.assert_array_equal(moved[0], jnp.roll(square[0], (-3, 2), (0, 1)))


def test_gradients_flow_to_the_image():
    image = jax.random.uniform(jax.random.key(0), (2, 5, 5))

    def read(image):
        return augment(image, jax.random.key(1), shift=1.0, rotate=40.0)

    weights = jax.random.normal(jax.random.key(2), image.shape)
    gradient = jax.grad(lambda image: (read(image) * weights).sum())(image)
    # Reading is linear in the image, so the gradient is the transposed map.
    other = jax.random.normal(jax.random.key(3), image.shape)
    np.testing.assert_allclose((gradient * other).sum(), (read(other) * weights).sum(), rtol=1e-4)


def test_a_config_chooses_the_augmentation():
    images = jax.random.uniform(jax.random.key(0), (4, 6, 6))
    key = jax.random.key(1)
    for nothing in (None, {}, {"shift": 0, "rotate": 0.0}):
        assert make_augmentation(nothing)(images, key) is images
    chosen = make_augmentation({"shift": 2, "rotate": 10.0}, background=-1.0)
    np.testing.assert_array_equal(
        chosen(images, key), augment(images, key, shift=2, rotate=10.0, background=-1.0)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation": 5}, "no option rotation; it takes shift, rotate, scale, shear"),
        ({"rotate": -5}, "rotate must be at least 0"),
        ({"shift": float("nan")}, "shift must be at least 0 and finite"),
        ({"scale": 1.0}, "scale is a fraction below 1"),
        ({"shear": "much"}, "shear must be a number, not 'much'"),
        ({"shift": True}, "shift must be a number, not True"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_augmentation(options)


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match="images must be floats, got uint8"):
        augment(jnp.zeros((2, 4, 4), jnp.uint8), jax.random.key(0))
    with pytest.raises(ValueError, match=r"shape \[\.\.\., H, W\]"):
        augment(jnp.zeros(4), jax.random.key(0))
    with pytest.raises(ValueError, match="scale is a fraction below 1"):
        augment(jnp.zeros((4, 4)), jax.random.key(0), scale=2.0)


def test_the_examples_run():
    assert doctest.testmod(augmentation).failed == 0
    assert doctest.testmod(augmentation).attempted > 0
