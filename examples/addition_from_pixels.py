# %% [markdown]
# # Digit addition from pixels
#
# An encoder learns to read handwritten digits. Nobody tells it a digit: it sees pairs of images and
# the sum of each pair. The data are the 8x8 digits of scikit-learn; nothing is downloaded.
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
from pathlib import Path
from tempfile import mkdtemp

import jax
import numpy as np
import optax
from flax import nnx
from PIL import Image

import neurosym as ns

problem = ns.Problem()
a, b = problem.variables("digit", shape=2, domain=range(10))
total = problem.variable("total", domain=range(19))
problem.add(a + b == total)

encoder = ns.encoders.MLP(image_size=(8, 8), classes=10, rngs=nnx.Rngs(0))
reasoning = ns.nn.Reasoning(problem.compile(), total)
optimizer = nnx.Optimizer(encoder, optax.adam(3e-3), wrt=nnx.Param)
# %% [markdown]
# The reasoning is a module like any other: log-probabilities of the digits in, log-probabilities
# of the sum out. The loss is the negative log-likelihood of the labelled sum.
# %%


@nnx.jit
def step(encoder, optimizer, images, sums):
    def loss(encoder):
        return ns.losses.query_nll(reasoning(jax.nn.log_softmax(encoder(images))), sums)

    value, gradient = nnx.value_and_grad(loss)(encoder)
    optimizer.update(encoder, gradient)
    return value


data = ns.datasets.digits()
images, labels = data.train_images / 16, data.train_labels
losses = []
for epoch in range(40):
    pairs = np.random.default_rng(epoch).permutation(1256).reshape(-1, 157, 2)
    losses.append(np.mean([step(encoder, optimizer, images[p], labels[p].sum(-1)) for p in pairs]))
print(f"loss {losses[0]:.2f} in the first epoch, {losses[-1]:.2f} in the last one")
# %% [markdown]
# Test images, read one by one: the digits were found by their sums alone.
# %%
read = encoder(data.test_images / 16).argmax(-1)
print(f"{(read == data.test_labels).mean():.1%} of the test digits are read right")
# %%
Image.open(
    ns.plots.example_grid(
        np.asarray(data.test_images)[:, None],
        [str(digit) for digit in read],
        np.asarray(read) == data.test_labels,
        Path(mkdtemp()) / "read.png",
        rows=2,
        columns=8,
        heading="Test digits as they are read",
        noun="digits",
    )
)
