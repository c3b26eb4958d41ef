"""A toy task for the tests of exports: three values, all different, from beliefs about them."""

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx

import neurosym as ns
from neurosym.training import Run, Settings, Split

COUNT = 12
IMPOSSIBLE = (3, 7)  # examples in which no variable can be 0


class Scale(nnx.Module):
    def __init__(self, rngs):
        self.kernel = nnx.Param(jax.random.uniform(rngs.params(), (3, 3)) + 0.5)


class Permutations:
    """`beliefs` scales what it is given; `answer` is a complete search, which wants a known B."""

    metric = "right"

    def __init__(self, config=None, *, data_dir=None):
        problem = ns.Problem()
        problem.add(ns.AllDifferent(problem.variables("x", shape=3, domain=range(3))))
        self.network = problem.compile()

    def split(self, name):
        given = np.random.default_rng(5).normal(size=(COUNT, 3, 3)).astype(np.float32)
        given[IMPOSSIBLE, :, 0] = -np.inf
        return Split({"given": given, "label": np.zeros(COUNT, np.int32)})

    def model(self, rngs):
        return Scale(rngs)

    def batch(self, examples, shared):
        return dict(examples)

    def beliefs(self, model, inputs):
        return inputs["given"] * model.kernel[...]

    def answer(self, beliefs, inputs):
        found = ns.solve_best(self.network, None, beliefs, node_limit=100)
        return {"values": found.assignment, "solved": found.status == ns.SearchStatus.SOLVED}

    def loss(self, model, batch, *, key, step):
        return jnp.zeros(()), {}

    def evaluate(self, model, batch):
        return {"right": jnp.ones(len(batch["label"]))}


def run_of(task):
    config = ml_collections.ConfigDict({"task": "permutations_task:Permutations"})
    return Run(config, task, task.model(nnx.Rngs(0)), Settings.from_config(config))
