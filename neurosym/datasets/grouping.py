"""Images into numbers: the protocol of the digit addition tasks.

The protocol permutes the indices of the images with a seed and groups them by `numbers * digits`;
each image is used once. The results are indices and the sums that the labels make; the images stay
where they are.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from neurosym.datasets.permutations import bit_stream, permutations

_GROUPING, _REGROUPING = 0, 1


@dataclasses.dataclass(frozen=True)
class Groups:
    """Images grouped into numbers.

    Attributes:
      index: int32[n, numbers, digits], which image stands where; the most significant digit first.
      total: int32[n], the sum of the numbers.

    From `regroupings` both have one more axis in front.
    """

    index: np.ndarray
    total: np.ndarray


def group_images(labels: np.ndarray, *, digits: int, numbers: int = 2, seed: int) -> Groups:
    """Groups every image once: the protocol of the published figures on MNIST addition.

    Args:
      labels: int[m], the digit on each image, 0 to 9.
      digits: Digits of a number.
      numbers: Numbers in a sum.
      seed: Decides the permutation.

    Returns:
      n = m // (numbers * digits) groups; the images that are left over are dropped.

    Raises:
      ValueError: A label is not a digit, there are too few images for one group, or the sums do not
        fit int32.

    References:
      Manhaeve et al. DeepProbLog: Neural Probabilistic Logic Programming. NeurIPS 2018.
      https://arxiv.org/abs/1805.10872

    >>> groups = group_images(np.array([1, 2, 3, 4, 5]), digits=1, seed=0)
    >>> groups.index.shape, groups.total.shape
    ((2, 2, 1), (2,))
    """
    labels = _checked(labels, digits, numbers)
    order = permutations(bit_stream(seed, purpose=_GROUPING), 1, len(labels))
    groups = _group(order, labels, digits, numbers)
    return Groups(groups.index[0], groups.total[0])


def regroupings(
    labels: np.ndarray, *, digits: int, numbers: int = 2, count: int, seed: int, batch: int = 100
) -> Iterator[Groups]:
    """Groups the same images again and again, each time by another permutation.

    One grouping of 10,000 images holds few sums when the numbers are long; only the mean over
    several thousand groupings says how good the encoder is.

    Args:
      labels: int[m], the digit on each image, 0 to 9.
      digits: Digits of a number.
      numbers: Numbers in a sum.
      count: How many groupings in all.
      seed: Decides them; they have nothing in common with `group_images` of the same seed.
      batch: How many groupings come in one piece. It decides the memory, not the groupings.

    Returns:
      An iterator over pieces of `batch` groupings, of which the last piece may be smaller: index
      int32[batch, n, numbers, digits] and total int32[batch, n].

    Raises:
      ValueError: As `group_images`, before the first piece; or count or batch below 1.
    """
    labels = _checked(labels, digits, numbers)
    if count < 1 or batch < 1:
        raise ValueError(f"count and batch must be at least 1, got {count} and {batch}")
    stream = bit_stream(seed, purpose=_REGROUPING)
    return (
        _group(
            permutations(stream, min(batch, count - start), len(labels)), labels, digits, numbers
        )
        for start in range(0, count, batch)
    )


def _group(order: np.ndarray, labels: np.ndarray, digits: int, numbers: int) -> Groups:
    """Cuts permutations int32[R, m] into groups."""
    size = numbers * digits
    groups = order.shape[1] // size
    index = order[:, : groups * size].reshape(len(order), groups, numbers, digits)
    total = np.zeros(index.shape[:2], np.int32)
    for position in range(digits):
        total = total * 10 + labels[index[..., position]].sum(axis=-1, dtype=np.int32)
    return Groups(index, total)


def _checked(labels: np.ndarray, digits: int, numbers: int) -> np.ndarray:
    if digits < 1 or numbers < 1:
        raise ValueError(
            f"a sum needs at least 1 number of 1 digit, got {numbers} numbers of {digits} digits"
        )
    if numbers * (10**digits - 1) > np.iinfo(np.int32).max:
        raise ValueError(
            f"the sum of {numbers} numbers of {digits} digits does not fit int32; "
            "use fewer digits, or add up digit by digit"
        )
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers [m], got {labels.dtype}{list(labels.shape)}")
    if len(labels) < numbers * digits:
        raise ValueError(
            f"one sum takes {numbers * digits} images, but there are only {len(labels)}"
        )
    if labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"labels must be 0 to 9, got {labels.min()} to {labels.max()}")
    return labels.astype(np.int32)
