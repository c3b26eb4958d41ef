"""Handwritten formulas: images of digits and operators in, only the value of each is labelled.

A formula of up to seven symbols is shown as images, digits and operators in turn. A machine that
reads symbols from left to right knows the values of formulas as exact rationals. Compiled to a
circuit, it turns an encoder's beliefs about the symbols into the likelihood of the labelled value,
which trains the encoder. No symbol is ever labelled.

images [7] ─▶ encoder ─▶ logits of digits or operators [7, 10] ─▶ estimator (circuit, value) ─▶ loss
                                                              └▶ query of all values ─▶ value
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
from experiments._answering import answers, likeliest_readings, split_answers
from experiments._estimating import estimates, estimator_of
from experiments._fields import check_fields
from experiments._formulas import DIGITS, OPERATORS, SLOTS, formula_circuit, parse_text
from experiments._images import FORMATS, encode, filled_up
from neurosym.training import Split

SHOWN = 14
"""Formulas in the picture."""

# What config.data consists of, with the least value of what is a number.
DATA_FIELDS = {
    "formulas": 1,
    "validation_formulas": 0,
    "test_formulas": 1,
    "validation_samples": 0,
    "seed": 0,
}


class Formula:
    """The task of the module's docstring."""

    metric = "result_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        _check(config.data)
        self.config = config
        self.format = FORMATS["symbols"]
        self._data_dir = data_dir
        self.circuit = formula_circuit()
        self._lengths = jnp.asarray([length for length, _ in self.circuit.answers])
        self.reasoner = ns.reasoning.CircuitReasoner(self.circuit)
        self.estimator, self.temperature = estimator_of(config, self.reasoner)
        self.augmentation = ns.encoders.make_augmentation(
            config.get("augmentation"), background=self.format.background
        )

    @functools.cached_property
    def symbols(self) -> ns.datasets.Symbols:
        """The images, loaded when they are first needed: a prediction needs none."""
        held_out = int(self.config.data.validation_samples)
        return ns.datasets.symbols(self._data_dir, validation=held_out)

    def images(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The images uint8[M, 28, 28] of a split and their labels int32[M]."""
        return getattr(self.symbols, f"{name}_images"), getattr(self.symbols, f"{name}_labels")

    def split(self, name: str) -> Split:
        """The formulas of a split, shown in images of the same split."""
        data = self.config.data
        count = data.formulas if name == "train" else data[f"{name}_formulas"]
        images, labels = self.images(name)
        drawn = ns.datasets.formulas(name, count=int(count), seed=int(data.seed))
        if count:
            index = ns.datasets.formula_images(drawn, labels, name, seed=int(data.seed))
        else:
            index = np.zeros(drawn.symbols.shape, np.int32)
        answers = zip(drawn.lengths.tolist(), drawn.values, strict=True)
        roots = [self.circuit.answers.index(given) for given in answers]
        examples = {
            "index": index,
            "symbols": drawn.symbols,
            "length": drawn.lengths,
            "root": np.asarray(roots, np.int32),
        }
        rows = max(len(self.images(other)[1]) for other in ("validation", "test"))
        mean_length = drawn.lengths.mean() if count else 1.0
        return Split(
            examples=jax.tree.map(jax.device_put, examples),
            shared={
                "images": jax.device_put(filled_up(images, name, rows)),
                "mean_length": jnp.float32(mean_length),
            },
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the fourteen symbols."""
        classes = len(DIGITS) + len(OPERATORS)
        return self.format.encoder(self.config.encoder.to_dict(), classes, rngs)

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, 7, H, W]``, lengths and roots ``int32[B]``; symbols, to judge by."""
        images = self.format.normalise(shared["images"][examples["index"]])
        given = {name: examples[name] for name in ("length", "root", "symbols")}
        return {"images": images, "mean_length": shared["mean_length"], **given}

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> Array:
        """Logits float32[B, 7, 10] of `images` float32[B, 7, H, W].

        Even slots hold digits; odd ones hold operators, in their first four columns.
        """
        logits = encode(model, inputs["images"])
        digits, operators = logits[..., : len(DIGITS)], logits[..., len(DIGITS) :]
        missing = ((0, 0), (0, 0), (0, len(DIGITS) - len(OPERATORS)))
        operators = jnp.pad(operators, missing, constant_values=-jnp.inf)
        odd = jnp.arange(logits.shape[1]) % 2 == 1
        return jnp.where(odd[:, None], operators, digits)

    def answer(self, beliefs: Array, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The likeliest root, int32[B], for formulas of `length` int32[B]; how likely all are.

        `log_probability` is float32[B, R], ``-inf`` for roots of other lengths.
        """
        found = jax.vmap(self.circuit.query)(jax.nn.log_softmax(beliefs))
        fits = self._lengths == inputs["length"][:, None]
        found = jnp.where(fits, found, -jnp.inf)
        return {"log_probability": found, "root": found.argmax(-1)}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the values as the estimator gives it, in nats."""
        augmenting, estimating = jax.random.split(key)
        varied = self.augmentation(batch["images"], augmenting)
        logits = self.beliefs(model, {"images": varied})
        found = estimates(
            self.estimator,
            logits,
            batch["root"],
            jnp.arange(SLOTS) < batch["length"][:, None],
            key=estimating,
            temperature=self.temperature(step),
        )
        metrics = jax.tree.map(jnp.mean, found.metrics)
        return ns.losses.semantic_loss(found.log_likelihood), metrics

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest value is right, and the share of symbols read right.

        Each symbol of a formula is read by itself, among the symbols of the slot's kind. The number
        of symbols that are right is in units of the split's mean length, so that the mean over the
        formulas is the share of all symbols.
        """
        beliefs = self.beliefs(model, batch)
        answer = self.answer(beliefs, batch)
        shown = jnp.arange(SLOTS) < batch["length"][:, None]
        same = _symbols(beliefs.argmax(-1)) == batch["symbols"]
        found = jnp.take_along_axis(answer["log_probability"], batch["root"][:, None], 1)[:, 0]
        return {
            "result_accuracy": (answer["root"] == batch["root"]).astype(jnp.float32),
            "symbol_accuracy": (same & shown).sum(1) / batch["mean_length"],
            "loss": -jnp.maximum(found, -ns.losses.IMPOSSIBLE),
        }

    def reading(self, beliefs: np.ndarray, root: np.ndarray) -> list[np.ndarray]:
        """The likeliest symbols of each formula among all formulas that have the value of its root.

        Args:
          beliefs: float32[n, 7, 10].
          root: int[n].

        Returns:
          int[length] for each.
        """
        found = beliefs.argmax(-1)
        known = [self.circuit.answers[r] for r in root]
        own = [_symbols(x)[:length] for x, (length, _) in zip(found, known, strict=True)]
        # What is likeliest symbol by symbol and has the value is the likeliest that has it.
        values = [ns.datasets.formula_value(symbols.tolist()) for symbols in own]
        other = [n for n, (_, value) in enumerate(known) if values[n] != value]
        if other:
            best = likeliest_readings(self.reasoner, beliefs[other], root[other])
            for n, symbols in zip(other, _symbols(best), strict=True):
                own[n] = symbols[: known[n][0]]
        return own

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """Test formulas: images, what was read, its parse and the value; mistakes first."""
        split = self.split("test")
        images, _ = self.images("test")
        index, symbols, lengths, root = (
            np.asarray(split.examples[field]) for field in ("index", "symbols", "length", "root")
        )
        beliefs, answer = split_answers(self, model, split, keep=("root",))
        given = answer["root"]
        read = self.reading(beliefs, given)
        notes = []
        for n, own in enumerate(read):
            value, truth = (self.circuit.answers[r][1] for r in (given[n], root[n]))
            note = f"{parse_text(own)} = {value}"
            notes.append(note if value == truth else f"{note}\ntruth {truth}")
        signs = np.asarray(ns.datasets.SIGNS)
        path = ns.plots.reading_rows(
            [images[own[:length]] for own, length in zip(index, lengths, strict=True)],
            [signs[own] for own in read],
            [signs[own[:length]] for own, length in zip(symbols, lengths, strict=True)],
            notes,
            given == root,
            workdir / "examples.png",
            rows=SHOWN,
            heading="Test formulas: the likeliest value, and the likeliest symbols that have it",
            noun="formulas",
        )
        return [path]

    def predict(self, model: Any, paths: Sequence[Path]) -> dict[str, object]:
        """Reads the images of a formula's symbols, in order, and values it."""
        length = len(paths)
        if length % 2 == 0 or length > SLOTS:
            raise ValueError(
                f"a formula has 1, 3, 5 or {SLOTS} symbols, digits and operators in turn: give "
                f"an image of each, not {length}"
            )
        images = np.zeros((1, SLOTS, *self.format.shape), np.uint8)
        images[0, :length] = self.format.load(paths)
        inputs = {"images": self.format.normalise(images), "length": np.asarray([length])}
        beliefs, answer = answers(self, model, inputs)
        root = int(answer["root"][0])
        (read,) = self.reading(beliefs, answer["root"])
        column = read - len(DIGITS) * (np.arange(length) % 2)
        confidence = np.asarray(jax.nn.softmax(beliefs[0]))[np.arange(length), column]
        return {
            "read": ns.datasets.formula_text(read),
            "parse": parse_text(read),
            "confidence of each symbol": ", ".join(f"{p:.3f}" for p in confidence),
            "value": str(self.circuit.answers[root][1]),
            "confidence": round(float(np.exp(answer["log_probability"][0, root])), 4),
        }


def _symbols(column: Any) -> Any:
    """The symbols int[..., 7] that columns of the beliefs stand for."""
    return column + len(DIGITS) * (np.arange(column.shape[-1], dtype=np.int32) % 2)


def _check(data: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after hours of training."""
    check_fields(data, DATA_FIELDS, task="formula", name="data")
    if data.validation_formulas and not data.validation_samples:
        raise ValueError(
            "config.data.validation_formulas needs images: hold out some with validation_samples"
        )
