"""The convolution against the plainest NumPy loops, and its two readings against each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from neurosym.encoders.convolution import (
    Convolution,
    convolve,
    convolve_as_matmul,
    convolve_by_platform,
)

# C, H, W, B, O, KH, KW, stride, pool
CASES = [
    (1, 28, 28, 3, 6, 5, 5, 1, 2),
    (3, 9, 7, 2, 4, 3, 3, 1, 1),
    (3, 10, 10, 2, 4, 3, 3, 2, 1),
    (2, 11, 13, 1, 3, 3, 2, 1, 3),
    (2, 17, 15, 2, 3, 4, 5, 2, 2),
    (1, 7, 7, 1, 2, 2, 3, 3, 2),
]


def oracle(images, kernel, stride, pool):
    """One output at a time."""
    _, height, width, batch = images.shape
    outputs, _, rows, columns = kernel.shape
    down = ((height - rows) // stride + 1) // pool
    across = ((width - columns) // stride + 1) // pool
    answer = np.full((outputs, down, across, batch), -np.inf)
    for i in range(down * pool):
        for j in range(across * pool):
            top, left = i * stride, j * stride
            patch = images[:, top : top + rows, left : left + columns]
            value = np.einsum("chwb,ochw->ob", patch, kernel)
            place = (slice(None), i // pool, j // pool)
            answer[place] = np.maximum(answer[place], value)
    return answer


def example(case, seed=0):
    channels, height, width, batch, outputs, rows, columns, stride, pool = case
    generator = np.random.default_rng(seed)
    images = generator.standard_normal((channels, height, width, batch)).astype(np.float32)
    kernel = generator.standard_normal((outputs, channels, rows, columns)).astype(np.float32)
    return images, kernel, stride, pool


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case):
    images, kernel, stride, pool = example(case)
    expected = oracle(images, kernel, stride, pool)
    cotangent = np.random.default_rng(1).standard_normal(expected.shape).astype(np.float32)

    @jax.jit
    def run(images, kernel):
        answers = []
        for function in (convolve, convolve_as_matmul, convolve_by_platform):
            run_one = functools.partial(function, stride=stride, pool=pool)
            answer, pull_back = jax.vjp(run_one, images, kernel)
            answers.append((answer, *pull_back(cotangent)))
        return answers

    chosen, as_matmul, by_platform = run(images, kernel)
    for answer in (chosen, as_matmul, by_platform):
        assert answer[0].dtype == jnp.float32
        np.testing.assert_allclose(answer[0], expected, rtol=1e-4, atol=1e-4)
        for ours, platforms in zip(answer[1:], by_platform[1:], strict=True):
            np.testing.assert_allclose(ours, platforms, rtol=1e-4, atol=1e-4)


def test_a_tie_within_a_window_shares_out_one_gradient():
    images = jnp.ones((1, 4, 4, 1))

    def score(images):
        return convolve(images, jnp.ones((1, 1, 1, 1)), pool=2).sum()

    gradient = jax.grad(score)(images)
    assert (gradient >= 0).all()
    sums = gradient.reshape(2, 2, 2, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(sums, np.ones((2, 2)))


def test_vmap_and_scan_give_what_a_loop_gives():
    images = jax.random.normal(jax.random.key(0), (4, 1, 8, 8, 2))
    kernel = jax.random.normal(jax.random.key(1), (3, 1, 3, 3))

    def score(kernel, images):
        return jnp.square(convolve(images, kernel, pool=2)).sum()

    gradient = jax.jit(jax.grad(score))

    @jax.jit
    def together(kernel, images):
        mapped = jax.vmap(gradient, (None, 0))(kernel, images)
        scanned = lax.scan(lambda _, image: (None, gradient(kernel, image)), None, images)[1]
        return mapped, scanned

    looped = jnp.stack([gradient(kernel, image) for image in images])
    mapped, scanned = together(kernel, images)
    np.testing.assert_allclose(mapped, looped, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scanned, looped, rtol=1e-4, atol=1e-4)


def test_the_platform_is_chosen_when_the_program_is_lowered():
    images = jax.ShapeDtypeStruct((1, 28, 28, 4), jnp.float32)
    kernel = jax.ShapeDtypeStruct((6, 1, 5, 5), jnp.float32)
    function = jax.jit(jax.grad(lambda x, k: convolve(x, k, pool=2).sum(), argnums=(0, 1)))
    programs = {
        platform: jax.export.export(function, platforms=[platform])(images, kernel).mlir_module()
        for platform in ("cpu", "cuda", "tpu")
    }
    assert "stablehlo.convolution" not in programs["cpu"]
    assert "stablehlo.dot_general" in programs["cpu"]
    assert "stablehlo.convolution" in programs["cuda"]
    assert "stablehlo.convolution" in programs["tpu"]
    # One program for all three lowers as well.
    jax.export.export(function, platforms=["cpu", "cuda", "tpu"])(images, kernel)


def test_the_module_is_flax_convolution_and_pooling():
    ours = Convolution(3, 4, 3, pool=2, padding=1, rngs=nnx.Rngs(0))
    ours.bias[...] = jnp.arange(4.0)
    theirs = nnx.Conv(3, 4, (3, 3), padding="SAME", rngs=nnx.Rngs(1))
    theirs.kernel[...] = ours.kernel[...].transpose(2, 3, 1, 0)
    theirs.bias[...] = ours.bias[...]
    images = jax.random.normal(jax.random.key(0), (5, 8, 10, 3))

    @nnx.jit
    def both(ours, theirs, images):
        answer = ours(images.transpose(3, 1, 2, 0)).transpose(3, 1, 2, 0)
        return answer, nnx.max_pool(theirs(images), (2, 2), strides=(2, 2))

    answer, expected = both(ours, theirs, images)
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "kernel", "options", "message"),
    [
        ((1, 4, 4), (1, 1, 3, 3), {}, r"\[C, H, W, B\]"),
        ((2, 4, 4, 1), (1, 3, 3, 3), {}, "2 channels"),
        ((1, 4, 4, 1), (1, 1, 5, 3), {}, "4 pixels high.*at least 5"),
        ((1, 6, 5, 1), (1, 1, 5, 5), {"pool": 2}, "5 pixels wide.*at least 6"),
        ((1, 6, 6, 1), (1, 1, 3, 3), {"stride": 0}, "at least 1"),
    ],
)
def test_what_does_not_fit_is_said(images, kernel, options, message):
    with pytest.raises(ValueError, match=message):
        convolve(jnp.zeros(images), jnp.zeros(kernel), **options)
