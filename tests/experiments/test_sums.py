"""Sums of two numbers: both problems, the arithmetic, and the digits that go with a sum."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from experiments._sums import (
    addition_problem,
    column_problem,
    digits_of,
    likeliest_digits,
    sum_of,
)


@pytest.mark.parametrize("digits", [1, 2])
def test_the_distribution_of_the_sum(digits):
    network, number, total = addition_problem(digits)
    reasoning = ns.nn.Reasoning(network, total, inputs=number)
    beliefs = jax.nn.log_softmax(jax.random.normal(jax.random.key(0), (3, 2 * digits, 10)))
    found = np.exp(reasoning(beliefs))
    p = np.exp(np.asarray(beliefs, np.float64))
    for n in range(3):
        np.testing.assert_allclose(found[n], sum_distribution(p[n]), rtol=1e-4, atol=1e-7)


def sum_distribution(p):
    """The probabilities of the sums of two numbers, from those of their digits [2N, 10]."""
    values = []
    for number in np.split(p, 2):
        joint = np.ones(1)
        for digit in number:
            joint = (joint[:, None] * digit).ravel()
        values.append(joint)
    return np.convolve(*values)


@pytest.mark.parametrize("digits", [1, 3])
def test_columns_with_carries_give_the_likelihood_of_the_sum(digits):
    network, number, total = column_problem(digits)
    reasoning = jax.jit(ns.nn.Reasoning(network, inputs=[number, total]))
    sums = [0, 7, 10**digits // 2, 10**digits - 1, 10**digits, 2 * 10**digits - 2]
    logits = jax.random.normal(jax.random.key(0), (len(sums), 2 * digits, 10))
    beliefs = jax.nn.log_softmax(logits)
    evidence = np.full((len(sums), digits + 1, 10), -np.inf, np.float32)
    for row, value in enumerate(sums):
        for column, digit in enumerate(f"{value:0{digits + 1}d}"):
            evidence[row, column, int(digit)] = 0
    found = np.exp(reasoning(jnp.concatenate([beliefs, evidence], axis=1)))
    expected = [
        sum_distribution(p)[value]
        for p, value in zip(np.exp(np.asarray(beliefs, np.float64)), sums, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_digits_and_sums(count):
    digits = np.random.default_rng(0).integers(0, 10, (20, 2, count))
    expected = [sum(int("".join(map(str, number))) for number in own) for own in digits.tolist()]
    for module in (np, jnp):
        np.testing.assert_array_equal(sum_of(module.asarray(digits)), expected)
        found = np.asarray(digits_of(module.asarray(expected), count + 1))
        assert (found.sum(-1) == 1).all()
        texts = ["".join(map(str, own)) for own in found.argmax(-1)]
        assert texts == [f"{total:0{count + 1}d}" for total in expected]


def test_the_digits_are_those_that_go_with_the_sum():
    """7 is the likeliest digit of both, 7 + 4 the likeliest sum."""
    p = np.full(10, 1e-6)
    p[[7, 4, 5]] = 0.40, 0.35, 0.25
    logits = np.log(np.stack([p, p]))[None].astype(np.float32)
    (found,) = likeliest_digits(logits, np.array([11]))
    assert sorted(found.tolist()) == [4, 7]
    (found,) = likeliest_digits(logits, np.array([14]))
    assert found.tolist() == [7, 7]
    # Nothing that is likely makes 3, but some digits do.
    (found,) = likeliest_digits(logits, np.array([3]))
    assert found.sum() == 3


@pytest.mark.parametrize("count", [1, 2])
def test_they_are_the_likeliest_of_all_that_make_the_sum(count):
    rng = np.random.default_rng(count)
    logits = rng.normal(size=(40, 2 * count, 10)).astype(np.float32)
    total = rng.integers(0, 2 * 10**count - 1, 40)
    found = likeliest_digits(logits, total)
    every = np.array(list(itertools.product(range(10), repeat=2 * count)))
    sums = sum_of(every.reshape(-1, 2, count))
    scores = logits[:, np.arange(2 * count), every].sum(-1)
    agreed = 0
    for n in range(40):
        makes = np.flatnonzero(sums == total[n])
        np.testing.assert_array_equal(found[n], every[makes[scores[n, makes].argmax()]])
        agreed += (found[n] == logits[n].argmax(-1)).all()
    assert agreed < 10, "the likeliest digits by themselves make the sums: nothing was tested"
