"""A solver as a layer: its gradient, and that it descends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_sum import EXISTS, KEY, logits_of, solutions, table

from neurosym import bridge


def test_implicit_mle_moves_the_solution_to_where_the_loss_wants_it():
    layer = bridge.implicit_mle(table, step=20.0)
    weights = jnp.asarray(logits_of(9))
    wanted = jnp.asarray(np.arange(4) == np.asarray([[0], [2], [2]])).astype(jnp.float32)

    def loss(weights):
        return jnp.sum((layer(weights, jnp.asarray(EXISTS)) - wanted) ** 2)

    now = np.asarray(layer(weights, jnp.asarray(EXISTS)))
    assert tuple(now.argmax(1)) in solutions(EXISTS)
    assert (now.sum(1) == 1).all()
    assert (now != np.asarray(wanted)).any()
    gradient = np.asarray(jax.jit(jax.grad(loss))(weights))
    np.testing.assert_allclose(gradient, (now - np.asarray(wanted)) / 20, atol=1e-6)
    descend = jax.jit(lambda weights: weights - 2.0 * jax.grad(loss)(weights))
    for _ in range(60):
        weights = descend(weights)
    assert float(loss(weights)) == 0

    noisy = bridge.implicit_mle(table, noise=bridge.gumbel_noise())
    keys = jax.random.split(KEY, 50)
    drawn = jax.vmap(lambda key: noisy(weights, jnp.asarray(EXISTS), key=key))(keys).argmax(-1)
    assert len({tuple(row) for row in np.asarray(drawn).tolist()}) > 1
    with pytest.raises(ValueError, match="key"):
        noisy(weights)
