# %% [markdown]
# # An Equinox encoder through the same reasoning
#
# The reasoning is a pure function of arrays. Whatever gives log-probabilities can stand before it:
# here an encoder of Equinox, trained on pairs of digits that are labelled only by their sum.
# %%
# Installs neurosym and Equinox where they are missing, as in Colab; NEUROSYM may name a wheel.
import importlib.util
import os
import subprocess
import sys

wanted = {"neurosym": os.environ.get("NEUROSYM", "neurosym"), "equinox": "equinox"}
missing = [source for name, source in wanted.items() if importlib.util.find_spec(name) is None]
if missing:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)
# %%
import equinox as eqx
import jax
import numpy as np
import optax

import neurosym as ns

problem = ns.Problem()
a, b = problem.variables("digit", shape=2, domain=range(10))
total = problem.variable("total", domain=range(19))
problem.add(a + b == total)
answer = ns.reasoning.make_answerer(problem, total)
# %% [markdown]
# `answer` takes log-probabilities `[..., 2, 10]` and gives those of the sum `[..., 19]`. It holds
# no parameter and no state, so Equinox, Flax and plain functions treat it alike.
# %%


class Encoder(eqx.Module):
    """Images of 8x8 to logits of ten digits."""

    layers: eqx.nn.MLP

    def __init__(self, key):
        self.layers = eqx.nn.MLP(64, 10, width_size=64, depth=1, key=key)

    def __call__(self, image):
        return self.layers(image.reshape(-1))


encoder = Encoder(jax.random.key(0))
optimizer = optax.adam(3e-3)
state = optimizer.init(eqx.filter(encoder, eqx.is_array))


@eqx.filter_jit
def step(encoder, state, images, sums):
    def loss(encoder):
        logits = jax.vmap(jax.vmap(encoder))(images)  # float32[B, 2, 10]
        return ns.losses.query_nll(answer(jax.nn.log_softmax(logits)), sums)

    gradient = eqx.filter_grad(loss)(encoder)
    updates, state = optimizer.update(gradient, state)
    return eqx.apply_updates(encoder, updates), state


data = ns.datasets.digits()
images, labels = data.train_images / 16, data.train_labels
for epoch in range(40):
    for pairs in np.random.default_rng(epoch).permutation(1256).reshape(-1, 157, 2):
        encoder, state = step(encoder, state, images[pairs], labels[pairs].sum(-1))
# %%
read = jax.vmap(encoder)(data.test_images / 16).argmax(-1)
print(f"{(read == data.test_labels).mean():.0%} of the test digits are read right")
