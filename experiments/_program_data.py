"""Data of a program: images for each input of its networks, and the answer that was observed.

A data set of images has a name and a pool of labelled images. Each input of the question gets an
image that one of its network's values names; the label of an example is what the program itself
says of the true values. A file of arrays brings inputs and answers itself.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import neurosym as ns
from experiments._images import load_images
from neurosym.datasets.permutations import bit_stream, permutations
from neurosym.programs import ProgramQuery

IMAGE_SETS = ("digits", "mnist", "symbols")
_GROUPING, _REGROUPING = 0, 1
_BATCH = 500


class Pool(NamedTuple):
    """Labelled images of a split, and what each label is called."""

    images: np.ndarray  # uint8[M, H, W]
    labels: np.ndarray  # int32[M]
    names: tuple[str, ...]


def load_pools(
    dataset: str, *, held_out: int, final: bool, data_dir: str | None
) -> dict[str, Pool]:
    """The images of each split of a data set.

    Args:
      dataset: one of `IMAGE_SETS`.
      held_out: images for validation; of symbols, samples of each.
      final: train on the validation images too.
      data_dir: where the data lie.
    """
    held_out = 0 if final else held_out
    if dataset == "symbols":
        found = ns.datasets.symbols(data_dir, validation=held_out)
        names = tuple(ns.datasets.SIGNS)
        return {
            split: Pool(getattr(found, f"{split}_images"), getattr(found, f"{split}_labels"), names)
            for split in ("train", "validation", "test")
        }
    images = load_images(dataset, held_out=held_out, data_dir=data_dir)
    names = tuple(map(str, range(10)))
    return {
        split: Pool(pixels, labels.astype(np.int32), names)
        for split, (pixels, labels) in images._asdict().items()
    }


class Grouped(NamedTuple):
    """Examples as indices into a pool."""

    index: np.ndarray  # int32[n, I]: the image of each input
    values: np.ndarray  # int32[n, I]: its true value, as the network counts them


def group(
    pool: Pool,
    inputs: Sequence[Sequence[Any]],
    *,
    seed: int,
    groupings: int | None = None,
) -> Grouped:
    """Deals out the images of a pool: within a grouping, each is used at most once.

    Args:
      pool: of a split.
      inputs: the values that the network of each input tells apart.
      seed: decides the permutation.
      groupings: how many, each by another permutation; None takes the one permutation of
        `datasets.group_images`.

    Raises:
      ValueError: the pool has no image of some value.
    """
    kinds = list(dict.fromkeys(tuple(own) for own in inputs))
    shape = (0, len(inputs))
    if not len(pool.labels):
        return Grouped(np.zeros(shape, np.int32), np.zeros(shape, np.int32))
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for number, kind in enumerate(kinds):
        columns = [n for n, own in enumerate(inputs) if tuple(own) == kind]
        missing = [value for value in kind if str(value) not in pool.names]
        if missing:
            raise ValueError(
                f"the data set has no image of {missing[0]!r}; it has {', '.join(pool.names)}"
            )
        value_of = np.full(len(pool.names), -1, np.int32)
        value_of[[pool.names.index(str(value)) for value in kind]] = range(len(kind))
        usable = np.flatnonzero(value_of[pool.labels] >= 0)
        purpose = _GROUPING if groupings is None else _REGROUPING
        stream = bit_stream(seed, purpose=purpose + 2 * number)
        order = usable[permutations(stream, groupings or 1, len(usable))]
        count = len(usable) // len(columns)
        own = order[:, : count * len(columns)].reshape(-1, count, len(columns))
        for place, column in enumerate(columns):
            chosen = own[:, :, place]
            found[column] = chosen, value_of[pool.labels[chosen]]
    least = min(index.shape[1] for index, _ in found.values())
    parts = [
        np.stack([found[n][part][:, :least].reshape(-1) for n in range(len(inputs))], axis=1)
        for part in (0, 1)
    ]
    return Grouped(*(part.astype(np.int32) for part in parts))


def true_answers(
    question: ProgramQuery, rows: Sequence[tuple[str, int]], values: np.ndarray, *, seed: int
) -> np.ndarray:
    """The number of the answer that the program gives to the true values, int32[n].

    Where the program leaves more to chance than its networks, the answer is drawn from its
    distribution. A question with one answer is answered by 0 (it holds) or 1 (it does not).

    Args:
      question: with networks.
      rows: of each input: its network, and its row there.
      values: int[n, I].
      seed: of what is drawn.

    Raises:
      ValueError: the answers of some example are not exclusive.
    """

    def one(values: jax.Array) -> jax.Array:
        logs = {
            name: jax.numpy.stack(
                [
                    jax.numpy.where(np.arange(question.values(name)) == values[column], 0, -np.inf)
                    for _, column in sorted(
                        (row, column) for column, (own, row) in enumerate(rows) if own == name
                    )
                ]
            )
            for name in question.networks
        }
        return jax.numpy.exp(question(**logs))

    distinct, back = np.unique(values, axis=0, return_inverse=True)
    answer = ns.quick_jit(jax.vmap(one))
    padded = np.concatenate([distinct, np.repeat(distinct[-1:], -len(distinct) % _BATCH, axis=0)])
    found = np.concatenate(
        [np.asarray(answer(part)) for part in padded.reshape(-1, _BATCH, values.shape[1])]
    )[: len(distinct)].astype(np.float64)
    if found.shape[1] == 1:
        found = np.concatenate([found, 1 - found], axis=1)
    totals = found.sum(1)
    worst = totals[np.abs(totals - 1).argmax()]
    if abs(worst - 1) > 1e-4:
        raise ValueError(
            "an example has one answer: a question is one atom, or atoms of which exactly one "
            f"holds, and here probabilities of answers sum to {worst:g}"
        )
    chance = np.random.default_rng(seed).random(len(values))
    steps = found.cumsum(1)[back.reshape(-1)]
    return np.minimum((chance[:, None] >= steps).sum(1), found.shape[1] - 1).astype(np.int32)


def read_arrays(path: Path, question: ProgramQuery) -> dict[str, dict[str, np.ndarray]]:
    """The splits of an .npz file of arrays ``SPLIT_NETWORK`` [n, N, ...] and ``SPLIT_answer`` [n].

    Answers are texts, such as ``addition(a, b, 3)``, or their numbers; of a question of one atom
    whether it holds.

    Raises:
      ValueError: an array is missing or does not fit the question.
    """
    try:
        arrays = dict(np.load(path, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise ValueError(f"config.data.dataset {str(path)!r} cannot be read: {error}") from error
    numbers = {text: n for n, text in enumerate(question.answers)}
    found = {}
    for split in ("train", "validation", "test"):
        own = {}
        wanted = [*question.networks, "answer"]
        for name in wanted:
            key = f"{split}_{name}"
            if key in arrays:
                own[name] = arrays[key]
        if not own and split == "validation":
            continue
        missing = [f"{split}_{name}" for name in wanted if name not in own]
        if missing:
            raise ValueError(f"{path} has no array {missing[0]!r}; it has {', '.join(arrays)}")
        answers = own["answer"]
        if answers.dtype.kind == "U":
            unknown = [text for text in answers.tolist() if text not in numbers]
            if unknown:
                raise ValueError(
                    f"{path}: {unknown[0]!r} is not an answer of the question; answers are "
                    f"{', '.join(question.answers[:5])}, ..."
                )
            answers = np.asarray([numbers[text] for text in answers.tolist()])
        elif answers.dtype.kind == "b":
            answers = np.where(answers, 0, 1)
        own["answer"] = answers.astype(np.int32)
        limit = max(len(question.answers), 2)
        if len(answers) and not (0 <= own["answer"].min() <= own["answer"].max() < limit):
            raise ValueError(f"{path}: {split}_answer has numbers outside 0 to {limit - 1}")
        for name in question.networks:
            rows = len(question.networks[name])
            if own[name].ndim < 3 or own[name].shape[:2] != (len(answers), rows):
                raise ValueError(
                    f"{path}: {split}_{name} is [{len(answers)}, {rows}, ...], an entry for each "
                    f"input, not {list(own[name].shape)}"
                )
        found[split] = own
    return found
