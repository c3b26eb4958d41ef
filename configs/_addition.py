"""Shared by the configs of digit addition: the protocol of the data, the bridge, a tiny form."""

from collections.abc import Mapping
from typing import Any

import ml_collections

from ._common import base

DATA = {
    "final": False,  # True: train on the validation images too
    "grouping_seed": 0,
    "regroupings": 3_000,
}

BRIDGE = {
    "name": "softmax",  # or gumbel_softmax, straight_through
    "straight_through": {"sample": False, "smoothing": 0.1},
    "temperature": {"name": "constant", "start": 1.0, "floor": 0.5, "steps": 10_000},
}


def addition(
    *, data: Mapping[str, Any], form: str = "sum", **sections: Any
) -> ml_collections.ConfigDict:
    """`base` for the addition of digits; `form` is the form of the reasoning."""
    return base(
        "experiments.digit_addition:DigitAddition",
        data={**DATA, **data},
        bridge=BRIDGE,
        reasoning={"semiring": "log", "form": form},
        **sections,
    )


def tiny_addition(config: ml_collections.ConfigDict) -> None:
    """Makes a config fit for a test: two digits at most, in the variant's form of reasoning."""
    config.data.update(digits=min(config.data.digits, 2), validation=0)
    config.data.update(validation_groupings=1, regroupings=1)
