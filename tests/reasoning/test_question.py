"""A question is a pytree with one form for everybody."""

import jax
import jax.numpy as jnp
import pytest

from neurosym.reasoning import Question


def test_it_is_a_pytree_of_what_is_given():
    question = Question(jnp.zeros((2, 3)), jnp.ones((2, 3), bool), key=jax.random.key(0))
    assert len(jax.tree.leaves(question)) == 4
    doubled = jax.tree.map(lambda x: x, question)
    assert isinstance(doubled, Question)
    assert doubled.observed is None
    assert Question(jnp.zeros((2, 3))).evidence is None


def test_who_needs_a_key_says_so():
    key = jax.random.key(1)
    assert Question(jnp.zeros((2, 3)), key=key).needed_key("this samples") is key
    with pytest.raises(ValueError, match="this samples: it needs a key"):
        Question(jnp.zeros((2, 3))).needed_key("this samples")
