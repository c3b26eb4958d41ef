"""Settings of all tests."""

import hypothesis

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("neurosym", deadline=None)
hypothesis.settings.load_profile("neurosym")
