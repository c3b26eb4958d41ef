"""Kernels: few programs draw all shapes, and the numbers are those of a draw of one shape."""

import math

import jax
import numpy as np
import pytest
from flax import nnx

from neurosym.encoders import LeNet
from neurosym.encoders.initial import uniform_kernel

SHAPES = [(3,), (5, 5, 1, 6), (84, 10), (400, 120), (3, 3, 16, 32)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("traced", [False, True])
def test_a_kernel_is_a_draw_of_its_own_shape_bit_for_bit(shape, traced):
    key, draw = jax.random.key(7), uniform_kernel(2.0)
    found = (jax.jit(lambda key: draw(key, shape)) if traced else lambda key: draw(key, shape))(key)
    size = math.prod(shape)
    bound = math.sqrt(6 / (size / shape[-1]))
    expected = jax.random.uniform(key, (size,), np.float32, -bound, bound)
    np.testing.assert_array_equal(np.ravel(found), expected)
    assert found.shape == shape
    assert found.dtype == np.float32


def test_drawing_the_kernels_of_a_network_compiles_a_program_a_size_class():
    compiled = []

    def listen(event, seconds, fun_name="", **_):
        if event.endswith("/backend_compile_duration"):
            compiled.append(fun_name)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        LeNet(image_size=28, classes=10, rngs=nnx.Rngs(0))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert sum("uniform" in name for name in compiled) == 2  # up to 2^12 numbers, up to 2^16
