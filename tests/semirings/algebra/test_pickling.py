"""Semirings and what holds them survive pickling, also into another process."""

import copy
import dataclasses
import pickle
import subprocess
import sys

import jax.numpy as jnp
import pytest

import neurosym as ns
from neurosym.semirings.algebra.rule import Sum

VITERBI = ns.Semiring(name="viterbi", zero=0.0, one=1.0, add=jnp.maximum, mul=jnp.multiply)
SOME_PROVENANCE = ns.Provenance(
    name="some", zero=0.0, one=1.0, add=jnp.hypot, mul=jnp.multiply, breaks="distributivity"
)
FIXED = (
    *ns.semirings.ALL,
    ns.EXPECTATION,
    ns.VARIANCE,
    ns.ADD_MULT,
    ns.NOISY_OR,
    VITERBI,
    SOME_PROVENANCE,
)
FAMILIES = (
    lambda: ns.smooth_max(0.1 + 0.2),  # a name with six digits would lose the temperature
    lambda: ns.K_BEST(3),
    lambda: ns.K_BEST(3, 2),
    lambda: ns.TOP_K_PROOFS(2, 5),
)


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("semiring", [*FIXED, *(make() for make in FAMILIES)], ids=str)
@pytest.mark.parametrize("passed", [through_pickle, copy.copy, copy.deepcopy])
def test_the_same_object_comes_back(semiring, passed):
    found = passed(semiring)
    assert found is semiring
    assert found == semiring
    assert hash(found) == hash(semiring)
    assert passed({"held": [semiring]}) == {"held": [semiring]}


def test_operations_and_values_that_hold_a_semiring():
    assert through_pickle(Sum(ns.LOG, 1)) == Sum(ns.LOG, 1)
    assert through_pickle(ns.LOG.add) is ns.LOG.add
    assert through_pickle(ns.MAX_TIMES.mul) is ns.MAX_TIMES.mul


def test_pickles_hold_public_names():
    # So they can be read after the library has moved its files.
    for semiring in (ns.LOG, ns.EXPECTATION, ns.NOISY_OR):
        assert semiring.__reduce__()[1][0] in ("neurosym", "neurosym.semirings")


def test_a_member_of_a_family_is_one_object_however_it_is_called():
    assert ns.K_BEST(3) is ns.K_BEST(k=3) is ns.K_BEST(3, 1) is ns.K_BEST(words=1, k=3)
    assert ns.K_BEST(3) is not ns.K_BEST(3, 2)
    kept = ns.smooth_max(0.123)
    for n in range(300):
        ns.smooth_max(1.0 + n)
    assert through_pickle(kept) is kept is ns.smooth_max(0.123)


def test_another_process_finds_them():
    data = pickle.dumps([ns.LOG, ns.COUNTING, ns.NOISY_OR, *(make() for make in FAMILIES)])
    code = (
        "import pickle, sys; found = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "import neurosym as ns; wanted = [ns.LOG, ns.COUNTING, ns.NOISY_OR,"
        "ns.smooth_max(0.1 + 0.2), ns.K_BEST(3), ns.K_BEST(3, 2), ns.TOP_K_PROOFS(2, 5)];"
        "assert all(a is b for a, b in zip(found, wanted, strict=True)), found"
    )
    subprocess.run([sys.executable, "-c", code, data.hex()], check=True)


def test_one_without_a_name_says_what_to_do_and_is_copied_all_the_same():
    local = dataclasses.replace(ns.LOG, name="local")
    with pytest.raises(pickle.PicklingError, match="top level of a module"):
        pickle.dumps(local)
    assert copy.deepcopy(local) is local
    # What was made from a member of a family is not that member.
    with pytest.raises(pickle.PicklingError, match="top level of a module"):
        pickle.dumps(dataclasses.replace(ns.K_BEST(3), name="changed"))
