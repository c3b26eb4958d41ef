"""A model comes back from its arrays."""

import blobs_task
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from neurosym.training.state import Anatomy, fill, named_leaves


def test_model_comes_back_from_its_arrays():
    model = blobs_task.Net(8, nnx.Rngs(0))
    anatomy = Anatomy.of(model)
    params, other = anatomy.initial()
    assert set(params) == {"hidden", "norm", "head"}
    assert set(other) == {"norm"}, "running averages; no random streams"
    points = jnp.ones((4, 2))
    model.eval()
    np.testing.assert_array_equal(anatomy.build(params, other)(points), model(points))


def test_saved_arrays_come_back_without_compiling_and_as_copies():
    template = {"kernel": jnp.ones((3, 17)), "bias": jnp.zeros(19)}
    saved = {name: np.asarray(leaf) + 2 for name, leaf in named_leaves(template).items()}
    compiled = []

    def listen(event, seconds, fun_name="", **_):
        if event.endswith("/backend_compile_duration"):
            compiled.append(fun_name)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        filled = fill(template, saved)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert compiled == []
    saved["kernel"][:] = 0
    assert (filled["kernel"] == 3).all()
    assert (filled["bias"] == 2).all()
