# %% [markdown]
# # A logic program, from rules to gradients
#
# Rules in ProbLog's syntax are grounded and become a circuit, once. From there on they are read as
# everything else is: exactly, in batches, in any semiring, with gradients.
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
import optax
from flax import nnx

import neurosym as ns

# %% [markdown]
# An alarm may be set off by a burglary or an earthquake, and neighbours call when they hear it.
# John has called: what has happened?
# %%
alarm = ns.Program.parse("""
    0.1::burglary.          0.2::earthquake.
    0.7::hears(X) :- person(X).
    person(mary).           person(john).
    alarm :- burglary.      alarm :- earthquake.
    calls(X) :- alarm, hears(X).
""")
for query in ("burglary", "earthquake", "calls(mary)"):
    before = alarm.probabilities(query)[query]
    after = alarm.probabilities(query, evidence="calls(john)")[query]
    print(f"{query:12} {before:.3f}  since John has called {after:.3f}")
# %% [markdown]
# **A neural predicate.** The output of an encoder is the distribution of a choice, and rules say
# what follows from it. Here an encoder learns to read digits from sums of pairs of images.
# %%
program = ns.Program.parse("""
    nn(digit_net, [X], Y, [0..9]) :: digit(X, Y).
    addition(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B.
""")
print(program.answers("addition(first, second, Z)")[:3])

encoder = ns.encoders.MLP(image_size=(8, 8), classes=10, rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(encoder, optax.adam(3e-3), wrt=nnx.Param)


@nnx.jit
def step(encoder, optimizer, images, sums):
    def loss(encoder):
        beliefs = jax.nn.log_softmax(encoder(images))  # float32[B, 2, 10]
        answer = program.query("addition(first, second, Z)", digit_net=beliefs)
        return ns.losses.query_nll(answer, sums)

    optimizer.update(encoder, nnx.grad(loss)(encoder))


data = ns.datasets.digits()
images, labels = data.train_images / 16, data.train_labels
for epoch in range(20):
    for pairs in np.random.default_rng(epoch).permutation(1256).reshape(-1, 157, 2):
        step(encoder, optimizer, images[pairs], labels[pairs].sum(-1))
read = encoder(data.test_images / 16).argmax(-1)
print(f"{(read == data.test_labels).mean():.0%} of the test digits are read right")
# %% [markdown]
# The rules may change after training: no image was ever labelled by which digit is larger.
# %%
larger = ns.Program.parse("""
    nn(digit_net, [X], Y, [0..9]) :: digit(X, Y).
    larger(X, Y) :- digit(X, A), digit(Y, B), A > B.
""")
pairs = np.arange(360).reshape(-1, 2)
beliefs = jax.nn.log_softmax(encoder(data.test_images[pairs] / 16))
believed = jnp.exp(larger.query("larger(first, second)", digit_net=beliefs)).reshape(-1)
truth = data.test_labels[pairs[:, 0]] > data.test_labels[pairs[:, 1]]
print(f"{((believed > 0.5) == truth).mean():.0%} of the comparisons are right")
