"""One answer for a whole batch, and a branch on it that stays a branch."""

import jax
import jax.numpy as jnp
import pytest

from neurosym.transforms.any_in_batch import any_in_batch


@pytest.mark.parametrize("row", [(0, 0), (1, 1), (2, 0)])
def test_one_true_entry_is_true_for_all(row):
    mask = jnp.zeros((3, 2), bool).at[row].set(True)
    assert jax.vmap(any_in_batch)(mask).tolist() == [True] * 3
    assert jax.vmap(jax.vmap(any_in_batch))(mask).tolist() == [[True] * 2] * 3
    assert bool(any_in_batch(mask))
    assert not any_in_batch(~mask & mask)
    assert jax.jit(jax.vmap(any_in_batch))(jnp.zeros((3, 2), bool)).tolist() == [False] * 3


def test_a_branch_on_it_is_not_a_select():
    def program(x):
        return jax.lax.cond(any_in_batch(x > 0), jnp.sin, jnp.cos, x)

    text = jax.jit(jax.vmap(program)).lower(jnp.ones(5)).as_text()
    assert "stablehlo.case" in text
    assert "stablehlo.select" not in text
    found = jax.vmap(program)(jnp.array([-1.0, 2.0]))
    assert found.tolist() == jnp.sin(jnp.array([-1.0, 2.0])).tolist()


def test_beside_a_gradient():
    def program(x):
        return jax.lax.cond(any_in_batch(x > 0), lambda x: x**2, lambda x: x, x)

    assert jax.vmap(jax.grad(program))(jnp.array([-1.0, 2.0])).tolist() == [-2, 4]
