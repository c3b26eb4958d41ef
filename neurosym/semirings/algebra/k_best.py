"""K_BEST(k): the k best solutions, each with its assignment.

An element holds the k best weights, in order, and for each of them a key: the values of the
variables that its derivation has fixed so far, packed into bits. ⊗ adds the weights of every pair
and keeps the k best; ⊕ merges. Variables have bits of their own, so keys add without carrying, and
the key of a complete derivation is its assignment: it is the back-pointer, followed already.

Equal weights are ordered by their keys, the smaller assignment (compared variable by variable)
first. Adding a key to both sides keeps that order, since the bits do not overlap, so ⊗ distributes
over ⊕ with ties and all, and every order of computation keeps the same k. That is Huang and
Chiang's k-best parsing (2005, https://aclanthology.org/W05-1506/) as a semiring.
"""

import functools
import numbers
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra.pickling import family
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.transforms.conversion import as_floats

WORD_BITS = 32


class Candidates(NamedTuple):
    """Elements of K_BEST."""

    weights: Any  # float[..., k]: log-weights, the best first; -inf where there is none
    keys: Any  # uint32[..., k, words]: values, packed; 0 where there is none


@family
def K_BEST(k: int, words: int = 1) -> Semiring:
    """The semiring of the k best log-weights. Equal arguments give the same object.

    Args:
      k: how many are kept, at least 1.
      words: 32-bit words of a key; `key_words` says how many a problem needs.

    Raises:
      ValueError: for numbers below 1.
    """
    if not all(isinstance(n, numbers.Integral) and n >= 1 for n in (k, words)):
        raise ValueError(f"K_BEST keeps at least one solution in one word, not {k} in {words}")
    nothing = np.full(k, -np.inf, np.float32)
    keys = np.zeros((k, words), np.uint32)
    first = np.where(np.arange(k) == 0, 0, nothing).astype(np.float32)

    def lift(log_weights: jax.Array) -> Candidates:
        rest = jnp.full((*log_weights.shape, k - 1), -jnp.inf, log_weights.dtype)
        weights = jnp.concatenate([log_weights[..., None], rest], -1)
        return Candidates(weights, jnp.zeros((*weights.shape, words), jnp.uint32))

    return Semiring(
        name=f"k_best({k})",
        zero=Candidates(nothing, keys),
        one=Candidates(first, keys),
        add=lambda x, y: _best(
            Candidates(
                *(
                    jnp.concatenate(parts, axis)
                    for parts, axis in zip(zip(x, y, strict=True), (-1, -2), strict=True)
                )
            ),
            k,
        ),
        mul=lambda x, y: _best(_pairs(x, y), k),
        fold_sum=lambda x, axis: _best(_merged(x, axis), k),
        autodiff=True,
        from_log=lift,
        to_log=lambda x: x.weights[..., 0],
    )


def key_words(sizes: Sequence[int]) -> int:
    """32-bit words that the keys of variables with so many values each need."""
    return _layout(tuple(sizes))[-1]


def candidates(semiring: Semiring, log_weights: jax.Array, sizes: Sequence[int]) -> Candidates:
    """The weights of a problem as elements of K_BEST, which remember what they stand for.

    Args:
      semiring: `K_BEST` of enough words.
      log_weights: ``float[V, D]``.
      sizes: the number of values of each variable.

    Returns:
      Elements ``[V, D]``.

    Raises:
      ValueError: if the keys have too few words.
    """
    log_weights = as_floats(log_weights, what="an array of log-weights")
    word, shift, words = _layout(tuple(sizes))
    assert semiring.from_log is not None
    lifted = semiring.from_log(log_weights)
    available = lifted.keys.shape[-1]
    if words > available:
        raise ValueError(f"assignments need keys of {words} words, and {semiring} has {available}")
    values = np.minimum(np.arange(log_weights.shape[1]), np.asarray(sizes)[:, None] - 1)
    packed = np.zeros((*log_weights.shape, available), np.uint32)
    rows = np.arange(len(word))[:, None]
    columns = np.arange(log_weights.shape[1])[None, :]
    packed[rows, columns, word[:, None]] = values.astype(np.uint32) << shift[:, None]
    present = lifted.weights > -jnp.inf
    return Candidates(
        lifted.weights, jnp.where(present[..., None], jnp.asarray(packed)[:, :, None], 0)
    )


def assignments(keys: jax.Array, sizes: Sequence[int]) -> jax.Array:
    """The value indices ``int32[..., V]`` that keys ``uint32[..., words]`` stand for."""
    word, shift, _ = _layout(tuple(sizes))
    mask = np.asarray([(1 << _bits(size)) - 1 for size in sizes], np.uint32)
    return ((keys[..., word] >> jnp.asarray(shift)) & jnp.asarray(mask)).astype(jnp.int32)


class BestSolutions(NamedTuple):
    """The k best solutions, the best first; equal solutions in the order of their assignments."""

    assignments: jax.Array  # int32[k, V]: value indices; -1 where there are fewer solutions
    log_weights: jax.Array  # float32[k]: -inf where there are fewer solutions
    found: jax.Array  # int32[]: how many there are, at most k


def best_solutions(best: Candidates, sizes: Sequence[int]) -> BestSolutions:
    """The solutions that a total in K_BEST holds, for variables of so many values."""
    exists = best.weights > -jnp.inf
    return BestSolutions(
        assignments=jnp.where(exists[:, None], assignments(best.keys, sizes), -1),
        log_weights=best.weights,
        found=jnp.sum(exists, dtype=jnp.int32),
    )


def _bits(size: int) -> int:
    return max(0, size - 1).bit_length()


@functools.lru_cache(maxsize=64)
def _layout(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    """The word and the shift of each variable, and how many words; earlier ones weigh more."""
    word, shift, current, left = [], [], 0, WORD_BITS
    for size in sizes:
        if _bits(size) > left:
            current, left = current + 1, WORD_BITS
        left -= _bits(size)
        word.append(current)
        shift.append(min(left, WORD_BITS - 1))
    return np.asarray(word, np.int32), np.asarray(shift, np.uint32), current + 1


def _pairs(x: Candidates, y: Candidates) -> Candidates:
    """All k² products, along the last axis of candidates."""
    weights = x.weights[..., :, None] + y.weights[..., None, :]
    keys = x.keys[..., :, None, :] + y.keys[..., None, :, :]
    keys = jnp.where(weights[..., None] > -jnp.inf, keys, 0)
    return Candidates(
        weights.reshape(*weights.shape[:-2], -1),
        keys.reshape(*keys.shape[:-3], -1, keys.shape[-1]),
    )


def _merged(x: Candidates, axis: int) -> Candidates:
    """The candidates of all entries along a leading axis, as those of one entry."""
    weights = jnp.moveaxis(x.weights, axis, -2)
    keys = jnp.moveaxis(x.keys, axis, -3)
    return Candidates(
        weights.reshape(*weights.shape[:-2], -1),
        keys.reshape(*keys.shape[:-3], -1, keys.shape[-1]),
    )


def _best(x: Candidates, k: int) -> Candidates:
    """The k best of more, ordered by weight and then by key."""
    words = x.keys.shape[-1]
    columns = [x.keys[..., n] for n in range(words)]
    negated, *sorted_keys = jax.lax.sort((-x.weights, *columns), num_keys=1 + words)
    keys = jnp.stack([column[..., :k] for column in sorted_keys], -1)
    return Candidates(-negated[..., :k], keys)
