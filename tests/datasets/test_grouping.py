"""Grouping: each image once, the most significant digit first, sums that are right."""

import numpy as np
import pytest

from neurosym.datasets import group_images, regroupings

LABELS = np.random.default_rng(0).integers(0, 10, 1001)


def numbers_in_words(index):
    """The totals by way of decimal strings."""
    return [
        sum(int("".join(str(LABELS[i]) for i in number)) for number in numbers)
        for numbers in index.tolist()
    ]


SIZES = [(digits, numbers) for digits in (1, 2, 4, 8) for numbers in (1, 2, 3)]


@pytest.mark.parametrize(("digits", "numbers"), [*SIZES, (9, 2)])
def test_each_image_once_and_sums_right(digits, numbers):
    groups = group_images(LABELS, digits=digits, numbers=numbers, seed=3)
    count = 1001 // (digits * numbers)
    assert groups.index.shape == (count, numbers, digits)
    assert groups.total.shape == (count,)
    assert groups.index.dtype == groups.total.dtype == np.int32
    assert len(np.unique(groups.index)) == groups.index.size
    assert groups.total.tolist() == numbers_in_words(groups.index)


def test_by_seed():
    groups = [group_images(LABELS, digits=1, seed=seed).index for seed in (0, 0, 1)]
    np.testing.assert_array_equal(groups[0], groups[1])
    assert (groups[0] != groups[2]).mean() > 0.9


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_regroupings_do_not_depend_on_the_batch(batch):
    pieces = list(regroupings(LABELS, digits=2, count=7, seed=5, batch=batch))
    assert [len(piece.index) for piece in pieces] == [
        min(batch, 7 - start) for start in range(0, 7, batch)
    ]
    index = np.concatenate([piece.index for piece in pieces])
    total = np.concatenate([piece.total for piece in pieces])
    (whole,) = regroupings(LABELS, digits=2, count=7, seed=5)
    np.testing.assert_array_equal(index, whole.index)
    np.testing.assert_array_equal(total, whole.total)
    assert index.shape == (7, 250, 2, 2)
    for row in range(7):
        assert len(np.unique(index[row])) == 1000
        assert total[row].tolist() == numbers_in_words(index[row])
    assert len(np.unique(index.reshape(7, -1), axis=0)) == 7


def test_regroupings_are_others_than_the_protocols_grouping():
    (piece,) = regroupings(LABELS, digits=1, count=1, seed=0)
    assert (piece.index[0] != group_images(LABELS, digits=1, seed=0).index).mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"digits": 10}, "does not fit int32"),
        ({"digits": 9, "numbers": 3}, "does not fit int32"),
        ({"digits": 0}, "at least 1 number of 1 digit"),
        ({"digits": 1, "numbers": 0}, "at least 1 number of 1 digit"),
        ({"digits": 1, "seed": -1}, "must not be negative"),
        ({"digits": 1, "labels": np.array([3])}, "takes 2 images, but there are only 1"),
        ({"digits": 1, "labels": np.array([3, 10])}, "0 to 9, got 3 to 10"),
        ({"digits": 1, "labels": np.zeros((4, 4), int)}, r"integers \[m\], got int64\[4, 4\]"),
        ({"digits": 1, "labels": np.zeros(4)}, r"got float64\[4\]"),
    ],
)
def test_bad_arguments(arguments, message):
    arguments = {"labels": LABELS, "seed": 0} | arguments
    labels = arguments.pop("labels")
    with pytest.raises(ValueError, match=message):
        group_images(labels, **arguments)
    with pytest.raises(ValueError, match=message):
        regroupings(labels, count=1, **arguments)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 1, "batch": 0}])
def test_bad_counts(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        regroupings(LABELS, digits=1, seed=0, **wrong)
