"""Random formulas over digits and operators, their exact values, and images to show them with.

A formula alternates digits and operators, and begins and ends with a digit. Its value is an exact
rational, by the usual precedence (× and ÷ before + and -, operators of equal precedence from the
left). The task of reading formulas is that of Li et al. 2020, "Closed loop neural-symbolic learning
via integrating neural perception, grammar parsing, and symbolic reasoning" (NGS,
https://arxiv.org/abs/2006.06649), whose data set HWF has 10,000 training and 2,000 test formulas of
up to seven symbols. The protocol differs from theirs: the images come from another collection
(`symbols`; the images of HWF come from CROHME), the formulas are drawn here, values are compared as
exact rationals, and images are drawn with replacement from the images of the split.
"""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from neurosym.datasets.permutations import bit_stream, permutations
from neurosym.datasets.symbols import DIGITS, SIGNS

LENGTH_SHARES = {1: 0.1, 3: 0.1, 5: 0.1, 7: 0.7}
"""The part of the formulas that has each number of symbols."""

LONGEST = max(LENGTH_SHARES)

NOTHING = -1
"""In place of a symbol after the end of a formula."""

SIZES = {"train": 10_000, "validation": 2_000, "test": 2_000}
_PURPOSES = {"train": 21, "validation": 22, "test": 23}
_IMAGE_PURPOSE = 10  # added to that of the formulas


@dataclasses.dataclass(frozen=True)
class Formulas:
    """Formulas and their values.

    Attributes:
      symbols: int32[n, 7], labels as in `symbols.SIGNS`; `NOTHING` after the end.
      lengths: int32[n], how many symbols each has.
      values: n exact values.
    """

    symbols: np.ndarray
    lengths: np.ndarray
    values: tuple[Fraction, ...]


def formulas(split: str, *, count: int | None = None, seed: int = 0) -> Formulas:
    """Draws the formulas of a split; the same ones on every machine.

    Every length has its share exactly, and its formulas are evenly distributed over those that do
    not divide by zero. Splits are drawn independently, so short formulas occur in several splits.

    >>> drawn = formulas("test", count=10)
    >>> drawn.lengths.tolist().count(7)
    7

    Args:
      split: "train", "validation" or "test".
      count: How many; None: 10,000, 2,000 and 2,000.
      seed: Decides the formulas. It is not the seed of a training run.

    Raises:
      ValueError: There is no such split, or a negative count or seed.
    """
    count, purpose = _checked(split, count)
    stream = bit_stream(seed, purpose=purpose)
    lengths = _lengths(count)[permutations(stream, 1, count)[0]]
    drawn = np.full((count, LONGEST), NOTHING, np.int32)
    values: list[Fraction] = []
    for formula, length in zip(drawn, lengths.tolist(), strict=True):
        value = None
        while value is None:
            raw = np.asarray(stream.random_raw(length), np.uint64)
            raw[::2] %= np.uint64(DIGITS)
            raw[1::2] = DIGITS + raw[1::2] % np.uint64(len(SIGNS) - DIGITS)
            formula[:length] = raw
            value = formula_value(formula[:length].tolist())
        values.append(value)
    return Formulas(drawn, lengths, tuple(values))


def formula_images(drawn: Formulas, labels: np.ndarray, split: str, *, seed: int = 0) -> np.ndarray:
    """Draws an image for every symbol, with replacement.

    Args:
      drawn: The formulas of the split.
      labels: int[m], the labels of the split's images.
      split: As in `formulas`; another split makes other draws.
      seed: As in `formulas`.

    Returns:
      int32[n, 7]: the number of an image; 0 after the end of a formula.

    Raises:
      ValueError: A symbol has no image.
    """
    _, purpose = _checked(split, None)
    stream = bit_stream(seed, purpose=purpose + _IMAGE_PURPOSE)
    raw = np.asarray(stream.random_raw(drawn.symbols.size), np.uint64).reshape(drawn.symbols.shape)
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=len(SIGNS))
    shown = drawn.symbols != NOTHING
    missing = sorted({SIGNS[s] for s in drawn.symbols[shown] if not counts[s]})
    if missing:
        raise ValueError(f"there is no image of {', '.join(missing)}")
    symbol = np.where(shown, drawn.symbols, 0)
    size = np.maximum(counts[symbol], 1).astype(np.uint64)
    start = (np.cumsum(counts) - counts)[symbol]
    place = np.where(shown, start + (raw % size).astype(np.int64), 0)
    return np.where(shown, order[place], 0).astype(np.int32)


def formula_value(symbols: Sequence[int]) -> Fraction | None:
    """The value of a formula, with the usual precedence; None where it divides by zero.

    >>> formula_value([2, 10, 3, 12, 4])  # 2 + 3 × 4
    Fraction(14, 1)

    Args:
      symbols: Labels as in `symbols.SIGNS`: a digit, then operators and digits in turn.

    Raises:
      ValueError: The symbols are not a formula.
    """
    digits, operators = symbols[::2], symbols[1::2]
    if len(digits) != len(operators) + 1 or not (
        all(0 <= d < DIGITS for d in digits) and all(DIGITS <= o < len(SIGNS) for o in operators)
    ):
        raise ValueError(f"{list(symbols)} is not a formula: digits and operators must alternate")
    terms = [Fraction(digits[0])]
    for operator, digit in zip(operators, digits[1:], strict=True):
        sign = SIGNS[operator]
        if sign in "+-":
            terms.append(Fraction(digit if sign == "+" else -digit))
        elif sign == "×":
            terms[-1] *= digit
        elif digit == 0:
            return None
        else:
            terms[-1] /= digit
    return sum(terms, Fraction(0))


def formula_text(symbols: Sequence[int]) -> str:
    """How a formula is written: "2 + 3 × 4"; entries that are `NOTHING` are left out."""
    return " ".join(SIGNS[symbol] for symbol in symbols if symbol != NOTHING)


def _checked(split: str, count: int | None) -> tuple[int, int]:
    if split not in SIZES:
        raise ValueError(f"there is no split {split!r}; there are {', '.join(SIZES)}")
    count = SIZES[split] if count is None else count
    if count < 0:
        raise ValueError(f"cannot draw {count} formulas")
    return count, _PURPOSES[split]


def _lengths(count: int) -> np.ndarray:
    """int32[count]: each length as often as its share says, what is left over the longest."""
    parts = [
        np.full(int(round(share * count, 6)), length, np.int32)
        for length, share in LENGTH_SHARES.items()
        if length != LONGEST
    ]
    rest = count - sum(map(len, parts))
    return np.concatenate([*parts, np.full(rest, LONGEST, np.int32)])
