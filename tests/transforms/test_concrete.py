"""Whether anything is traced is known wherever the module was imported first."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.transforms.concrete import concrete


def test_outside_arrays_are_there_to_be_looked_at():
    assert concrete()
    assert concrete(jnp.ones(3), {"a": np.ones(2)}, 1.0)


def test_inside_of_a_trace_nothing_is():
    seen = []

    @jax.jit
    def traced(x):
        seen.append((concrete(), concrete(np.ones(3)), concrete(x)))
        return x

    traced(1.0)
    jax.vmap(lambda x: seen.append((concrete(x),)) or x)(jnp.ones(2))
    jax.grad(lambda x: seen.append((concrete(x),)) or x)(1.0)
    assert not any(any(flags) for flags in seen)
    assert concrete()


def test_a_first_import_inside_of_a_trace_changes_nothing():
    code = """
import jax
import numpy as np

def traced(x):
    import neurosym as ns
    problem = ns.Problem()
    a, b = problem.variables("x", shape=2, domain=range(3))
    problem.add(a < b)
    network = problem.compile()
    from neurosym.transforms.concrete import concrete
    assert not concrete()
    return x + ns.count(network).count

assert jax.jit(traced)(1) == 4
import neurosym as ns
from neurosym.transforms.concrete import concrete
assert concrete()
problem = ns.Problem()
a, b = problem.variables("x", shape=2, domain=range(3))
problem.add(a < b)
assert ns.count(problem.compile()).count == 3
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
