"""Bounds are sound at any time, and meet where nothing is left out."""

import itertools

import pytest
import random_programs
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurosym.programs import Program, ProgramError
from neurosym.programs.bounds import bounds

# Evidence of drawn programs need not be defined.
pytestmark = pytest.mark.filterwarnings("ignore::neurosym.programs.ProgramWarning")


def grid(size, *, directed):
    """Reachability from corner to corner."""
    lines = []
    for i, j in itertools.product(range(size), repeat=2):
        for a, b in ((i + 1, j), (i, j + 1)):
            if a < size and b < size:
                lines.append(f"0.5::e(n({i},{j}), n({a},{b})).")
    lines += ["s(X,Y) :- e(X,Y). r(X,Y) :- s(X,Y). r(X,Y) :- s(X,Z), r(Z,Y)."]
    if not directed:
        lines.append("s(X,Y) :- e(Y,X).")
    lines.append(f"query(r(n(0,0), n({size - 1},{size - 1}))).")
    return "\n".join(lines)


def check(case, states):
    try:
        expected = random_programs.world_probabilities(case)
    except OverflowError:
        assume(False)
    question = Program.parse(random_programs.text_of(case)).compile()
    if expected is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurosym.programs.bounds.FIRST_STATES", states)
        found = bounds(question, seconds=60, try_exact=False, most_states=states)
        widest = bounds(question, seconds=60, try_exact=False)
    for own, value in zip(found, expected, strict=True):
        assert 0 <= own.lower <= value + 1e-9
        assert value - 1e-9 <= own.upper <= 1
    assert all(own.exact for own in widest)
    assert [own.lower for own in widest] == pytest.approx(expected)


@settings(max_examples=15, deadline=None)
@given(random_programs.programs(), st.sampled_from([1, 2, 4]))
def test_bounds_of_random_programs(case, states):
    check(case, states)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(random_programs.programs(), st.sampled_from([1, 2, 4]))
def test_bounds_of_many_random_programs(case, states):
    check(case, states)


def test_bounds_come_closer():
    question = Program.parse(grid(4, directed=False)).compile()
    narrow = [
        bounds(question, seconds=60, try_exact=False, most_states=states)[0]
        for states in (64, 1024)
    ]
    exact = next(iter(question.probabilities().values()))
    for own in narrow:
        assert own.lower - 1e-9 <= exact <= own.upper + 1e-9
    assert narrow[1].upper - narrow[1].lower <= narrow[0].upper - narrow[0].lower


def test_no_time_at_all_still_gives_sound_bounds():
    question = Program.parse(grid(9, directed=False)).compile()
    (own,) = bounds(question, seconds=1e-6)
    assert 0 <= own.lower <= own.upper <= 1
    assert not own.exact


def test_small_programs_are_exact():
    (own,) = bounds(Program.parse("0.5::a. q :- a.").compile("q"), seconds=5)
    assert own.exact
    assert own.lower == pytest.approx(0.5)


def test_inconsistent_evidence():
    question = Program.parse("0.5::a. b :- a.").compile("b", evidence="b, \\+ a")
    with pytest.raises(ProgramError, match="inconsistent"):
        bounds(question, seconds=5, try_exact=False)
