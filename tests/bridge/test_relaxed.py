"""The relaxed estimator: without noise it is exact."""

import pytest
from small_sum import check_against_brute_force, reasoner

from neurosym import bridge


@pytest.mark.parametrize(
    "observed", [None, pytest.param((True, True, False), marks=pytest.mark.slow)]
)
def test_softmax_without_noise_equals_brute_force(observed):
    check_against_brute_force(bridge.relaxed(reasoner(), bridge=bridge.softmax), observed)
