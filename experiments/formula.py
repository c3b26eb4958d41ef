"""Handwritten formulas: images of digits and operators in, only the value of each is labelled.

A formula of up to seven symbols is shown as images, digits and operators in turn. A machine that
reads symbols from left to right knows what formulas are worth, in exact rationals; compiled to a
circuit it turns an encoder's beliefs about the symbols into the likelihood of the labelled value,
which trains the encoder. No symbol is ever labelled.

images [7] ─▶ encoder ─▶ logits of digits or operators [7, 10] ─▶ estimator (circuit, value) ─▶ loss
                                                              └▶ query of all values ─▶ value
"""

import difflib
import functools
from collections.abc import Sequence
from fractions import Fraction
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

DIGITS, OPERATORS = ns.datasets.SIGNS[:10], ns.datasets.SIGNS[10:]
CLASSES = len(ns.datasets.SIGNS)
SLOTS = 7
SHAPE = (28, 28)
MEAN, DEVIATION = 47.16287287967135, 95.54890406525743
"""Of the pixels of the training images."""

PREDICTION_BATCH = 1000
ANSWER_BATCH = 100
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


class Pending(NamedTuple):
    """A formula that is read up to an operator, worth ``total + (term operator digit)``."""

    total: Fraction
    term: Fraction
    operator: str


class Read(NamedTuple):
    """A formula that is read up to a digit, worth ``total + term``: the term may still grow."""

    total: Fraction
    term: Fraction


def step(state: Read | Pending | None, position: int, symbol: str) -> Read | Pending | None:
    """What is known after one more symbol; None where the formula divides by zero.

    A sum is closed by + and -, after which only its value matters: ``2 × 3 + `` and ``6 + `` are
    the same state.
    """
    if state is None:
        return Read(Fraction(0), Fraction(symbol))
    if isinstance(state, Read):
        if symbol in "+-":
            return Pending(state.total + state.term, Fraction(1 if symbol == "+" else -1), "×")
        return Pending(state.total, state.term, symbol)
    digit = Fraction(symbol)
    if state.operator == "×":
        return Read(state.total, state.term * digit)
    return Read(state.total, state.term / digit) if digit else None


def answer(state: Read | Pending | None, position: int) -> tuple[int, Fraction] | None:
    """The length and the value of a formula that ends after a digit."""
    return (position, state.total + state.term) if isinstance(state, Read) else None


@functools.cache
def formula_circuit(slots: int = SLOTS) -> ns.Circuit:
    """The values of all formulas of up to so many symbols, over weights ``[slots, 10]``."""
    domains = [OPERATORS if slot % 2 else DIGITS for slot in range(slots)]
    return ns.circuits.from_state_machine(domains, None, step, answer)


class Formula:
    """The task of the module's docstring."""

    metric = "result_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        _check_data_fields(config.data)
        self.config = config
        self._data_dir = data_dir
        self.circuit = formula_circuit()
        self._lengths = jnp.asarray([length for length, _ in self.circuit.answers])
        options = config.estimator.to_dict()
        reasoner = ns.bridge.CircuitReasoner(self.circuit)
        self.estimator = ns.bridge.make_estimator(options.pop("name", ""), reasoner, **options)
        self.temperature = ns.bridge.make_schedule(**{"name": "", **config.temperature})
        self.augmentation = ns.encoders.make_augmentation(
            config.get("augmentation"), background=-MEAN / DEVIATION
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
        mean_length = drawn.lengths.mean() if count else 1.0
        return Split(
            examples=jax.tree.map(jax.device_put, examples),
            shared={"images": jax.device_put(images), "mean_length": jnp.float32(mean_length)},
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the fourteen symbols."""
        options = self.config.encoder.to_dict()
        return ns.encoders.make_encoder(
            options.pop("name"), image_size=SHAPE, classes=CLASSES, rngs=rngs, **options
        )

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, 7, H, W]``, lengths and roots ``int32[B]``; symbols, to judge by."""
        images = _normalise(shared["images"][examples["index"]])
        given = {name: examples[name] for name in ("length", "root", "symbols")}
        return {"images": images, "mean_length": shared["mean_length"], **given}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the values as the estimator has it, in nats."""
        augmenting, estimating = jax.random.split(key)
        logits = slot_logits(model, self.augmentation(batch["images"], augmenting))
        keys = jax.random.split(estimating, logits.shape[0])
        temperature = self.temperature(step)

        def one(logits: Array, root: Array, length: Array, key: Array) -> ns.bridge.Estimate:
            shown = jnp.arange(SLOTS) < length
            return self.estimator(logits, root, observed=shown, key=key, temperature=temperature)

        estimates = jax.vmap(one)(logits, batch["root"], batch["length"], keys)
        return (
            ns.losses.semantic_loss(estimates.log_likelihood),
            jax.tree.map(jnp.mean, estimates.metrics),
        )

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest value is right, and the share of symbols read right.

        The symbols of a formula are read each by itself, among those of the slot's kind. Those that
        are right are counted in units of the split's mean length, so that the mean over its
        formulas is the share of all symbols.
        """
        log_weights = jax.nn.log_softmax(slot_logits(model, batch["images"]))
        answers = self._answers(log_weights, batch["length"])
        right = answers.argmax(-1) == batch["root"]
        shown = jnp.arange(SLOTS) < batch["length"][:, None]
        same = _labels(log_weights) == batch["symbols"]
        likelihood = jnp.take_along_axis(answers, batch["root"][:, None], 1)[:, 0]
        return {
            "result_accuracy": right.astype(jnp.float32),
            "symbol_accuracy": (same & shown).sum(1) / batch["mean_length"],
            "loss": -jnp.maximum(likelihood, -ns.losses.IMPOSSIBLE),
        }

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """Test formulas: images, what was read, its parse and the value; mistakes first."""
        split = self.split("test")
        images, _ = self.images("test")
        index, symbols, lengths, root = (
            np.asarray(split.examples[field]) for field in ("index", "symbols", "length", "root")
        )
        log_weights = self._log_weights(model, images[index])
        given = self._likeliest(log_weights, lengths)
        read = np.asarray(_labels(log_weights))
        notes = []
        for n, length in enumerate(lengths):
            value, truth = (self.circuit.answers[r][1] for r in (given[n], root[n]))
            note = f"{parse_text(read[n, :length])} = {value}"
            notes.append(note if value == truth else f"{note}\ntruth {truth}")
        signs = np.asarray(ns.datasets.SIGNS)
        path = ns.plots.reading_rows(
            [images[own[:length]] for own, length in zip(index, lengths, strict=True)],
            [signs[own[:length]] for own, length in zip(read, lengths, strict=True)],
            [signs[own[:length]] for own, length in zip(symbols, lengths, strict=True)],
            notes,
            given == root,
            workdir / "examples.png",
            rows=SHOWN,
            heading="Test formulas: what was read, its parse, and the likeliest value",
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
        images = np.zeros((1, SLOTS, *SHAPE), np.uint8)
        for slot, path in enumerate(paths):
            images[0, slot] = ns.datasets.load_image(path, SHAPE, ink_box=1.0, centred="box")
        log_weights = self._log_weights(model, images)
        answers = np.asarray(self._answers(log_weights, jnp.asarray([length])))[0]
        likeliest = int(answers.argmax())
        read = np.asarray(_labels(log_weights))[0, :length]
        confidence = np.exp(np.asarray(log_weights)[0, :length].max(-1))
        return {
            "read": ns.datasets.formula_text(read),
            "parse": parse_text(read),
            "confidence of each symbol": ", ".join(f"{p:.3f}" for p in confidence),
            "value": str(self.circuit.answers[likeliest][1]),
            "confidence": round(float(np.exp(answers[likeliest])), 4),
        }

    def _answers(self, log_weights: Array, length: Array) -> Array:
        """The log-probability of every root ``float32[B, R]``, ``-inf`` for other lengths."""
        found = jax.vmap(self.circuit.query)(log_weights)
        return jnp.where(self._lengths == length[:, None], found, -jnp.inf)

    def _log_weights(self, model: Any, images: np.ndarray) -> Array:
        """Log-probabilities ``float32[n, 7, 10]`` of images ``uint8[n, 7, H, W]``."""
        read = nnx.jit(lambda model, x: jax.nn.log_softmax(slot_logits(model, _normalise(x))))
        size = PREDICTION_BATCH // SLOTS
        starts = range(0, len(images), size)
        return jnp.concatenate([read(model, jnp.asarray(images[s : s + size])) for s in starts])

    def _likeliest(self, log_weights: Array, lengths: np.ndarray) -> np.ndarray:
        """The root of the likeliest value of each, int[n]."""
        likeliest = jax.jit(lambda w, length: self._answers(w, length).argmax(-1))
        parts = [
            np.asarray(likeliest(log_weights[s : s + ANSWER_BATCH], lengths[s : s + ANSWER_BATCH]))
            for s in range(0, len(lengths), ANSWER_BATCH)
        ]
        return np.concatenate(parts)


def slot_logits(model: Any, images: Array) -> Array:
    """Logits ``float32[B, 7, 10]`` of images ``float32[B, 7, H, W]``.

    Even slots hold digits; odd ones hold operators, in their first four columns.
    """
    logits = model(images.reshape(-1, *images.shape[2:]))
    logits = logits.reshape(*images.shape[:2], CLASSES)
    digits, operators = logits[..., : len(DIGITS)], logits[..., len(DIGITS) :]
    missing = ((0, 0), (0, 0), (0, len(DIGITS) - len(OPERATORS)))
    operators = jnp.pad(operators, missing, constant_values=-jnp.inf)
    odd = jnp.arange(images.shape[1]) % 2 == 1
    return jnp.where(odd[:, None], operators, digits)


def parse_text(symbols: Sequence[int]) -> str:
    """A formula with its products in brackets: "2 + (3 × 4)"."""
    parts: list[list[str]] = [[]]
    signs = [ns.datasets.SIGNS[symbol] for symbol in symbols]
    for sign in signs:
        if sign in "+-":
            parts += [[sign], []]
        else:
            parts[-1].append(sign)
    texts = [" ".join(part) for part in parts]
    if len(texts) > 1:
        texts = [f"({text})" if " " in text else text for text in texts]
    return " ".join(texts)


def _labels(log_weights: Array) -> Array:
    """The likeliest symbol of each slot, ``int32[B, 7]``."""
    odd = jnp.arange(log_weights.shape[1]) % 2 == 1
    return log_weights.argmax(-1) + jnp.where(odd, len(DIGITS), 0)


def _normalise(images: Array) -> Array:
    return (images.astype(jnp.float32) - MEAN) / DEVIATION


def _check_data_fields(data: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after hours of training."""
    for field in data:
        if field not in DATA_FIELDS:
            near = difflib.get_close_matches(field, DATA_FIELDS, n=2)
            hint = f"; near matches: {', '.join(near)}" if near else ""
            raise ValueError(f"formula has no field config.data.{field}{hint}")
    for field, least in DATA_FIELDS.items():
        if field not in data:
            raise ValueError(f"formula needs the field config.data.{field}")
        if data[field] < least:
            raise ValueError(f"config.data.{field} must be at least {least}, not {data[field]}")
    if data.validation_formulas and not data.validation_samples:
        raise ValueError(
            "config.data.validation_formulas needs images: hold out some with validation_samples"
        )
