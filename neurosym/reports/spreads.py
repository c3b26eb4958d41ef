"""Mean and sample standard deviation over seeds, and how they are written."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

ABSENT = "–"


class Spread(NamedTuple):
    """One figure over several seeds.

    Attributes:
      mean: over the seeds; NaN where one of them is.
      deviation: the sample standard deviation (n − 1 in the denominator); None for one seed.
      size: how many seeds.
      least: the smallest value.
      most: the largest.
    """

    mean: float
    deviation: float | None
    size: int
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of some values.

    >>> spread([1.0, 2.0, 6.0]).mean, round(spread([1.0, 2.0, 6.0]).deviation, 4)
    (3.0, 2.6458)
    >>> spread([0.5]).deviation is None
    True

    Raises:
      ValueError: there are no values.
    """
    if not values:
        raise ValueError("there are no values to take the mean of")
    if not all(math.isfinite(value) for value in values):
        nan = math.nan
        return Spread(nan, nan if len(values) > 1 else None, len(values), nan, nan)
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), deviation, len(values), min(values), max(values))


def in_percent(metric: str) -> bool:
    """Whether figures of a metric are shares, which tables show in percent: accuracies are.

    >>> in_percent("board_accuracy_independent"), in_percent("loss")
    (True, False)
    """
    return "accuracy" in metric


def mean_text(spread: Spread | None, *, percent: bool = False, decimals: int | None = None) -> str:
    """`mean ±deviation`, or the one value there is.

    Args:
      spread: None writes a dash.
      percent: multiply by 100; the sign is for the heading of the column.
      decimals: None takes two for percent and four significant digits otherwise.

    >>> mean_text(spread([0.98, 0.99]), percent=True)
    '98.50 ±0.71'
    >>> mean_text(spread([0.12345678]))
    '0.1235'
    """
    if spread is None:
        return ABSENT
    if not math.isfinite(spread.mean):
        return "nan"
    factor = 100.0 if percent else 1.0
    if decimals is None:
        decimals = 2 if percent else _decimals(spread.mean)
    text = f"{factor * spread.mean:.{decimals}f}"
    if spread.deviation is not None:
        text += f" ±{factor * spread.deviation:.{decimals}f}"
    return text


def range_text(spread: Spread) -> str:
    """The least and the most, rounded: how long the seeds took.

    >>> range_text(spread([85.2, 126.4])), range_text(spread([11.1, 11.3]))
    ('85 to 126', '11')
    """
    least, most = (f"{value:.1f}" if value < 9.5 else f"{value:.0f}" for value in spread[3:])
    return least if least == most else f"{least} to {most}"


def _decimals(value: float) -> int:
    """Digits after the point so that four stay in sight."""
    if value == 0:
        return 4
    return min(max(3 - math.floor(math.log10(abs(value))), 0), 10)
