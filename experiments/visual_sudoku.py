"""Visual sudoku: images of the givens in, and only values of empty cells are labelled.

The rules are known, the digits on the images are not: no given cell is ever labelled. The evidence
is whatever the labelled cells and the rules leave possible; an estimator of its probability under
the encoder's beliefs trains the encoder. To solve a board, search finds the likeliest board that
obeys the rules, so that the rules correct the reading.

images of givens ─▶ encoder ─▶ logits [n², n] ─▶ estimator (labels and rules as evidence) ─▶ loss
                                              └▶ solve_best ─▶ board
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from experiments._answering import answers, split_answers
from experiments._estimating import estimates, estimator_of
from experiments._fields import check_fields
from experiments._images import FORMATS, encode, filled_up, load_images
from experiments._sudoku_boards import SPLITS, Boards, make_boards
from neurosym.training import Split

SHOWN = 6
"""Boards in the picture."""

# What config.data consists of, with the least value of what is a number.
DATA_FIELDS = {
    "size": 4,
    "givens": 1,
    "labelled": 0,
    "boards": 1,
    "validation_boards": 0,
    "test_boards": 1,
    "validation_images": 0,
    "seed": 0,
}


class Images(NamedTuple):
    """The digits 1 to n of one split."""

    images: np.ndarray  # uint8[M, 28, 28]
    labels: np.ndarray  # int32[M]


class VisualSudoku:
    """The task of the module's docstring, for boards of 4x4 and 9x9 with images of MNIST."""

    metric = "board_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        _check(config.data)
        self.config = config
        self.format = FORMATS["mnist"]
        self.size = int(config.data.size)
        self.cells = self.size**2
        self._data_dir = data_dir
        self.network = ns.puzzles.sudoku_problem(self.size).compile()
        reasoner = ns.reasoning.NetworkReasoner(self.network)
        self.estimator, self.temperature = estimator_of(config, reasoner)
        self.node_limit = int(config.decoder.node_limit)
        if self.node_limit < 1:
            raise ValueError(f"config.decoder.node_limit is at least 1, not {self.node_limit}")
        self.augmentation = ns.encoders.make_augmentation(
            config.get("augmentation"), background=self.format.background
        )

    @functools.cached_property
    def boards(self) -> dict[str, Boards]:
        """The boards of every split, from the cache or made now."""
        # The images come first: what is wrong with them shows before boards are made.
        labels = {name: self.images[name].labels for name in SPLITS}
        return make_boards(self.config.data, labels)

    @functools.cached_property
    def images(self) -> dict[str, Images]:
        """The images of every split, loaded when they are first needed: a prediction needs none."""
        held_out = int(self.config.data.validation_images)
        mnist = load_images(
            "mnist", held_out=held_out, data_dir=self._data_dir, field="validation_images"
        )
        result = {}
        for name in SPLITS:
            images, labels = getattr(mnist, name)
            shown = (labels >= 1) & (labels <= self.size)
            result[name] = Images(images[shown], labels[shown])
        return result

    def split(self, name: str) -> Split:
        """Boards as indices into the images of the split."""
        boards, pool = self.boards[name], self.images[name]
        rows = max(len(self.images[other].labels) for other in ("validation", "test"))
        shared = {field: filled_up(array, name, rows) for field, array in pool._asdict().items()}
        return Split(
            examples={field: jax.device_put(array) for field, array in boards._asdict().items()},
            shared={field: jax.device_put(array) for field, array in shared.items()},
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the digits 1 to n."""
        return self.format.encoder(self.config.encoder, self.size, rngs)

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, G, 28, 28]``, their cells and, to judge alone, digits and boards."""
        return {
            "images": self.format.normalise(shared["images"][examples["image"]]),
            "digits": shared["labels"][examples["image"]],
            "position": examples["position"],
            "label": examples["label"],
            "solution": examples["solution"],
        }

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> Array:
        """Logits of the cells, float32[B, n², n], 0 where none is given.

        Of `images` float32[B, G, H, W], which stand in the cells `position` int32[B, G].
        """
        logits = encode(model, inputs["images"])
        slots = (inputs["position"][:, :, None] == jnp.arange(self.cells)).astype(logits.dtype)
        # Logits are moved, so an accelerator may not round them.
        return jnp.einsum("bgv,bgd->bvd", slots, logits, precision=jax.lax.Precision.HIGHEST)

    def answer(self, beliefs: Array, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The likeliest boards that obey the rules, with the givens at `position` int32[B, G].

        `board` is int32[B, n²], 0 where none was found, and `proven` bool[B]: no board is likelier.
        """
        given = self._observed(inputs["position"])
        weights = jnp.where(given[..., None], jax.nn.log_softmax(beliefs), 0)
        found = ns.solve_best(self.network, None, weights, node_limit=self.node_limit)
        return {
            "board": found.assignment + 1,
            "proven": found.status == ns.SearchStatus.SOLVED,
        }

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Minus the log-probability of the labelled cells, in nats, as the estimator gives it."""
        augmentation_key, estimator_key = jax.random.split(key)
        images = self.augmentation(batch["images"], augmentation_key)
        logits = self.beliefs(model, {"images": images, "position": batch["position"]})
        observed = self._observed(batch["position"])
        found = estimates(
            self.estimator,
            logits,
            self._evidence(batch["label"]),
            observed,
            key=estimator_key,
            temperature=self.temperature(step),
        )
        metrics = {name: value.mean() for name, value in found.metrics.items()}
        impossible = found.log_likelihood == -jnp.inf
        metrics["impossible"] = impossible.astype(jnp.float32).mean()
        if found.allowed is not None:
            metrics["true_values_kept"] = _kept(found.allowed, batch["solution"], observed)
        return ns.losses.semantic_loss(found.log_likelihood), metrics

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the decoded board is right, by board, cell and digit."""
        logits = self.beliefs(model, batch)
        answer = self.answer(logits, batch)
        read = jnp.take_along_axis(logits.argmax(-1), batch["position"], 1) + 1 == batch["digits"]
        right = answer["board"] == batch["solution"]
        return {
            "board_accuracy": right.all(-1).astype(jnp.float32),
            "board_accuracy_independent": read.all(-1).astype(jnp.float32),
            "cell_accuracy": right.mean(-1, dtype=jnp.float32),
            "digit_accuracy": read.mean(-1, dtype=jnp.float32),
            "decoding_proven_best": answer["proven"].astype(jnp.float32),
        }

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """Test boards with what was read and what the rules corrected; a board to try out."""
        boards, pool = self.boards["test"], self.images["test"]
        logits, answer = split_answers(
            self,
            model,
            self.split("test"),
            keep=("board",),
            few_parts=0,  # a search may be long
        )
        solved = answer["board"]
        right = (solved == boards.solution).all(-1)
        read = np.take_along_axis(logits.argmax(-1), boards.position, 1) + 1
        corrected = (read != np.take_along_axis(solved, boards.position, 1)).any(-1)
        # Mistakes first, half of the places at most; then what the rules put right.
        mistakes = np.flatnonzero(~right)[: SHOWN // 2]
        others = np.flatnonzero(right)
        others = others[np.argsort(~corrected[others], kind="stable")]
        chosen = np.concatenate([mistakes, others])[:SHOWN]
        grid = ns.plots.visual_boards(
            pool.images[boards.image[chosen]],
            boards.position[chosen],
            read[chosen],
            solved[chosen],
            boards.solution[chosen],
            workdir / "boards.png",
            heading=f"Test boards: {right.mean():.1%} of {len(right)} solved",
        )
        example = ns.plots.board_image(
            pool.images[boards.image[chosen[-1]]],
            boards.position[chosen[-1]],
            self.size,
            workdir / "board.png",
        )
        return [grid, example]

    def predict(self, model: Any, paths: Sequence[Path]) -> dict[str, object]:
        """Reads the picture of a board, an even grid of cells, and solves it."""
        if len(paths) != 1:
            raise ValueError(f"give one picture of a whole board, not {len(paths)} files")
        images, given = ns.datasets.load_grid(paths[0], (self.size, self.size), (28, 28))
        position = np.flatnonzero(given.ravel()).astype(np.int32)
        if not position.size:
            raise ValueError(f"{paths[0]} shows no digit in any of its {self.cells} cells")
        shown = self.format.normalise(images.reshape(self.cells, 28, 28)[position])
        inputs = {"images": shown[None], "position": position[None]}
        logits, answer = answers(self, model, inputs)
        (solved,) = answer["board"]
        beliefs = np.asarray(jax.nn.softmax(logits[0, position]))
        read = np.zeros(self.cells, int)
        read[position] = beliefs.argmax(-1) + 1
        found = bool((solved > 0).all())
        if answer["proven"][0]:
            proven = "yes"
        else:
            proven = (
                f"no: the search stopped at {self.node_limit:,} nodes, as with many misreadings"
            )
        changed = [
            f"row {cell // self.size + 1} column {cell % self.size + 1}: {read[cell]} to {digit}"
            for cell, digit in enumerate(solved)
            if read[cell] and digit != read[cell] and digit > 0
        ]
        return {
            "read": "\n" + ns.io.format_board(read),
            "least confident digit": f"{beliefs.max(-1).min():.3f}",
            "corrected by the rules": "; ".join(changed) or "nothing",
            "board": "\n" + ns.io.format_board(solved) if found else "none found",
            "proven the likeliest": proven,
        }

    def _observed(self, position: Array) -> Array:
        """bool[B, n²]: the cell is given."""
        return (position[:, :, None] == jnp.arange(self.cells)).any(1)

    def _evidence(self, label: Array) -> Array:
        """bool[B, n², n]: what the labelled cells allow."""
        return (label[..., None] == 0) | (label[..., None] == jnp.arange(1, self.size + 1))


def _kept(allowed: Array, solution: Array, observed: Array) -> Array:
    """The share of given cells whose true digit is still allowed, float32[]."""
    digits = jnp.arange(1, allowed.shape[-1] + 1)
    true = (allowed & (solution[..., None] == digits)).any(-1)
    return (true & observed).sum() / jnp.maximum(observed.sum(), 1)


def _check(data: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after minutes of generating."""
    check_fields(data, DATA_FIELDS, task="visual sudoku", name="data")
    if data.validation_boards and not data.validation_images:
        raise ValueError(
            "config.data.validation_boards needs images: hold out some with validation_images"
        )
    if data.size not in (4, 9):
        raise ValueError(f"config.data.size is 4 or 9, as MNIST has the digits, not {data.size}")
    if data.givens + data.labelled > data.size**2:
        raise ValueError(
            f"config.data.givens + labelled = {data.givens + data.labelled}, but a board has "
            f"{data.size**2} cells, and only empty ones are labelled"
        )
