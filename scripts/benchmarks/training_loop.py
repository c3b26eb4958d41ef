"""What the training loop costs: steps in one compiled loop, and one at a time, against bare jit.

Prints JSON: milliseconds for a turn of many steps, for a small and a medium perceptron and for one
with a stock convolution, in the loop's two forms and in a bare jitted step called from Python. The
three take turns, so that a busy machine slows them alike.
"""

import argparse
import json

import _timing
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from neurosym.training import Keys, Program, Split
from neurosym.training.state import Anatomy

BATCH = 64


class Classifier:
    """The least task: classify random images by an arbitrary model."""

    metric = "accuracy"

    def __init__(self, make_model):
        self.model = make_model

    def batch(self, examples, shared):
        return shared[examples["index"]].astype(jnp.float32) / 255, examples["label"]

    def loss(self, model, batch, *, key, step):
        images, labels = batch
        logits = model(images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), {}


class Perceptron(nnx.Module):
    """784 -> width -> width -> 10."""

    def __init__(self, width, rngs):
        self.layers = nnx.List(
            [nnx.Linear(a, b, rngs=rngs) for a, b in ((784, width), (width, width), (width, 10))]
        )

    def __call__(self, images):
        x = images.reshape(images.shape[0], -1)
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


class StockConvolution(nnx.Module):
    """A 5×5 convolution by lax.conv, pooling by reshape, and a linear layer."""

    def __init__(self, rngs):
        self.conv = nnx.Conv(1, 6, (5, 5), padding="SAME", rngs=rngs)
        self.head = nnx.Linear(6 * 14 * 14, 10, rngs=rngs)

    def __call__(self, images):
        x = self.conv(images[..., None])
        x = x.reshape(x.shape[0], 14, 2, 14, 2, 6).max(axis=(2, 4))
        return self.head(nnx.relu(x).reshape(x.shape[0], -1))


MODELS = {
    "perceptron_32": lambda rngs: Perceptron(32, rngs),
    "perceptron_256": lambda rngs: Perceptron(256, rngs),
    "stock_convolution": StockConvolution,
}


def bare_step(task, model, optimizer, split):
    """An epoch of steps as one would write them by hand, gathering included."""
    graph, params = nnx.split(model)

    @jax.jit
    def step(params, opt_state, examples, shared, permutation, offset):
        indices = jax.lax.dynamic_slice(permutation, (offset,), (BATCH,))
        batch = task.batch(jax.tree.map(lambda x: x[indices], examples), shared)

        def loss_of(params):
            return task.loss(nnx.merge(graph, params), batch, key=None, step=None)[0]

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, opt_state = optimizer.update(gradient, opt_state)
        return optax.apply_updates(params, updates), opt_state, loss

    state = [params, optimizer.init(params)]
    permutation = jax.random.permutation(jax.random.key(0), split.size)

    def run():
        for offset in range(0, split.size, BATCH):
            *state[:], loss = step(*state, split.examples, split.shared, permutation, offset)
        return loss

    return run


def looped(task, model, optimizer, split, loop):
    """An epoch of the loop's own program."""
    anatomy = Anatomy.of(model)
    keys = Keys.of(0)
    program = Program(task, anatomy, optimizer, split, batch_size=BATCH, keys=keys, loop=loop)
    state = [program.initial_state(*anatomy.initial())]

    def run():
        start = state[0]._replace(step=jnp.zeros((), jnp.int32))
        state[0] = program.run(start, program.steps_per_epoch)
        return state[0].step

    return run


def main():
    """Prints the measurements as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="steps a turn")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    size = BATCH * arguments.steps
    split = Split(
        {"index": jnp.arange(size), "label": jnp.asarray(rng.integers(0, 10, size), jnp.int32)},
        jnp.asarray(rng.integers(0, 256, (size, 28, 28)), jnp.uint8),
    )
    optimizer = optax.adam(1e-3)
    report = {}
    for name, make_model in MODELS.items():
        task = Classifier(make_model)
        model = make_model(nnx.Rngs(0))
        contenders = {
            "bare": bare_step(task, model, optimizer, split),
            "scan": looped(task, model, optimizer, split, "scan"),
            "step": looped(task, model, optimizer, split, "step"),
        }
        times = _timing.interleaved(contenders, rounds=arguments.rounds)
        report[name] = {
            "median_ms": _timing.medians(times),
            "scan_over_bare": _timing.ratio(times, "scan", "bare"),
            "step_over_bare": _timing.ratio(times, "step", "bare"),
        }
    sizes = {"batch": BATCH, "steps_a_turn": arguments.steps}
    print(json.dumps({**sizes, **report, **_timing.surroundings()}, indent=2))


if __name__ == "__main__":
    main()
