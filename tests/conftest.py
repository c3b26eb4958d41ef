"""Settings of all tests."""

import gc

import hypothesis
import jax
import pytest

from neurosym.semirings.operations import multilinear

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("neurosym", deadline=None)
hypothesis.settings.load_profile("neurosym")


def pytest_collection_finish():
    """Collects garbage seldom: JAX keeps whatever it traces, and each collection looks it through.

    With Python's own settings a tenth of the time of all tests goes into this.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(params=["as sizes choose", "in coordinates"])
def reading(request, monkeypatch):
    """Multilinear functions as they are read by their sizes, and all in real coordinates."""
    if request.param == "as sizes choose":
        yield
        return
    monkeypatch.setattr(multilinear, "FEW_TERMS", 0)
    monkeypatch.setattr(multilinear, "FEW_PRODUCTS", 0)
    jax.clear_caches()  # the choice is made where a function is traced
    yield
    jax.clear_caches()
