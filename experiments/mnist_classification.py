"""MNIST classification: one image of a digit in, its label known. What anyone would train first.

No reasoning: the plain baseline, and the ceiling of what an encoder can learn when every digit that
the other experiments only reason about is labelled.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from experiments._answering import answers, split_answers
from experiments._fields import check_fields
from experiments._images import CLASSES, FORMATS, Images, filled_up, load_images
from neurosym.training import Split

# What config.data consists of, with the least value of what is a number.
DATA_FIELDS = {"final": None, "validation": 0}


class MnistClassification:
    """The task of the module's docstring."""

    metric = "digit_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        check_fields(config.data, DATA_FIELDS, task="MNIST classification", name="data")
        self.config = config
        self.format = FORMATS["mnist"]
        self.augmentation = ns.encoders.make_augmentation(
            config.get("augmentation"), background=self.format.background
        )
        self._data_dir = data_dir

    @functools.cached_property
    def images(self) -> Images:
        """The images, loaded when they are first needed: a prediction needs none."""
        data = self.config.data
        # A final run trains on the validation images too, and has none to judge by.
        held_out = 0 if data.final else int(data.validation)
        return load_images("mnist", held_out=held_out, data_dir=self._data_dir)

    def split(self, name: str) -> Split:
        """Images by their place in the pool of the split, and their labels."""
        images, labels = getattr(self.images, name)
        examples = {"index": np.arange(len(labels), dtype=np.int32), "label": labels}
        rows = max(len(self.images.validation[1]), len(self.images.test[1]))
        return Split(
            examples={field: jax.device_put(array) for field, array in examples.items()},
            shared={"images": jax.device_put(filled_up(images, name, rows))},
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the ten digits."""
        return self.format.encoder(self.config.encoder, CLASSES, rngs)

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, 28, 28]`` and labels ``int32[B]``."""
        images = self.format.normalise(shared["images"][examples["index"]])
        return {"images": images, "label": examples["label"]}

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> Array:
        """Logits of the digit, float32[B, 10], of `images` float32[B, 28, 28]."""
        return model(inputs["images"])

    def answer(self, beliefs: Array, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The probability of every digit, float32[B, 10], and the likeliest, int32[B]."""
        return {"probability": jax.nn.softmax(beliefs), "digit": beliefs.argmax(-1)}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the labels, in nats."""
        logits = self.beliefs(model, {"images": self.augmentation(batch["images"], key)})
        right = logits.argmax(-1) == batch["label"]
        metrics = {"digit_accuracy": right.astype(jnp.float32).mean()}
        return ns.losses.cross_entropy(logits, batch["label"]), metrics

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest digit is right."""
        logits = self.beliefs(model, batch)
        right = self.answer(logits, batch)["digit"] == batch["label"]
        likelihoods = jax.vmap(ns.losses.cross_entropy)(logits[:, None], batch["label"][:, None])
        return {"digit_accuracy": right.astype(jnp.float32), "loss": likelihoods}

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """Test images with what was read, mistakes first, and which digit is taken for which."""
        images, labels = self.images.test
        _, answer = split_answers(self, model, self.split("test"), keep=("digit",), size=1000)
        read = answer["digit"]
        grid = ns.plots.example_grid(
            images[:, None],
            [
                f"{given}" if given == truth else f"{given}\ntruth {truth}"
                for given, truth in zip(read, labels, strict=True)
            ],
            read == labels,
            workdir / "examples.png",
            columns=12,
            heading="Test images: what was read",
            noun="images",
        )
        counts = np.zeros((CLASSES, CLASSES), np.int64)
        np.add.at(counts, (labels, read), 1)
        confusion = ns.plots.confusion_matrix(
            counts,
            [str(digit) for digit in range(CLASSES)],
            workdir / "confusion.png",
            heading=f"{(read == labels).mean():.2%} of {len(labels):,} test images read right",
        )
        return [grid, confusion]

    def predict(self, model: Any, paths: Sequence[Path]) -> dict[str, object]:
        """Reads one image of a digit."""
        if len(paths) != 1:
            raise ValueError(f"give one image of a digit, not {len(paths)}")
        images = self.format.normalise(self.format.load(paths))
        _, answer = answers(self, model, {"images": images})
        (probability,) = answer["probability"]
        likeliest, second = np.argsort(-probability)[:2]
        return {
            "digit": int(likeliest),
            "confidence": round(float(probability[likeliest]), 4),
            "next likely": f"{second} ({probability[second]:.4f})",
        }
