# %% [markdown]
# # Estimators of the gradient, compared
#
# An encoder believes something of three dice, and their sum is known. Training wants the gradient
# of the log-likelihood of the sum. All estimators have one signature, so they can be exchanged, and
# held against the exact gradient: bias is what is wrong with their mean, spread is how much each
# differs from its mean.
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
import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns

problem = ns.Problem()
dice = problem.variables("die", shape=3, domain=range(1, 7))
total = problem.variable("total", domain=range(3, 19))
problem.add(dice.sum() == total)
network = problem.compile()

logits = jnp.zeros(network.mask.shape).at[:3, :6].set(jax.random.normal(jax.random.key(0), (3, 6)))
evidence = network.mask & network.restrict({total: 14}).mask
observed = jnp.arange(4) < 3  # the encoder says nothing of the total
# %%
reasoner = ns.reasoning.NetworkReasoner(network)
bridge = ns.bridge.make_bridge
exact = ns.bridge.exact(reasoner)
estimators = {
    "exact": exact,
    "Gumbel-softmax": ns.bridge.relaxed(reasoner, bridge=bridge("gumbel_softmax")),
    "straight-through": ns.bridge.relaxed(reasoner, bridge=bridge("straight_through")),
    "pruned, within 2": ns.bridge.pruned(reasoner, inner=exact, rule=ns.bridge.within(2.0)),
    "3 best": ns.bridge.top_k_assignments(reasoner, k=3),
    "perturb and map, 8": ns.bridge.perturb_and_map(reasoner, samples=8),
    "score function, 64": ns.bridge.score_function(reasoner, samples=64),
}
# %% [markdown]
# Two hundred gradients of each, with keys of their own, as one program.
# %%


def gradients(estimator, keys):
    def log_likelihood(logits, key):
        return estimator(logits, evidence, observed=observed, key=key).log_likelihood

    return jax.jit(jax.vmap(jax.grad(log_likelihood), (None, 0)))(logits, keys)[:, :3, :6]


keys = jax.random.split(jax.random.key(1), 200)
found = {name: np.asarray(gradients(estimator, keys)) for name, estimator in estimators.items()}
truth = found["exact"].mean(0)
size = np.linalg.norm(truth)
print(f"{'estimator':20} {'bias':>6} {'spread':>7}   relative to the gradient's length")
for name, each in found.items():
    bias = np.linalg.norm(each.mean(0) - truth) / size
    spread = np.sqrt(((each - each.mean(0)) ** 2).sum((1, 2)).mean()) / size
    print(f"{name:20} {bias:6.2f} {spread:7.2f}")
# %% [markdown]
# The table is one question. `neurosym bench estimators` asks many, trains with each estimator, and
# measures its time.
