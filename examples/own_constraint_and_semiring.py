# %% [markdown]
# # A constraint and a semiring of one's own
#
# A new constraint is read in every semiring, and a new semiring reads every constraint. Law suites
# find out whether they keep what they promise.
# %%
# Installs neurosym where it is missing, as in Colab; NEUROSYM may name a wheel.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("neurosym") is None:
    wanted = os.environ.get("NEUROSYM", "neurosym")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wanted], check=True)
# %%
import dataclasses
import itertools

import jax
import jax.numpy as jnp

import neurosym as ns
from neurosym.problems.constraints import Constraint

# %% [markdown]
# The constraint says that values increase. It is made of others, from which it gets its check,
# its pruning and its sums.
# %%


@dataclasses.dataclass(frozen=True, eq=False)
class Increasing(Constraint):
    """Each variable is less than the next one."""

    scope: tuple

    def decompose(self):
        return [a < b for a, b in itertools.pairwise(self.scope)]


problem = ns.Problem()
notes = problem.variables("note", shape=4, domain=range(6))
ns.testing.check_constraint(Increasing(tuple(notes)))
problem.add(Increasing(tuple(notes)))
network = problem.compile()
print(ns.count(network).count, "melodies go up")
print(ns.propagate(network).domains.mask.astype(int))
# %% [markdown]
# A predicate is shorter still: a Python function of few values.
# %%
problem = ns.Problem()
x, y, z = problem.variables("x", shape=3, domain=range(8))
problem.add(ns.Predicate((x, y, z), lambda a, b, c: (a ^ b) == c))
print(ns.count(problem.compile()).count)
# %% [markdown]
# The semiring counts and adds up something at once: how many solutions there are, and the sum of a
# number over all of them, here of the last note. An element is a pair (n, s).
# %%
SUM_OF = ns.Semiring(
    name="how_many_and_how_much",
    zero=(0.0, 0.0),
    one=(1.0, 0.0),
    add=lambda a, b: (a[0] + b[0], a[1] + b[1]),
    mul=lambda a, b: (a[0] * b[0], a[0] * b[1] + a[1] * b[0]),
    autodiff=True,  # its two operations are differentiated as they are written
)
samples = (jnp.array([0.5, 1.0, 2.0]), jnp.array([0.25, -1.0, 3.0]))
ns.testing.check_semiring(SUM_OF, samples)

weights = jnp.ones((4, 6))
height = jnp.zeros((4, 6)).at[3].set(jnp.arange(6.0))  # of the last note
count, heights = ns.total(network, (weights, height), semiring=SUM_OF)
print(f"{count:.0f} melodies, whose last note is {heights / count:.2f} on average")
# %% [markdown]
# It is differentiable like any other: what changes the mean height most?
# %%


def mean_height(log_weights):
    weights = jnp.exp(log_weights)
    count, heights = ns.total(network, (weights, weights * height), semiring=SUM_OF)
    return heights / count


print(jax.grad(mean_height)(jnp.zeros((4, 6)))[3].round(3))
