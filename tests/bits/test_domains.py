"""Domains against NumPy Booleans."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns


def test_domains_views_inside_a_callers_jit_with_x64_off():
    mask = np.random.default_rng(0).random((5, 70)) < 0.3
    mask[1] = False
    mask[2] = np.arange(70) == 66

    @jax.jit
    def views(domains):
        return domains.mask, domains.sizes, domains.assigned, domains.values, domains.wiped_out

    domains = ns.Domains.from_mask(jnp.asarray(mask))
    found, sizes, assigned, values, wiped_out = views(domains)
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_array_equal(sizes, mask.sum(1))
    assert bool(assigned[2])
    assert int(values[2]) == 66
    assert bool(wiped_out)
    assert domains.lanes.dtype == np.uint64
    both = domains & ns.Domains.from_mask(jnp.asarray(~mask))
    assert not both.mask.any()


def test_domains_refuse_other_masks():
    with pytest.raises(ValueError, match=r"bool\[V, D\]"):
        ns.Domains.from_mask(jnp.ones((2, 3)))
    with pytest.raises(ValueError, match=r"bool\[V, D\]"):
        ns.Domains.from_mask(jnp.ones(3, bool))
    with pytest.raises(ValueError, match="do not intersect"):
        ns.Domains.from_mask(jnp.ones((2, 3), bool)) & ns.Domains.from_mask(jnp.ones((2, 4), bool))
