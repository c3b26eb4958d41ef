"""Digit addition: images of handwritten digits in, only the sum of two numbers is labelled.

Two numbers of N digits each are shown as 2N images. The problem says how the digits make the sum;
exact inference turns an encoder's beliefs about the digits into the distribution of the sum, and
the likelihood of the labelled sum trains the encoder. No digit is ever labelled.

images [2N] ─▶ encoder ─▶ logits of digits [2N, 10] ─▶ bridge ─▶ reasoning ─▶ sum ─▶ loss
                                                  └▶ the likeliest digits that make the sum
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
from experiments._answering import answers, in_batches, split_answers
from experiments._fields import check_fields
from experiments._images import CLASSES, FORMATS, Format, Images, encode, filled_up, load_images
from experiments._sums import addition_problem, column_problem, digits_of, likeliest_digits, sum_of
from neurosym.training import Split

READING_BATCH = 1000

# What sections of the config consist of, with the least value of what is a number.
DATA_FIELDS = {
    "dataset": None,
    "digits": 1,
    "final": None,
    "validation": 0,
    "validation_groupings": 1,
    "grouping_seed": 0,
    "regroupings": 1,
}
REASONING_FIELDS = {"semiring": None, "form": None}
DATASETS = ("digits", "mnist")
FORMS = ("sum", "columns")


class DigitAddition:
    """The task of the module's docstring, for ``digits`` and ``mnist``."""

    metric = "sum_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        _check(config)
        self.config = config
        self.digits = int(config.data.digits)
        self.format = FORMATS[config.data.dataset]
        self._data_dir = data_dir
        semiring = ns.semiring_by_name(config.reasoning.semiring)
        network, number, total = addition_problem(self.digits)
        self.reasoning = ns.nn.Reasoning(network, total, inputs=number, semiring=semiring)
        self.columns = None
        if config.reasoning.get("form", "sum") == "columns":
            network, number, total = column_problem(self.digits)
            self.columns = ns.nn.Reasoning(network, inputs=[number, total], semiring=semiring)
        options = config.bridge.get(config.bridge.name, {})
        self.bridge = ns.bridge.make_bridge(config.bridge.name, **options)
        self.temperature = ns.bridge.make_schedule(**config.bridge.temperature)
        self.augmentation = ns.encoders.make_augmentation(
            config.get("augmentation"), background=self.format.background
        )

    @functools.cached_property
    def images(self) -> Images:
        """The images, loaded when they are first needed: a prediction needs none."""
        data = self.config.data
        # A final run trains on the validation images too, and has none to judge by.
        held_out = 0 if data.final else int(data.validation)
        return load_images(data.dataset, held_out=held_out, data_dir=self._data_dir)

    def split(self, name: str) -> Split:
        """The protocol's grouping of a split: each image is used once.

        Validation images are few, so the validation split holds several groupings of them.
        """
        images, labels = getattr(self.images, name)
        if len(labels) and name == "validation":
            (groups,) = ns.datasets.regroupings(
                labels,
                digits=self.digits,
                count=int(self.config.data.validation_groupings),
                seed=int(self.config.data.grouping_seed),
                batch=int(self.config.data.validation_groupings),
            )
            index = groups.index.reshape(-1, *groups.index.shape[2:])
            total = groups.total.reshape(-1)
        elif len(labels):
            groups = ns.datasets.group_images(
                labels, digits=self.digits, seed=int(self.config.data.grouping_seed)
            )
            index, total = groups.index, groups.total
        else:
            index, total = np.zeros((0, 2, self.digits), np.int32), np.zeros(0, np.int32)
        rows = max(len(self.images.validation[1]), len(self.images.test[1]))
        return Split(
            examples={"index": jax.device_put(index), "total": jax.device_put(total)},
            shared={
                "images": jax.device_put(filled_up(images, name, rows)),
                "labels": jax.device_put(filled_up(labels.astype(np.int32), name, rows)),
            },
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the ten digits."""
        return self.format.encoder(self.config.encoder, CLASSES, rngs)

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, 2N, H, W]``, totals ``int32[B]`` and, to judge alone, digits."""
        index = examples["index"].reshape(examples["index"].shape[0], -1)
        return {
            "images": self.format.normalise(shared["images"][index]),
            "total": examples["total"],
            "digits": shared["labels"][index],
        }

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> Array:
        """Logits of the digits, float32[B, 2N, 10], of `images` float32[B, 2N, H, W]."""
        return encode(model, inputs["images"])

    def answer(self, beliefs: Array, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The log-probability of every sum, float32[B, S], and the likeliest, int32[B]."""
        found = self.reasoning(jax.nn.log_softmax(beliefs))
        return {"log_probability": found, "total": found.argmax(-1)}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the sums, in nats."""
        augmentation_key, bridge_key = jax.random.split(key)
        varied = self.augmentation(batch["images"], augmentation_key)
        logits = self.beliefs(model, {"images": varied})
        log_weights = self.bridge(logits, key=bridge_key, temperature=self.temperature(step))
        if self.columns is None:
            answers = self.reasoning(log_weights)
            right = answers.argmax(-1) == batch["total"]
            metrics = {"sum_accuracy": right.astype(jnp.float32).mean()}
            return ns.losses.query_nll(answers, batch["total"]), metrics
        # Finding the likeliest sum would cost more than the training does: what is told is
        # whether the digits, each read by itself, make the sum.
        right = sum_of(logits.argmax(-1).reshape(-1, 2, self.digits)) == batch["total"]
        metrics = {"sum_accuracy_independent": right.astype(jnp.float32).mean()}
        observed = jnp.where(digits_of(batch["total"], self.digits + 1), 0.0, -jnp.inf)
        log_weights = jnp.concatenate([log_weights, observed], axis=1)
        return ns.losses.semantic_loss(self.columns(log_weights)), metrics

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest sum is right, and the share of digits read right."""
        beliefs = self.beliefs(model, batch)
        answer = self.answer(beliefs, batch)
        right = answer["total"] == batch["total"]
        read = (beliefs.argmax(-1) == batch["digits"]).mean(-1)
        found = jnp.take_along_axis(answer["log_probability"], batch["total"][:, None], 1)[:, 0]
        return {
            "sum_accuracy": right.astype(jnp.float32),
            "digit_accuracy": read.astype(jnp.float32),
            "loss": -found,
        }

    def summarise(self, model: Any, name: str) -> dict[str, float]:
        """The share of right sums over many seeded regroupings of the split's images.

        A sum counts as right when its digits, each read by itself, make it; `evaluate` takes the
        likeliest sum instead, which can differ where the reading is uncertain.
        """
        images, labels = getattr(self.images, name)
        rows = max(len(self.images.validation[1]), len(self.images.test[1]))
        read = in_batches(
            _read_alone, images, model, about=self.format, size=READING_BATCH, rows=rows
        )
        right, count = 0.0, 0
        for groups in ns.datasets.regroupings(
            labels,
            digits=self.digits,
            count=int(self.config.data.regroupings),
            seed=int(self.config.data.grouping_seed),
        ):
            right += float((sum_of(read[groups.index]) == groups.total).sum())
            count += groups.total.size
        return {"sum_accuracy_regrouped": right / count}

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """A grid of test sums: the answer with the digits that make it, mistakes first."""
        split = self.split("test")
        images, labels = self.images.test
        index = np.asarray(split.examples["index"]).reshape(split.size, -1)
        beliefs, answer = split_answers(self, model, split, keep=("total",))
        given, total = answer["total"], np.asarray(split.examples["total"])
        titles = []
        for digits, own, truth, true_digits in zip(
            likeliest_digits(beliefs, given), given, total, labels[index], strict=True
        ):
            title = f"{self._text(digits)} = {own}"
            if (digits != true_digits).any():
                title += f"\ntruth {self._text(true_digits)} = {truth}"
            titles.append(title)
        path = ns.plots.example_grid(
            images[index],
            titles,
            given == total,
            workdir / "examples.png",
            numbers=2,
            heading="Test sums: the likeliest sum, and the likeliest digits that make it",
            noun="sums",
        )
        return [path]

    def predict(self, model: Any, paths: Sequence[Path]) -> dict[str, object]:
        """Reads 2N images, the digits of both numbers in order, and adds them."""
        if len(paths) != 2 * self.digits:
            raise ValueError(
                f"this model adds two numbers of {self.digits} digit(s): give {2 * self.digits} "
                f"images, most significant digit first, not {len(paths)}"
            )
        images = self.format.normalise(self.format.load(paths))
        beliefs, answer = answers(self, model, {"images": images[None]})
        total = int(answer["total"][0])
        (read,) = likeliest_digits(beliefs, answer["total"])
        confidence = np.asarray(jax.nn.softmax(beliefs[0]))[np.arange(len(read)), read]
        return {
            "read": self._text(read),
            "confidence of each digit": ", ".join(f"{p:.3f}" for p in confidence),
            "answer": total,
            "confidence": round(float(np.exp(answer["log_probability"][0, total])), 4),
        }

    def _text(self, digits: np.ndarray) -> str:
        numbers = digits.reshape(2, self.digits)
        return " + ".join("".join(str(d) for d in number) for number in numbers)


def _read_alone(form: Format, images: Array, model: Any) -> Array:
    """Images as they are stored to their likeliest digits: one program for all splits."""
    return model(form.normalise(images)).argmax(-1)


def _check(config: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after hours of training."""
    check_fields(config.data, DATA_FIELDS, task="digit addition", name="data")
    # Runs of before there was a choice have no form.
    reasoning = ml_collections.ConfigDict({"form": "sum", **config.reasoning})
    check_fields(reasoning, REASONING_FIELDS, task="digit addition", name="reasoning")
    for field, value, choices in (
        ("data.dataset", config.data.dataset, DATASETS),
        ("reasoning.form", reasoning.form, FORMS),
    ):
        if value not in choices:
            raise ValueError(f"config.{field} is {' or '.join(choices)}, not {value!r}")
