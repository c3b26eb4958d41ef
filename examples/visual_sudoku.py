# %% [markdown]
# # Visual sudoku, with its corrections
#
# Boards of 4x4 whose cells are handwritten digits. An encoder that has seen few labels misreads
# some of them. The rules of sudoku correct its readings, and then teach it: boards without a single
# label are evidence.
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

network = ns.puzzles.sudoku_problem(4).compile()
everything = ns.solve(network, solutions=288)
solutions = np.asarray(everything.assignment)  # of all 4x4 sudokus, digits from 0
print(solutions.shape)
# %% [markdown]
# Boards of images: each cell of a random solution shows some image of its digit.
# %%
data = ns.datasets.digits()


def boards(images, labels, number, rng):
    chosen = solutions[rng.integers(len(solutions), size=number)]  # int[N, 16]
    places = [np.flatnonzero(labels == digit + 1) for digit in range(4)]
    index = np.stack([rng.choice(places[d], chosen.shape) for d in range(4)])
    return images[np.take_along_axis(index, chosen[None], 0)[0]] / 16.0, chosen


rng = np.random.default_rng(0)
train_images, _ = boards(data.train_images, data.train_labels, 256, rng)  # labels are thrown away
test_images, test_digits = boards(data.test_images, data.test_labels, 100, rng)
few = np.flatnonzero(np.isin(data.train_labels, (1, 2, 3, 4)))[:12]
# %% [markdown]
# Twelve labelled images to begin with.
# %%
encoder = ns.encoders.MLP(image_size=(8, 8), classes=4, rngs=nnx.Rngs(0))
optimizer = nnx.Optimizer(encoder, optax.adam(3e-3), wrt=nnx.Param)


@nnx.jit
def supervised(encoder, optimizer, images, digits):
    def loss(encoder):
        logits = encoder(images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, digits).mean()

    optimizer.update(encoder, nnx.grad(loss)(encoder))


for _ in range(60):
    supervised(encoder, optimizer, data.train_images[few] / 16.0, data.train_labels[few] - 1)
# %% [markdown]
# **Correcting.** Digit by digit the encoder makes mistakes. The likeliest board that keeps the
# rules is found by the hard engine, which proves that no other is likelier.
# %%
correct = jax.jit(lambda logs: ns.solve_best(network, None, logs).assignment)


def judge(encoder, what):
    beliefs = jax.nn.log_softmax(encoder(test_images))  # float32[N, 16, 4]
    alone = np.asarray(beliefs.argmax(-1))
    corrected = np.asarray(jax.vmap(correct)(beliefs))
    print(f"{what}:")
    for name, read in (("alone", alone), ("corrected by the rules", corrected)):
        cells, whole = (read == test_digits).mean(), (read == test_digits).all(1).mean()
        print(f"  {name:23} {cells:6.1%} of the cells, {whole:6.1%} of the boards")
    return alone, corrected


alone, corrected = judge(encoder, "twelve labels")
# %%
wrong = np.argsort(-(alone != test_digits).sum(1), kind="stable")[:3]
Image.open(
    ns.plots.visual_boards(
        test_images[wrong],
        np.tile(np.arange(16), (3, 1)),
        alone[wrong] + 1,
        corrected[wrong] + 1,
        test_digits[wrong] + 1,
        Path(mkdtemp()) / "boards.png",
        heading="Read, and what the rules make of it",
    )
)
# %% [markdown]
# **Learning from the rules.** The log-probability that a board keeps the rules is a differentiable
# function of the beliefs. Its gradient needs no label.
# %%


@nnx.jit
def by_rules(encoder, optimizer, images):
    def loss(encoder):
        beliefs = jax.nn.log_softmax(encoder(images))
        return -jax.vmap(lambda logs: ns.total(network, logs))(beliefs).mean()

    optimizer.update(encoder, nnx.grad(loss)(encoder))


for epoch in range(8):
    for batch in np.random.default_rng(epoch).permutation(256).reshape(-1, 64):
        by_rules(encoder, optimizer, train_images[batch])
_ = judge(encoder, "and 256 boards without labels")
