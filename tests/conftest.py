"""Settings of all tests."""

import gc

import hypothesis

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
