"""Visual sudoku: images of the givens in, and only values of empty cells are labelled.

The rules are known, the images are not: no given cell is ever labelled. What the labelled cells
and the rules leave possible is the evidence; an estimator of its probability under the encoder's
beliefs trains the encoder. To solve a board, search finds the likeliest board that obeys the rules,
so that the rules correct the reading.

images of givens ─▶ encoder ─▶ logits [n², n] ─▶ estimator (labels and rules as evidence) ─▶ loss
                                              └▶ solve_best ─▶ board
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

PREDICTION_BATCH = 100
SHOWN = 6
"""Boards in the picture."""

SPLITS = ("train", "validation", "test")

VERSION = 1
"""Of the boards and of what is shown and labelled; raise it with every change of either."""

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


class Boards(NamedTuple):
    """Boards of one split; G givens, n² cells, digits 1 to n."""

    position: np.ndarray  # int32[N, G]: the cells that are given, in order
    image: np.ndarray  # int32[N, G]: which image of the split's pool shows each
    label: np.ndarray  # int32[N, n²]: the digit of a labelled cell, 0 elsewhere
    solution: np.ndarray  # int32[N, n²]


class Images(NamedTuple):
    """The digits 1 to n of one split."""

    images: np.ndarray  # uint8[M, 28, 28]
    labels: np.ndarray  # int32[M]


class VisualSudoku:
    """The task of the module's docstring, for boards of 4x4 and 9x9 with images of MNIST."""

    metric = "board_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        _check_data_fields(config.data)
        self.config = config
        self.size = int(config.data.size)
        self.cells = self.size**2
        self._data_dir = data_dir
        self.network = ns.puzzles.sudoku_problem(self.size).compile()
        reasoner = ns.bridge.NetworkReasoner(self.network)
        options = config.estimator.to_dict()
        self.estimator = ns.bridge.make_estimator(options.pop("name", ""), reasoner, **options)
        self.temperature = ns.bridge.make_schedule(**{"name": "", **config.temperature})
        self.node_limit = int(config.decoder.node_limit)
        if self.node_limit < 1:
            raise ValueError(f"config.decoder.node_limit is at least 1, not {self.node_limit}")
        self.augmentation = ns.encoders.make_augmentation(
            config.get("augmentation"),
            background=-ns.datasets.MNIST_MEAN / ns.datasets.MNIST_DEVIATION,
        )

    @functools.cached_property
    def boards(self) -> dict[str, Boards]:
        """The boards of every split, from the cache or made now."""
        images = self.images  # what is wrong with them shows before boards are made
        data = self.config.data
        counts = (data.boards, data.validation_boards, data.test_boards)
        options = {"size": data.size, "givens": data.givens, "counts": counts, "seed": data.seed}
        versions = {"boards": ns.puzzles.SUDOKU_VERSION}
        sudokus = ns.datasets.generated(
            "visual_sudoku",
            lambda: make_sudokus(**options),
            version=VERSION,
            parameters={**options, **versions},
        )
        result = {}
        for order, name in enumerate(SPLITS):
            random = np.random.default_rng([VERSION, data.seed, order])
            puzzles, solutions = sudokus[f"{name}_puzzles"], sudokus[f"{name}_solutions"]
            labels = images[name].labels
            result[name] = _shown(puzzles, solutions, labels, data.labelled, random)
        return result

    @functools.cached_property
    def images(self) -> dict[str, Images]:
        """The images of every split, loaded when they are first needed: a prediction needs none."""
        mnist = ns.datasets.mnist(self._data_dir)
        cut = len(mnist.train_labels) - int(self.config.data.validation_images)
        if cut <= 0:
            raise ValueError("config.data.validation_images leaves no image to train on")
        pools = {
            "train": (mnist.train_images[:cut], mnist.train_labels[:cut]),
            "validation": (mnist.train_images[cut:], mnist.train_labels[cut:]),
            "test": (mnist.test_images, mnist.test_labels),
        }
        result = {}
        for name, (images, labels) in pools.items():
            shown = (labels >= 1) & (labels <= self.size)
            result[name] = Images(images[shown], labels[shown])
        return result

    def split(self, name: str) -> Split:
        """Boards as indices into the images of the split."""
        boards, pool = self.boards[name], self.images[name]
        return Split(
            examples={field: jax.device_put(array) for field, array in boards._asdict().items()},
            shared={"images": jax.device_put(pool.images), "labels": jax.device_put(pool.labels)},
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """The encoder: images to logits of the digits 1 to n."""
        options = dict(self.config.encoder)
        return ns.encoders.make_encoder(
            options.pop("name"), image_size=28, classes=self.size, rngs=rngs, **options
        )

    def batch(self, examples: dict[str, Array], shared: dict[str, Array]) -> dict[str, Array]:
        """Images ``float32[B, G, 28, 28]``, their cells and, to judge alone, digits and boards."""
        return {
            "images": _normalise(shared["images"][examples["image"]]),
            "digits": shared["labels"][examples["image"]],
            "position": examples["position"],
            "label": examples["label"],
            "solution": examples["solution"],
        }

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Minus the log-probability of the labelled cells, in nats, as the estimator has it."""
        augmentation_key, estimator_key = jax.random.split(key)
        images = self.augmentation(batch["images"], augmentation_key)
        logits = self._logits(model, images, batch["position"])
        observed = self._observed(batch["position"])
        evidence = self._evidence(batch["label"])
        temperature = self.temperature(step)

        def estimate(logits: Array, evidence: Array, observed: Array, key: Array) -> Any:
            return self.estimator(
                logits, evidence, observed=observed, key=key, temperature=temperature
            )

        keys = jax.random.split(estimator_key, len(logits))
        found = jax.vmap(estimate)(logits, evidence, observed, keys)
        metrics = {name: value.mean() for name, value in found.metrics.items()}
        impossible = found.log_likelihood == -jnp.inf
        metrics["impossible"] = impossible.astype(jnp.float32).mean()
        if found.allowed is not None:
            metrics["true_values_kept"] = _kept(found.allowed, batch["solution"], observed)
        return ns.losses.semantic_loss(found.log_likelihood), metrics

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the decoded board is right, by board, cell and digit."""
        logits = self._logits(model, batch["images"], batch["position"])
        found = self._decode(logits, batch["position"])
        read = jnp.take_along_axis(logits.argmax(-1), batch["position"], 1) + 1 == batch["digits"]
        right = found.assignment + 1 == batch["solution"]
        proven = found.status == ns.SearchStatus.SOLVED
        return {
            "board_accuracy": right.all(-1).astype(jnp.float32),
            "board_accuracy_independent": read.all(-1).astype(jnp.float32),
            "cell_accuracy": right.mean(-1, dtype=jnp.float32),
            "digit_accuracy": read.mean(-1, dtype=jnp.float32),
            "decoding_proven_best": proven.astype(jnp.float32),
        }

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """Test boards with what was read and what the rules corrected; a board to try out."""
        boards, pool = self.boards["test"], self.images["test"]
        logits, solved, _ = self._solve(model, pool.images[boards.image], boards.position)
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
        shown = images.reshape(self.cells, 28, 28)[position]
        logits, solved, status = self._solve(model, shown[None], position[None])
        beliefs = np.asarray(jax.nn.softmax(logits[0, position]))
        read = np.zeros(self.cells, int)
        read[position] = beliefs.argmax(-1) + 1
        found = bool((solved[0] > 0).all())
        if status[0] == ns.SearchStatus.SOLVED:
            proven = "yes"
        else:
            proven = (
                f"no: the search stopped at {self.node_limit:,} nodes, as with many misreadings"
            )
        changed = [
            f"row {cell // self.size + 1} column {cell % self.size + 1}: {read[cell]} to {digit}"
            for cell, digit in enumerate(solved[0])
            if read[cell] and digit != read[cell] and digit > 0
        ]
        return {
            "read": "\n" + ns.io.format_board(read),
            "least confident digit": f"{beliefs.max(-1).min():.3f}",
            "corrected by the rules": "; ".join(changed) or "nothing",
            "board": "\n" + ns.io.format_board(solved[0]) if found else "none found",
            "proven the likeliest": proven,
        }

    def _solve(
        self, model: Any, images: np.ndarray, position: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits [N, n², n], boards [N, n²] and status [N] of images [N, G, 28, 28]."""

        @nnx.jit
        def solve(model: Any, images: Array, position: Array) -> tuple[Array, Array, Array]:
            logits = self._logits(model, _normalise(images), position)
            found = self._decode(logits, position)
            return logits, found.assignment + 1, found.status

        parts = [
            solve(model, *(x[start : start + PREDICTION_BATCH] for x in (images, position)))
            for start in range(0, len(images), PREDICTION_BATCH)
        ]
        logits, solved, status = (
            np.concatenate([np.asarray(p) for p in x]) for x in zip(*parts, strict=True)
        )
        return logits, solved, status

    def _logits(self, model: Any, images: Array, position: Array) -> Array:
        """Logits float32[B, n², n], 0 in cells that are not given, of images [B, G, H, W]."""
        flat = model(images.reshape(-1, *images.shape[2:]))
        logits = flat.reshape(*images.shape[:2], self.size)
        slots = (position[:, :, None] == jnp.arange(self.cells)).astype(logits.dtype)
        # Logits are moved, so an accelerator may not round them.
        return jnp.einsum("bgv,bgd->bvd", slots, logits, precision=jax.lax.Precision.HIGHEST)

    def _observed(self, position: Array) -> Array:
        """bool[B, n²]: the cell is given."""
        return (position[:, :, None] == jnp.arange(self.cells)).any(1)

    def _evidence(self, label: Array) -> Array:
        """bool[B, n², n]: what the labelled cells allow."""
        return (label[..., None] == 0) | (label[..., None] == jnp.arange(1, self.size + 1))

    def _decode(self, logits: Array, position: Array) -> Any:
        """The likeliest boards that obey the rules, `neurosym.Best` with leading axis B."""
        weights = jnp.where(self._observed(position)[..., None], jax.nn.log_softmax(logits), 0)
        return ns.solve_best(self.network, None, weights, node_limit=self.node_limit)


def make_sudokus(
    *, size: int, givens: int, counts: Sequence[int], seed: int
) -> dict[str, np.ndarray]:
    """Puzzles with one solution, and the solutions, of every split.

    Solutions of test boards are no symmetries of training or validation boards, those of validation
    boards none of training boards. There are only two 4x4 boards but for symmetry, so there the
    puzzles differ and no more.

    Args:
      size: n.
      givens: G.
      counts: boards for training, validation and test.
      seed: everything follows from it.

    Returns:
      ``NAME_puzzles`` and ``NAME_solutions``, each int8[N, n²], for the name of each split.
    """
    result = {}
    seen = np.zeros(0, np.uint64)
    known: set[bytes] = set()
    for order, (name, count) in enumerate(zip(SPLITS, counts, strict=True)):
        options: dict[str, Any] = {
            "size": size,
            "givens": givens,
            "seed": len(SPLITS) * seed + order,
        }
        if size == 4:
            puzzles, solutions = _different(count, known, options)
        else:
            puzzles, solutions = ns.puzzles.random_sudokus(count, avoid=seen, **options)
            seen = np.union1d(seen, ns.puzzles.sudoku_fingerprints(solutions))
        result |= {f"{name}_puzzles": puzzles, f"{name}_solutions": solutions}
    return result


def _different(
    count: int, known: set[bytes], options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Puzzles that are not among those known, which they join."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    seed, barren = options["seed"], 0
    while len(found) < count:
        before = len(found)
        options = {**options, "seed": seed}
        for puzzle, solution in zip(*ns.puzzles.random_sudokus(2 * count, **options), strict=True):
            if len(found) < count and puzzle.tobytes() not in known:
                known.add(puzzle.tobytes())
                found.append((puzzle, solution))
        barren = 0 if len(found) > before else barren + 1
        if barren == 3:
            raise ValueError(f"there are not {count} more puzzles like {options}; ask for fewer")
        seed += 1_000_003
    if not found:
        return np.zeros((0, options["size"] ** 2), np.int8), np.zeros(
            (0, options["size"] ** 2), np.int8
        )
    puzzles, solutions = zip(*found, strict=True)
    return np.stack(puzzles), np.stack(solutions)


def _shown(
    puzzles: np.ndarray,
    solutions: np.ndarray,
    labels: np.ndarray,
    labelled: int,
    random: np.random.Generator,
) -> Boards:
    """Puzzles with an image for each given, of its digit, and some of the empty cells labelled."""
    count, cells = puzzles.shape
    given = puzzles > 0
    position = np.argsort(~given, axis=1, kind="stable")[:, : int(given[:1].sum())].astype(np.int32)
    digits = np.take_along_axis(puzzles, position, 1)
    image = np.zeros(digits.shape, np.int32)
    for digit in range(1, int(np.sqrt(cells)) + 1):
        here = digits == digit
        if here.any():
            if not (labels == digit).any():
                raise ValueError(
                    f"there is no image of {digit} to show on boards: too few images are left for "
                    "this split by config.data.validation_images"
                )
            image[here] = random.choice(np.flatnonzero(labels == digit), int(here.sum()))
    empty = random.random(puzzles.shape) + given
    chosen = np.argsort(empty, axis=1)[:, :labelled]
    label = np.zeros((count, cells), np.int32)
    np.put_along_axis(label, chosen, np.take_along_axis(solutions, chosen, 1), 1)
    return Boards(position, image, label, solutions.astype(np.int32))


def _kept(allowed: Array, solution: Array, observed: Array) -> Array:
    """The share of given cells whose true digit is still allowed, float32[]."""
    digits = jnp.arange(1, allowed.shape[-1] + 1)
    true = (allowed & (solution[..., None] == digits)).any(-1)
    return (true & observed).sum() / jnp.maximum(observed.sum(), 1)


def _normalise(images: Array) -> Array:
    return (images.astype(jnp.float32) - ns.datasets.MNIST_MEAN) / ns.datasets.MNIST_DEVIATION


def _check_data_fields(data: ml_collections.ConfigDict) -> None:
    """Raises ValueError for what could only fail after minutes of generating."""
    for field in data:
        if field not in DATA_FIELDS:
            near = difflib.get_close_matches(field, DATA_FIELDS, n=2)
            hint = f"; near matches: {', '.join(near)}" if near else ""
            raise ValueError(f"visual sudoku has no field config.data.{field}{hint}")
    for field, least in DATA_FIELDS.items():
        if field not in data:
            raise ValueError(f"visual sudoku needs the field config.data.{field}")
        if data[field] < least:
            raise ValueError(f"config.data.{field} must be at least {least}, not {data[field]}")
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
