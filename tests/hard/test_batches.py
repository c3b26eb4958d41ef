"""Batches of instances: each instance's solutions by enumeration, whatever the sizes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns
from neurosym.hard import batches
from neurosym.reasoning import solve_batches

SIZES = (3, 4, 3)


@pytest.fixture(scope="module")
def network():
    problem = ns.Problem()
    x = [problem.variable(f"x{n}", domain=range(size)) for n, size in enumerate(SIZES)]
    problem.add(x[0] != x[1], x[1] != x[2], x[0] + x[1] + x[2] <= 5)
    return problem.compile()


@pytest.fixture(scope="module")
def domains():
    exists = np.arange(4) < np.asarray(SIZES)[:, None]
    chosen = np.random.default_rng(0).uniform(size=(11, 3, 4)) < 0.7
    chosen[3] = False
    return exists & chosen


def solutions_of(mask):
    every = itertools.product(*map(range, SIZES))
    return {
        x
        for x in every
        if x[0] != x[1] != x[2] and sum(x) <= 5 and all(mask[i, v] for i, v in enumerate(x))
    }


def gathered(found):
    """Start, solutions, count and status of every instance."""
    for part in found:
        assert isinstance(part.assignment, np.ndarray)
        for n in range(len(part.count)):
            rows = [tuple(row) for row in part.assignment[n].tolist() if row[0] >= 0]
            assert len(set(rows)) == len(rows)
            yield part.start + n, rows, int(part.count[n]), ns.SearchStatus(int(part.status[n]))


@pytest.mark.parametrize("batch", [None, 4, 20])
@pytest.mark.parametrize(
    ("at_most", "solutions"), [(1, None), (None, None), (None, 2), (3, 2), (None, 0), (100, 5)]
)
def test_every_instance_is_solved_in_order(network, domains, batch, at_most, solutions):
    found = solve_batches(network, domains, batch=batch, at_most=at_most, solutions=solutions)
    numbers = []
    for n, rows, number, status in gathered(found):
        numbers.append(n)
        wanted = solutions_of(domains[n])
        most = len(wanted) if at_most is None else min(at_most, len(wanted))
        assert number == most
        assert set(rows) <= wanted
        assert len(rows) == (most if solutions is None else min(most, solutions))
        assert status.name == ("SOLVED" if wanted else "UNSATISFIABLE")
    assert numbers == list(range(11))


def test_domains_may_be_made_when_they_are_needed(network, domains):
    asked = []

    def make(start, end):
        asked.append((start, end))
        return domains[start:end]

    found = solve_batches(network, make, instances=11, batch=4)
    assert not asked
    first = next(found)
    assert asked == [(0, 4)]
    assert first.start == 0
    assert first.compiling > 0
    rest = list(found)
    assert asked == [(0, 4), (4, 8), (8, 11)]
    assert [len(part.count) for part in rest] == [4, 3]
    assert all(part.compiling == 0 and part.solving > 0 for part in rest)


def test_memory_bounds_the_batch_and_what_is_enumerated_at_once(network, domains, monkeypatch):
    sizes = []

    def solve(network, masks, **options):
        sizes.append((len(masks), options["solutions"]))
        return ns.solve(network, masks, **options)

    monkeypatch.setattr(batches, "solve", solve)
    bytes_each = 3 * (4 + 4)
    found = list(solve_batches(network, domains, memory_limit=3 * bytes_each))
    assert [len(part.count) for part in found] == [3, 3, 3, 2]
    assert {size for size, _ in sizes} == {3}
    sizes.clear()
    limit = 4 * 32 * 3 * 2  # two instances of at most 32 solutions
    found = list(solve_batches(network, domains, at_most=None, batch=11, memory_limit=limit))
    most = max(len(solutions_of(mask)) for mask in domains)
    assert 8 < most <= 32
    slots = 1 << (most - 1).bit_length()
    several = limit // (4 * slots * 3)
    assert set(sizes) == {(several, slots)}
    for n, rows, *_ in gathered(found):
        assert set(rows) == solutions_of(domains[n])


def test_limits_and_forms_of_domains(network, domains):
    given = ns.Domains.from_mask(jnp.asarray(domains))
    plain = list(gathered(solve_batches(network, domains, batch=4)))
    assert list(gathered(solve_batches(network, given, batch=4))) == plain
    assert list(gathered(solve_batches(network, jax.numpy.asarray(domains), batch=4))) == plain
    limited = list(gathered(solve_batches(network, domains, node_limit=0, at_most=None, batch=4)))
    assert {status.name for *_, status in limited} <= {"LIMIT", "SOLVED", "UNSATISFIABLE"}
    assert "LIMIT" in {status.name for *_, status in limited}
    assert list(solve_batches(network, domains[:0])) == []


def test_wrong_use_is_refused_by_the_call_itself(network, domains):
    for options, message in (
        ({"at_most": 0}, "at_most goes from 1, not 0"),
        ({"batch": 0}, "batch goes from 1"),
        ({"solutions": -1}, "solutions goes from 0"),
        ({"instances": 3}, "there are domains of 11 instances, not of 3"),
    ):
        with pytest.raises(ValueError, match=message):
            solve_batches(network, domains, **options)
    with pytest.raises(ValueError, match="instances=N"):
        solve_batches(network, lambda start, end: domains[start:end])
    with pytest.raises(ValueError, match=r"bool\[N, V, D\] = \[11, 3, 4\], not bool\[11, 3, 3\]"):
        solve_batches(network, domains[:, :, :3])
    with pytest.raises(ValueError, match="not float32"):
        solve_batches(network, domains.astype(np.float32))
    with pytest.raises(ValueError, match=r"of 11 instances .* not bool\[3, 3, 4\]"):
        next(solve_batches(network, lambda start, end: domains[:3], instances=11))
