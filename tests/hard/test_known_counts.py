"""Problems whose numbers of solutions are known."""

import itertools
import math

import jax
import numpy as np
import pytest

import neurosym as ns
from neurosym.puzzles import PUZZLES


@pytest.mark.parametrize(
    ("size", "count"),
    [(4, 2), (5, 10), (6, 4), (7, 40), (8, 92), (9, 352), (10, 724), (11, 2680), (12, 14200)],
)
def test_queens(size, count):
    """https://oeis.org/A000170"""
    tally = ns.count(PUZZLES["queens"].build(size).compile())
    assert (int(tally.count), int(tally.status)) == (count, ns.SearchStatus.SOLVED)


@pytest.mark.parametrize(
    ("order", "count"), [(4, 576), pytest.param(5, 161280, marks=pytest.mark.slow)]
)
def test_latin_squares(order, count):
    """https://oeis.org/A002860"""
    network = PUZZLES["latin"].build(order).compile()
    assert int(ns.count(network).count) == count


def test_latin_squares_in_the_reduced_form():
    """First row and column in order; https://oeis.org/A000315"""
    for order, count in ((4, 4), (5, 56), (6, 9408)):
        network = PUZZLES["latin"].build(order).compile()
        mask = np.array(network.mask).reshape(order, order, order)
        mask[0] = mask[:, 0] = np.eye(order, dtype=bool)
        tally = ns.count(network, mask.reshape(order**2, order))
        assert int(tally.count) == count
        assert (
            count * math.factorial(order) * math.factorial(order - 1)
            == {
                4: 576,
                5: 161280,
                6: 812851200,
            }[order]
        )


def test_magic_squares_of_order_3():
    network = PUZZLES["magic"].build(3).compile()
    result = ns.solve(network, solutions=9)
    assert int(result.count) == 8
    squares = np.asarray(result.assignment)[:8].reshape(8, 3, 3) + 1
    lo_shu = np.asarray([[2, 7, 6], [9, 5, 1], [4, 3, 8]])
    turned = [np.rot90(square, n) for square in (lo_shu, lo_shu.T) for n in range(4)]
    assert {x.tobytes() for x in squares} == {x.astype(squares.dtype).tobytes() for x in turned}


def chromatic_polynomial_of_the_petersen_graph(k: int) -> int:
    """https://mathworld.wolfram.com/PetersenGraph.html"""
    coefficients = (1, -12, 67, -230, 529, -814, 775, -352)
    rest = sum(c * k**power for c, power in zip(coefficients, range(7, -1, -1), strict=True))
    return k * (k - 1) * (k - 2) * rest


def test_colourings_of_the_petersen_graph():
    problem = ns.Problem()
    outer = problem.variables("outer", shape=5, domain=range(5))
    inner = problem.variables("inner", shape=5, domain=range(5))
    for n in range(5):
        problem.add(outer[n] != outer[n - 1], outer[n] != inner[n], inner[n] != inner[n - 2])
    network = problem.compile()
    colours = np.arange(6)
    masks = np.broadcast_to(np.arange(5) < colours[:, None, None], (6, 10, 5))
    wanted = [chromatic_polynomial_of_the_petersen_graph(int(k)) for k in colours]
    assert wanted[:5] == [0, 0, 0, 120, 12960]
    tally = jax.jit(lambda masks: ns.count(network, masks))(masks)
    assert tally.count.tolist() == wanted
    assert tally.status.tolist() == [int(n == 0) for n in wanted]


def test_the_zebra_puzzle():
    """Five houses in a row; who drinks water, and who owns the zebra? (Life International, 1962)"""
    problem = ns.Problem()
    kinds = {
        "nation": ["englishman", "spaniard", "ukrainian", "norwegian", "japanese"],
        "colour": ["red", "green", "ivory", "yellow", "blue"],
        "pet": ["dog", "snails", "fox", "horse", "zebra"],
        "drink": ["coffee", "tea", "milk", "juice", "water"],
        "smoke": ["old gold", "kools", "chesterfield", "lucky strike", "parliament"],
    }
    house = {
        name: problem.variable(name, domain=range(1, 6))
        for name in itertools.chain.from_iterable(kinds.values())
    }
    for names in kinds.values():
        problem.add(ns.AllDifferent([house[name] for name in names]))
    same = [
        ("englishman", "red"),
        ("spaniard", "dog"),
        ("coffee", "green"),
        ("ukrainian", "tea"),
        ("old gold", "snails"),
        ("kools", "yellow"),
        ("lucky strike", "juice"),
        ("japanese", "parliament"),
    ]
    problem.add(*(house[a] == house[b] for a, b in same))
    problem.add(house["green"] == house["ivory"] + 1, house["milk"] == 3, house["norwegian"] == 1)
    beside = [("chesterfield", "fox"), ("kools", "horse"), ("norwegian", "blue")]
    problem.add(*(abs(house[a] - house[b]) == 1 for a, b in beside))
    network = problem.compile()
    result = ns.solve(network, solutions=2)
    assert (int(result.count), int(result.status)) == (1, ns.SearchStatus.SOLVED)
    found = network.decode(result.assignment[0])
    owner = {found[nation]: nation for nation in kinds["nation"]}
    assert owner[found["zebra"]] == "japanese"
    assert owner[found["water"]] == "norwegian"
