"""Digit addition: images of handwritten digits in, only the sum of two numbers is labelled.

Two numbers of N digits each are shown as 2N images. The problem says how the digits make the sum;
exact inference turns an encoder's beliefs about the digits into the distribution of the sum, and
the likelihood of the labelled sum trains the encoder. No digit is ever labelled.
"""

import difflib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from neurosym.training import Split

CLASSES = 10
PREDICTION_BATCH = 1000


class Format(NamedTuple):
    """What images of a data set are like; known without loading it."""

    shape: tuple[int, int]
    levels: int  # the value of full ink
    ink_box: float  # the part of the side that the ink fills
    mean: float  # of the training pixels
    deviation: float  # of the training pixels


FORMATS = {
    "digits": Format((8, 8), 16, 1.0, 4.881874005568815, 6.019187168471305),
    "mnist": Format((28, 28), 255, 20 / 28, 33.318421449829934, 78.56748998339798),
}

# What config.data consists of, with the least value of what is a number.
DATA_FIELDS = {
    "dataset": None,
    "digits": 1,
    "final": None,
    "validation": 0,
    "validation_groupings": 1,
    "grouping_seed": 0,
    "regroupings": 1,
}


class Images(NamedTuple):
    """A data set of digit images; training and validation images are given apart."""

    train: tuple[np.ndarray, np.ndarray]  # uint8[M, H, W], int32[M]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def addition_problem(digits: int) -> tuple[ns.Network, np.ndarray, ns.Variable]:
    """Two numbers of some digits each, most significant first, and their sum.

    Returns:
      The network, the digits as variables ``[2, digits]``, and the variable of the sum.
    """
    problem = ns.Problem()
    number = problem.variables("number", shape=(2, digits), domain=range(CLASSES))
    total = problem.variable("total", domain=range(2 * 10**digits - 1))
    place_values = 10 ** np.arange(digits)[::-1]
    problem.add((number * place_values).sum() == total)
    return problem.compile(), number, total


class DigitAddition:
    """The task of the module's docstring, for ``digits`` and ``mnist``."""

    metric = "sum_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        _check_data_fields(config.data)
        self.config = config
        self.digits = int(config.data.digits)
        self.format = FORMATS[config.data.dataset]
        self._data_dir = data_dir
        network, number, total = addition_problem(self.digits)
        self.reasoning = ns.nn.Reasoning(
            network,
            total,
            inputs=number,
            semiring=ns.semiring_by_name(config.reasoning.semiring),
        )
        options = config.bridge.get(config.bridge.name, {})
        self.bridge = ns.bridge.make_bridge(config.bridge.name, **options)
        self.temperature = ns.bridge.make_schedule(**config.bridge.temperature)

    @functools.cached_property
    def images(self) -> Images:
        """The images, loaded when they are first needed: a prediction needs none."""
        return _load(self.config.data, self._data_dir)

    def split(self, name: str) -> Split:
        """The protocol's grouping of a split: each image is used once.

        Validation images are few, so that split holds several groupings of them.
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
        return Split(
            examples={"index": jnp.asarray(index), "total": jnp.asarray(total)},
            shared={"images": jnp.asarray(images), "labels": jnp.asarray(labels, jnp.int32)},
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the ten digits."""
        options = dict(self.config.encoder)
        return ns.encoders.make_encoder(
            options.pop("name"),
            image_size=self.format.shape,
            classes=CLASSES,
            rngs=rngs,
            **options,
        )

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, 2N, H, W]``, totals ``int32[B]`` and, to judge alone, digits."""
        index = examples["index"].reshape(examples["index"].shape[0], -1)
        return {
            "images": self._normalise(shared["images"][index]),
            "total": examples["total"],
            "digits": shared["labels"][index],
        }

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the sums, in nats."""
        logits = _encode(model, batch["images"])
        log_weights = self.bridge(logits, key=key, temperature=self.temperature(step))
        answers = self.reasoning(log_weights)
        right = answers.argmax(-1) == batch["total"]
        metrics = {"sum_accuracy": right.astype(jnp.float32).mean()}
        return ns.losses.query_nll(answers, batch["total"]), metrics

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest sum is right, and the share of digits read right."""
        logits = _encode(model, batch["images"])
        log_weights = jax.nn.log_softmax(logits)
        answers = self.reasoning(log_weights)
        right = answers.argmax(-1) == batch["total"]
        read = (logits.argmax(-1) == batch["digits"]).mean(-1)
        likelihood = -jnp.take_along_axis(answers, batch["total"][:, None], 1)[:, 0]
        return {
            "sum_accuracy": right.astype(jnp.float32),
            "digit_accuracy": read.astype(jnp.float32),
            "loss": likelihood,
        }

    def summarise(self, model: Any, name: str) -> dict[str, float]:
        """The share of right sums over many seeded regroupings of the split's images.

        A sum counts as right when its digits, each read by itself, make it; `evaluate` takes the
        likeliest sum instead, which can differ where the reading is uncertain.
        """
        images, labels = getattr(self.images, name)
        read = self._read(model, images).argmax(-1)
        place_values = 10 ** np.arange(self.digits)[::-1]
        right, count = 0.0, 0
        for groups in ns.datasets.regroupings(
            labels,
            digits=self.digits,
            count=int(self.config.data.regroupings),
            seed=int(self.config.data.grouping_seed),
        ):
            sums = (read[groups.index] * place_values).sum((-1, -2))
            right += float((sums == groups.total).sum())
            count += groups.total.size
        return {"sum_accuracy_regrouped": right / count}

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """A grid of test sums: what was read, what was summed, mistakes first."""
        split = self.split("test")
        images, labels = self.images.test
        index = np.asarray(split.examples["index"]).reshape(split.size, -1)
        logits = self._read(model, images)
        answers = []
        for start in range(0, split.size, PREDICTION_BATCH):
            beliefs = jax.nn.log_softmax(
                jnp.asarray(logits[index[start : start + PREDICTION_BATCH]])
            )
            answers.append(np.asarray(self.reasoning(beliefs)).argmax(-1))
        answer, total = np.concatenate(answers), np.asarray(split.examples["total"])
        titles = []
        for given, read, truth, digits in zip(
            answer, logits.argmax(-1)[index], total, labels[index], strict=True
        ):
            title = f"{self._sum_of(read)} = {given}"
            titles.append(
                title if given == truth else f"{title}\ntruth {self._sum_of(digits)} = {truth}"
            )
        path = ns.plots.example_grid(
            images[index],
            titles,
            answer == total,
            workdir / "examples.png",
            numbers=2,
            heading="Test sums: what was read, and the answer",
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
        shape, levels, ink_box, *_ = self.format
        images = np.stack(
            [ns.datasets.load_image(p, shape, levels=levels, ink_box=ink_box) for p in paths]
        )
        logits = jnp.asarray(self._read(model, images))
        answers = np.asarray(self.reasoning(jax.nn.log_softmax(logits)))
        answer = int(answers.argmax())
        beliefs = np.asarray(jax.nn.softmax(logits))
        return {
            "read": self._sum_of(beliefs.argmax(-1)),
            "confidence of each digit": ", ".join(f"{p:.3f}" for p in beliefs.max(-1)),
            "answer": answer,
            "confidence": round(float(np.exp(answers[answer])), 4),
        }

    def _sum_of(self, digits: np.ndarray) -> str:
        numbers = digits.reshape(2, self.digits)
        return " + ".join("".join(str(d) for d in number) for number in numbers)

    def _normalise(self, images: Array) -> Array:
        return (images.astype(jnp.float32) - self.format.mean) / self.format.deviation

    def _read(self, model: Any, images: np.ndarray) -> np.ndarray:
        """Logits ``float32[M, 10]`` of images ``uint8[M, H, W]``."""
        read = nnx.jit(lambda model, x: model(self._normalise(x)))
        parts = [
            np.asarray(read(model, jnp.asarray(images[start : start + PREDICTION_BATCH])))
            for start in range(0, len(images), PREDICTION_BATCH)
        ]
        return np.concatenate(parts)


def _encode(model: Any, images: Array) -> Array:
    """Logits ``float32[B, K, 10]`` of images ``float32[B, K, H, W]``."""
    flat = images.reshape(-1, *images.shape[2:])
    return model(flat).reshape(*images.shape[:2], CLASSES)


def _check_data_fields(data: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after hours of training."""
    for field in data:
        if field not in DATA_FIELDS:
            near = difflib.get_close_matches(field, DATA_FIELDS, n=2)
            hint = f"; near matches: {', '.join(near)}" if near else ""
            raise ValueError(f"digit addition has no field config.data.{field}{hint}")
    for field, least in DATA_FIELDS.items():
        if field not in data:
            raise ValueError(f"digit addition needs the field config.data.{field}")
        if least is not None and data[field] < least:
            raise ValueError(f"config.data.{field} must be at least {least}, not {data[field]}")
    if data.dataset not in FORMATS:
        names = " or ".join(FORMATS)
        raise ValueError(f"config.data.dataset is {names}, not {data.dataset!r}")


def _load(data: ml_collections.ConfigDict, data_dir: str | None) -> Images:
    """The images; a final run trains on the validation images too, and has none to judge by."""
    held_out = 0 if data.final else int(data.validation)
    if data.dataset == "digits":
        small = ns.datasets.digits(validation=held_out)
        return Images(
            train=(small.train_images, small.train_labels),
            validation=(small.validation_images, small.validation_labels),
            test=(small.test_images, small.test_labels),
        )
    mnist = ns.datasets.mnist(data_dir)
    cut = len(mnist.train_labels) - held_out
    if cut <= 0:
        raise ValueError(f"config.data.validation = {held_out} leaves no image to train on")
    return Images(
        train=(mnist.train_images[:cut], mnist.train_labels[:cut]),
        validation=(mnist.train_images[cut:], mnist.train_labels[cut:]),
        test=(mnist.test_images, mnist.test_labels),
    )
