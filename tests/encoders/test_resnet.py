"""The stem and the stages of the residual net as configs may set them."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from neurosym.encoders import make_encoder


def net(**options):
    return make_encoder("resnet", image_size=28, classes=14, rngs=nnx.Rngs(0), **options)


def test_a_first_stage_may_be_the_stem_alone():
    whole, light = net(widths=(4, 8)), net(widths=(4, 8), blocks=(0, 1), stem=5, pool=2)
    assert len(light.blocks) == len(whole.blocks) - 1 == 1
    assert light.stem.kernel.shape == (4, 1, 5, 5)
    shapes = [
        jax.eval_shape(model.stem, jnp.zeros((1, 28, 28, 2))).shape for model in (whole, light)
    ]
    assert shapes == [(4, 28, 28, 2), (4, 14, 14, 2)]
    assert jax.eval_shape(light, jnp.zeros((2, 3, 28, 28))).shape == (2, 3, 14)
    assert len(net(widths=(4, 8), blocks=2).blocks) == 4


@pytest.mark.parametrize(
    "options",
    [
        {"blocks": (0,), "widths": (4,)},
        {"blocks": (1, 0), "widths": (4, 8)},
        {"blocks": (1,), "widths": (4, 8)},
        {"blocks": 0},
        {"stem": 4},
        {"stem": -1},
    ],
)
def test_nets_that_cannot_be(options):
    with pytest.raises(ValueError, match=r"blocks|stem"):
        net(**options)
