"""All messages of an `AllDifferent` at once, against permanents by brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.problems.constraints.all_different import subsets_messages
from neurosym.problems.constraints.all_different.all_different import AllDifferentRelation
from neurosym.semirings import LOG, MAX_TIMES

SQUARE = (tuple(range(4)),) * 4
CASES = {
    "square": SQUARE,
    "more values than variables": (tuple(range(4)),) * 3,
    "of several lengths": ((0, 1, 2, 3), (1, 2, 3), (2, 3), (0,)),
}


def brute(maps, weights, add=np.logaddexp.reduce):
    """Supports by all assignments, in double precision."""
    found = [np.full(len(row), -np.inf) for row in maps]
    for chosen in itertools.product(*(range(len(row)) for row in maps)):
        if len({row[v] for row, v in zip(maps, chosen, strict=True)}) < len(maps):
            continue
        for k, v in enumerate(chosen):
            others = sum(float(weights[j][u]) for j, u in enumerate(chosen) if j != k)
            found[k][v] = add([found[k][v], others])
    return found


def relation(maps):
    return AllDifferentRelation(maps=maps)


def random_weights(maps, seed, spread, forbidden):
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(size=len(row)) * spread for row in maps]
    return [np.where(rng.random(len(x)) < forbidden, -np.inf, x).astype(np.float32) for x in drawn]


def messages_of(maps, weights, semiring=LOG):
    made = relation(maps)
    return jax.jit(lambda weights: made.messages(semiring, weights))(
        list(map(jnp.asarray, weights))
    )


@pytest.mark.parametrize("case", CASES)
def test_messages_are_supports(case):
    maps = CASES[case]
    made = relation(maps)
    batch = [random_weights(maps, seed, 1.0 + 12 * (seed % 2), 0.2) for seed in range(40)]
    stacked = [jnp.stack(column) for column in zip(*batch, strict=True)]
    messages = jax.jit(jax.vmap(lambda *weights: made.messages(LOG, weights)))(*stacked)
    some = 0
    for n, weights in enumerate(batch):
        for got, expected in zip(messages, brute(maps, weights), strict=True):
            np.testing.assert_array_equal(np.asarray(got[n]) == -np.inf, expected == -np.inf)
            np.testing.assert_allclose(got[n], expected, rtol=1e-5, atol=1e-4)
            some += (expected == -np.inf).sum()
    assert some


def test_values_far_apart_keep_their_total_and_what_is_possible():
    """Two variables want one value, by 300 nats: the best assignment gives up one of them."""
    weights = [np.full(4, -400.0, np.float32) for _ in range(4)]
    for k, wanted in enumerate([0, 0, 2, 3]):
        weights[k][wanted] = 0
    weights[1][1] = -300
    expected = brute(SQUARE, weights)
    got = messages_of(SQUARE, weights)
    for found, truth, own in zip(got, expected, weights, strict=True):
        through, wanted = np.asarray(found) + own, truth + own
        assert np.isfinite(found).all()
        best = wanted.max()
        near = wanted > best - 60
        np.testing.assert_allclose(through[near], wanted[near], atol=1e-3)
        assert (through[~near] < best - 60).all()


def test_where_scaling_does_not_help_the_semiring_itself_is_read():
    """Without columns to scale, a total that underflows is still exact."""
    maps = (tuple(range(4)),) * 3
    weights = [np.asarray([0, -150, -150, -150], np.float32) for _ in maps]
    got = messages_of(maps, weights)
    for found, truth in zip(got, brute(maps, weights), strict=True):
        np.testing.assert_allclose(found, truth, rtol=1e-5)


def test_derivatives_are_those_of_finite_differences():
    maps = (tuple(range(3)),) * 3
    made = relation(maps)
    weights = np.stack(random_weights(maps, 3, 1.0, 0.0))
    weights[0, 1] = -np.inf
    outer = np.random.default_rng(0).normal(size=(3, 3))

    @jax.jit
    @jax.grad
    def gradient(weights):
        return jnp.sum(jnp.stack(made.messages(LOG, list(weights))) * outer)

    expected = np.zeros((3, 3))
    for place in zip(*np.nonzero(weights > -np.inf), strict=True):
        step = np.zeros((3, 3))
        step[place] = 1e-5
        ahead, behind = (np.stack(brute(maps, weights + sign * step)) for sign in (1.0, -1.0))
        expected[place] = ((ahead - behind) * outer).sum() / 2e-5
    np.testing.assert_allclose(gradient(jnp.asarray(weights)), expected, atol=1e-4)


def test_many_instances_are_read_by_blocks_with_the_derivatives_of_each():
    """Derivatives of derivatives, too: along a direction, against differences of the gradient."""
    maps = (tuple(range(3)),) * 3
    made = relation(maps)
    many = subsets_messages.BLOCK + 44
    rng = np.random.default_rng(5)
    batch = rng.normal(size=(many, 3, 3)).astype(np.float32)
    outer, along = rng.normal(size=(2, 3, 3)).astype(np.float32)

    def gradient(weights):
        return jax.grad(lambda w: jnp.sum(jnp.stack(made.messages(LOG, list(w))) * outer))(weights)

    first, second = jax.jit(jax.vmap(lambda w: jax.jvp(gradient, (w,), (jnp.asarray(along),))))(
        batch
    )
    one = jax.jit(gradient)
    step = np.float32(1e-2)
    for n in (0, 255, 256, many - 1):
        np.testing.assert_allclose(first[n], one(batch[n]), atol=1e-5)
        change = (one(batch[n] + step * along) - one(batch[n] - step * along)) / (2 * step)
        np.testing.assert_allclose(second[n], change, atol=3e-3)


def test_selective_semirings_have_their_own_support():
    weights = random_weights(SQUARE, 1, 1.0, 0.1)
    got = messages_of(SQUARE, weights, MAX_TIMES)
    for found, truth in zip(got, brute(SQUARE, weights, add=np.max), strict=True):
        np.testing.assert_allclose(found, truth, atol=1e-5)


def test_too_many_sets_are_left_to_the_support(monkeypatch):
    monkeypatch.setattr(subsets_messages, "MAX_TERMS", 3)
    maps = ((0, 1, 2), (0, 2))
    weights = [np.zeros(len(row), np.float32) for row in maps]
    got = messages_of(maps, weights)
    for found, truth in zip(got, brute(maps, weights), strict=True):
        np.testing.assert_allclose(found, truth, atol=1e-6)
