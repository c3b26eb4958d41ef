"""Kernels: few programs draw all shapes, and the numbers are those of a draw of one shape."""

import math
from functools import partial

import jax
import numpy as np
import pytest
from flax import nnx

from neurosym.encoders import LeNet, ResNet
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


@pytest.mark.parametrize(
    ("make", "draws", "most"),
    [(partial(LeNet, image_size=28), 2, 11), (partial(ResNet, image_size=8), 2, 9)],
)
def test_the_parameters_of_a_network_take_few_programs(make, draws, most):
    compiled = []

    def listen(event, seconds, fun_name="", **_):
        if event.endswith("/backend_compile_duration"):
            compiled.append(fun_name)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        make(classes=10, rngs=nnx.Rngs(0))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    # Kernels of up to 2^12 numbers, and of up to 2^16.
    assert sum("uniform" in name for name in compiled) == draws, compiled
    assert len(compiled) <= most, compiled
