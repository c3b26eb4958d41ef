"""Configs in a workdir."""

import ml_collections
import pytest

from neurosym.training.workdir import config_differences, plain_config


def test_config_differences_and_plain_config():
    old = plain_config(ml_collections.ConfigDict({"a": {"b": (1, 2), "c": 1}}))
    assert list(old.a.b) == [1, 2]
    new = ml_collections.ConfigDict({"a": {"b": [1, 3]}, "d": "x"})
    assert config_differences(old, new) == [
        "config.a.b: [1, 2] → [1, 3]",
        "config.a.c: 1 → (absent)",
        "config.d: (absent) → 'x'",
    ]
    with pytest.raises(ValueError, match=r"config\.a cannot be written as JSON"):
        plain_config(ml_collections.ConfigDict({"a": {1, 2}}))
