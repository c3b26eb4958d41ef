# %% [markdown]
# # A puzzle, read in six semirings
#
# Declare a problem once. Whether it has a solution, how many it has, how likely it is, which
# solution is the best, how true it is and what it costs are the same sum of products over its
# solutions, read in different semirings.
# %%
# Installs neurosym where it is missing, as in Colab; NEUROSYM may name a wheel.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("neurosym") is None:
    wanted = os.environ.get("NEUROSYM", "neurosym")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wanted], check=True)
# %% [markdown]
# Four runners finish a race. Ann is before Bob, Cid and Dora come in next to each other.
# %%
from pathlib import Path
from tempfile import mkdtemp

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import neurosym as ns

problem = ns.Problem()
names = ("Ann", "Bob", "Cid", "Dora")
ann, bob, cid, dora = (problem.variable(name, domain=range(1, 5)) for name in names)
problem.add(ns.AllDifferent((ann, bob, cid, dora)), ann < bob, abs(cid - dora) == 1)
network = problem.compile()
# %% [markdown]
# **BOOLEAN**: is there a solution, and which values are possible? The second question is the
# derivative of the first one: pruning is the backward pass in this semiring.
# %%
possible = network.mask & ns.support(network, network.mask, semiring=ns.BOOLEAN)
print(ns.total(network, network.mask, semiring=ns.BOOLEAN))
print(possible.astype(int))
# %% [markdown]
# **COUNTING**: how many solutions are there, and how many of them use each value?
# %%
ones = network.mask.astype(jnp.int32)
print(ns.total(network, ones, semiring=ns.COUNTING))
print(ns.support(network, ones, semiring=ns.COUNTING))
# %% [markdown]
# **LOG**: somebody believes something of each runner alone. How likely is it that the rules hold,
# and what is to be believed then? The gradient of the log-probability is the marginals.
# %%
beliefs = jnp.array(
    [
        [0.40, 0.40, 0.10, 0.10],
        [0.10, 0.40, 0.10, 0.40],
        [0.25, 0.25, 0.25, 0.25],
        [0.10, 0.20, 0.30, 0.40],
    ]
)
logs = jnp.log(beliefs)
log_total, marginals = jax.value_and_grad(lambda w: ns.total(network, w))(logs)
print(f"{jnp.exp(log_total):.4f}")
print(np.asarray(marginals).round(2))
# %% [markdown]
# **MAX_TIMES**: which solution is the likeliest, and how likely is the best one with each value?
# %%
best = ns.k_best(network, logs, k=1)
print(dict(zip(names, (int(place) + 1 for place in best.assignments[0]), strict=True)))
through = logs + ns.support(network, logs, semiring=ns.MAX_TIMES)
print(np.asarray(jnp.exp(through)).round(4))
# %% [markdown]
# **MIN_PLUS**: every place costs something, and the solution shall be cheap.
# %%
costs = jnp.array([[3.0, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [9, 7, 9, 3]])
print(ns.total(network, costs, semiring=ns.MIN_PLUS))
# %% [markdown]
# **MAX_MIN** (Gödel's fuzzy logic): a conjunction is as true as its least true part.
# %%
print(f"{ns.total(network, beliefs, semiring=ns.MAX_MIN):.2f}")
# %% [markdown]
# The marginals as a picture.
# %%
path = Path(mkdtemp()) / "marginals.png"
Image.open(
    ns.plots.marginals_map(
        marginals, path, names=names, labels=["1", "2", "3", "4"], title="The race"
    )
)
