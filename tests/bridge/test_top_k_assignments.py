"""The k best assignments: a lower bound that rises to the exact value."""

import pytest
from small_sum import EXISTS, brute_value, check_against_brute_force, logits_of, reasoner, run

from neurosym import bridge


@pytest.mark.parametrize(
    "observed", [None, pytest.param((True, True, False), marks=pytest.mark.slow)]
)
def test_equals_brute_force_once_k_reaches_their_number(observed):
    check_against_brute_force(bridge.top_k_assignments(reasoner(), k=4), observed)


@pytest.mark.slow
def test_top_k_rises_to_the_exact_value():
    values = [
        run(bridge.top_k_assignments(reasoner(), k=k), logits_of(8), EXISTS)[0] for k in (1, 9)
    ]
    exact = brute_value(logits_of(8), EXISTS)
    assert values[0] < exact - 1e-2
    assert values[1] == pytest.approx(exact, abs=1e-5)
