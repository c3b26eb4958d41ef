"""Sums of two numbers of N digits: as problems, as arithmetic, and from a sum to its digits."""

import functools
from typing import Any

import numpy as np

import neurosym as ns
from experiments._answering import likeliest_readings

BASE = 10


def addition_problem(digits: int) -> tuple[ns.Network, np.ndarray, ns.Variable]:
    """Two numbers of some digits each, most significant first, and their sum.

    Returns:
      The network, the digits as variables ``[2, digits]``, and the variable of the sum.
    """
    problem = ns.Problem()
    number = problem.variables("number", shape=(2, digits), domain=range(BASE))
    total = problem.variable("total", domain=range(2 * BASE**digits - 1))
    place_values = BASE ** np.arange(digits)[::-1]
    problem.add((number * place_values).sum() == total)
    return problem.compile(), number, total


def column_problem(digits: int) -> tuple[ns.Network, np.ndarray, np.ndarray]:
    """The same sum as it is done by hand: a digit and a carry for each column.

    If the sum is observed, its digits are observed too, and only a chain of carries is left to sum
    over: the likelihood of a sum costs a multiple of N here, and a multiple of 10^N as a
    distribution.

    Returns:
      The network, the digits of the numbers ``[2, digits]``, and the digits of the sum
      ``[digits + 1]``, with the last carry first.
    """
    problem = ns.Problem()
    number = problem.variables("number", shape=(2, digits), domain=range(BASE))
    carry = problem.variables("carry", shape=digits, domain=range(2))
    total = problem.variables("total", shape=digits, domain=range(BASE))
    for column in range(digits):
        brought = carry[column + 1] if column + 1 < digits else 0
        problem.add(number[:, column].sum() + brought == total[column] + BASE * carry[column])
    return problem.compile(), number, np.concatenate([carry[:1], total])


def sum_of(digits: Any) -> Any:
    """The sums int[...] of the numbers with digits int[..., 2, N]."""
    place_values = BASE ** np.arange(digits.shape[-1])[::-1]
    return (digits * place_values).sum((-1, -2))


def digits_of(total: Any, count: int) -> Any:
    """The digits of totals int32[B], most significant first, as bool[B, count, 10]."""
    place_values = BASE ** np.arange(count, dtype=np.int32)[::-1]
    digit = total[:, None] // place_values % BASE
    return digit[..., None] == np.arange(BASE)


def likeliest_digits(logits: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The likeliest digits that make a sum.

    Args:
      logits: float32[n, 2N, 10], of the digits of both numbers.
      total: int[n], the sums.

    Returns:
      int32[n, 2N].
    """
    read = logits.argmax(-1).astype(np.int32)
    # What is likeliest digit by digit and makes the sum is the likeliest that makes it.
    count = read.shape[1] // 2
    (other,) = np.nonzero(sum_of(read.reshape(-1, 2, count)) != total)
    if other.size:
        reasoner, rows, observed = _columns(count)
        network = reasoner.network
        weights = np.zeros((len(other), network.variables, network.size), np.float32)
        weights[:, rows] = logits[other]
        allowed = np.ones(weights.shape, bool)
        allowed[:, observed] = digits_of(total[other], count + 1)
        read[other] = likeliest_readings(reasoner, weights, allowed)[:, rows]
    return read


@functools.lru_cache(maxsize=8)
def _columns(digits: int) -> tuple[ns.reasoning.NetworkReasoner, list[int], list[int]]:
    """A reasoner over columns; the places of the numbers' digits, and of those of the sum."""
    network, number, result = column_problem(digits)
    rows, observed = ([network.index(v) for v in x.ravel()] for x in (number, result))
    return ns.reasoning.NetworkReasoner(network), rows, observed
