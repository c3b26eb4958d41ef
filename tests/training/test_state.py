"""A model comes back from its arrays."""

import blobs_task
import jax.numpy as jnp
import numpy as np
from flax import nnx

from neurosym.training.state import Anatomy


def test_model_comes_back_from_its_arrays():
    model = blobs_task.Net(8, nnx.Rngs(0))
    anatomy = Anatomy.of(model)
    params, other = anatomy.initial()
    assert set(params) == {"hidden", "norm", "head"}
    assert set(other) == {"norm"}, "running averages; no random streams"
    points = jnp.ones((4, 2))
    model.eval()
    np.testing.assert_array_equal(anatomy.build(params, other)(points), model(points))
