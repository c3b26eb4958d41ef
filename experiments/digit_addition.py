"""Digit addition: images of handwritten digits in, only the sum of two numbers is labelled.

Two numbers of N digits each are shown as 2N images. The problem says how the digits make the sum;
exact inference turns an encoder's beliefs about the digits into the distribution of the sum, and
the likelihood of the labelled sum trains the encoder. No digit is ever labelled.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from experiments._digit_images import CLASSES, FORMATS, Images, check_fields, load_images
from neurosym.training import Split

ANSWER_BATCH = 1000

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
FORMS = ("sum", "columns")


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


def column_problem(digits: int) -> tuple[ns.Network, np.ndarray, np.ndarray]:
    """The same sum as it is done by hand: a digit and a carry for each column.

    Where the sum is observed, so are its digits, and a chain of carries is all that is left to sum
    over: the likelihood of a sum costs a multiple of N here, and of 10^N as a distribution.

    Returns:
      The network, the digits of the numbers ``[2, digits]``, and those of the sum ``[digits + 1]``,
      the last carry first.
    """
    problem = ns.Problem()
    number = problem.variables("number", shape=(2, digits), domain=range(CLASSES))
    carry = problem.variables("carry", shape=digits, domain=range(2))
    total = problem.variables("total", shape=digits, domain=range(CLASSES))
    for column in range(digits):
        brought = carry[column + 1] if column + 1 < digits else 0
        problem.add(number[:, column].sum() + brought == total[column] + CLASSES * carry[column])
    return problem.compile(), number, np.concatenate([carry[:1], total])


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
            examples={"index": jax.device_put(index), "total": jax.device_put(total)},
            shared={
                "images": jax.device_put(images),
                "labels": jax.device_put(labels.astype(np.int32)),
            },
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
            "images": self.format.normalise(shared["images"][index]),
            "total": examples["total"],
            "digits": shared["labels"][index],
        }

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the sums, in nats."""
        augmentation_key, bridge_key = jax.random.split(key)
        logits = _encode(model, self.augmentation(batch["images"], augmentation_key))
        log_weights = self.bridge(logits, key=bridge_key, temperature=self.temperature(step))
        if self.columns is None:
            answers = self.reasoning(log_weights)
            right = answers.argmax(-1) == batch["total"]
            metrics = {"sum_accuracy": right.astype(jnp.float32).mean()}
            return ns.losses.query_nll(answers, batch["total"]), metrics
        # Finding the likeliest sum would cost more than the training does: what is told is
        # whether the digits, each read by itself, make the sum.
        read = logits.argmax(-1).reshape(-1, 2, self.digits)
        right = (read * self._place_values).sum((-1, -2)) == batch["total"]
        metrics = {"sum_accuracy_independent": right.astype(jnp.float32).mean()}
        observed = jnp.concatenate([log_weights, self._evidence(batch["total"])], axis=1)
        return ns.losses.semantic_loss(self.columns(observed)), metrics

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
        read = self.format.read(model, images).argmax(-1)
        right, count = 0.0, 0
        for groups in ns.datasets.regroupings(
            labels,
            digits=self.digits,
            count=int(self.config.data.regroupings),
            seed=int(self.config.data.grouping_seed),
        ):
            sums = (read[groups.index] * self._place_values).sum((-1, -2))
            right += float((sums == groups.total).sum())
            count += groups.total.size
        return {"sum_accuracy_regrouped": right / count}

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """A grid of test sums: what was read, what was summed, mistakes first."""
        split = self.split("test")
        images, labels = self.images.test
        index = np.asarray(split.examples["index"]).reshape(split.size, -1)
        logits = self.format.read(model, images)
        answers = []
        for start in range(0, split.size, ANSWER_BATCH):
            beliefs = jax.nn.log_softmax(jnp.asarray(logits[index[start : start + ANSWER_BATCH]]))
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
        logits = jnp.asarray(self.format.read(model, self.format.load(paths)))
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

    @property
    def _place_values(self) -> np.ndarray:
        return 10 ** np.arange(self.digits)[::-1]

    def _evidence(self, total: Array) -> Array:
        """Log-weights float32[B, N + 1, 10] of the digits of totals int32[B]: one is possible."""
        place_values = jnp.asarray(10 ** np.arange(self.digits + 1)[::-1], total.dtype)
        digit = total[:, None] // place_values % CLASSES
        return jnp.where(digit[..., None] == jnp.arange(CLASSES), 0.0, -jnp.inf)


def _encode(model: Any, images: Array) -> Array:
    """Logits ``float32[B, K, 10]`` of images ``float32[B, K, H, W]``."""
    flat = images.reshape(-1, *images.shape[2:])
    return model(flat).reshape(*images.shape[:2], CLASSES)


def _check(config: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after hours of training."""
    check_fields(config.data, DATA_FIELDS, task="digit addition", name="data")
    # Runs of before there was a choice have no form.
    reasoning = ml_collections.ConfigDict({"form": "sum", **config.reasoning})
    check_fields(reasoning, REASONING_FIELDS, task="digit addition", name="reasoning")
    for field, value, choices in (
        ("data.dataset", config.data.dataset, tuple(FORMATS)),
        ("reasoning.form", reasoning.form, FORMS),
    ):
        if value not in choices:
            raise ValueError(f"config.{field} is {' or '.join(choices)}, not {value!r}")
