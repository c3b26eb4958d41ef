"""A toy task for the loop's tests: seeded Gaussian blobs, a small network with dropout."""

from pathlib import Path

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx

from neurosym.training import Split


class Net(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        # No bias: before a normalisation its gradient is rounding, which Adam turns into steps.
        self.hidden = nnx.Linear(2, width, use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.head = nnx.Linear(width, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(self.dropout(nnx.relu(self.norm(self.hidden(x)))))


def model_of(checkpoints):
    """The newest parameters and further variables, by name."""
    arrays = checkpoints._read(checkpoints.latest())
    return {name: x for name, x in arrays.items() if name.startswith(("params.", "other."))}


class Blobs:
    """Three blobs in the plane; knows how often each split was asked for."""

    metric = "accuracy"

    def __init__(self, config, *, data_dir=None):
        self.config = config
        self.asked = []

    def split(self, name):
        self.asked.append(name)
        size = self.config.data[name]
        rng = np.random.default_rng(["train", "validation", "test"].index(name))
        labels = rng.integers(0, 3, size)
        centres = np.array([[0, 2], [2, -1], [-2, -1]], np.float32)
        points = centres[labels] + rng.normal(0, self.config.data.noise, (size, 2))
        examples = {"index": jnp.arange(size), "label": jnp.asarray(labels, jnp.int32)}
        return Split(examples, jnp.asarray(points, jnp.float32))

    def model(self, rngs):
        return Net(self.config.encoder.width, rngs)

    def batch(self, examples, shared):
        return shared[examples["index"]], examples["label"]

    def loss(self, model, batch, *, key, step):
        points, labels = batch
        points = points + 0.1 * jax.random.normal(key, points.shape)
        logits = model(points)
        loss = -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1))
        loss = jnp.where(step == self.config.data.nan_at, jnp.nan, loss)
        return loss, {"accuracy": jnp.mean(logits.argmax(-1) == labels)}

    def evaluate(self, model, batch):
        points, labels = batch
        return {"accuracy": (model(points).argmax(-1) == labels).astype(jnp.float32)}

    def summarise(self, model, name):
        return {"width": float(self.config.encoder.width)}

    def pictures(self, model, workdir: Path):
        path = workdir / "blobs.png"
        path.write_bytes(b"png")
        return [path]

    def predict(self, model, paths):
        points = np.array([[float(x) for x in p.read_text().split()] for p in paths], np.float32)
        return {"classes": np.asarray(model(points).argmax(-1)).tolist()}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    if variant not in ("", "wide"):
        raise ValueError(f"unknown variant {variant!r}; the variants are: wide")
    return ml_collections.ConfigDict(
        {
            "task": "blobs_task:Blobs",
            "seed": 0,
            "init_from": "",
            "data": {"train": 200, "validation": 50, "test": 70, "noise": 0.9, "nan_at": -1},
            "encoder": {"width": 32 if variant == "wide" else 8},
            "train": {
                "batch_size": 16,
                "epochs": 3,
                "eval_batch_size": 32,
                "eval_every_epochs": 1,
                "checkpoint_every_steps": 0,
                "keep_checkpoints": 2,
                "loop": "scan",
            },
            "optimizer": {"name": "adam", "learning_rate": 0.01, "schedule": "cosine"},
        }
    )
