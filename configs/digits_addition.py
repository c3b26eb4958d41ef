"""Addition of two digits on the 1,797 real 8x8 digits of scikit-learn, only the sum labelled.

No download and half a minute on two cores: the first thing to run, and what `scripts/run` runs.

    neurosym train --config=configs/digits_addition.py --workdir=runs/digits_addition

Nothing is published on this set; the images and their split are fixed (1,257 to train, 180 to
validate, 360 to test), and each image is used once. Ours: see docs/results.md.
"""

from typing import Any

import ml_collections

from ._addition import addition, tiny_addition
from ._common import checked, search_optimizer

VARIANTS = {"n1": "one digit a number (the default)", "n2": "two digits a number"}


def get_config(variant: str = "n1") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = checked(variant, VARIANTS, "digits_addition")
    return addition(
        data={
            "dataset": "digits",
            "digits": int(variant[1:]),
            "validation": 180,
            "validation_groupings": 20,
        },
        encoder={"name": "resnet"},
        train={"batch_size": 32, "epochs": 30, "eval_batch_size": 180},
        optimizer={"weight_decay": 0.4},
    )


tiny = tiny_addition


def sweep(trial: Any) -> dict[str, Any]:
    """The fields of `neurosym sweep`; a softmax needs no samples, the others may be smoothed."""
    fields = search_optimizer(trial, batch_sizes=[16, 32, 64], least_weight_decay=1e-3)
    bridge = trial.suggest_categorical("bridge.name", ["softmax", "straight_through"])
    fields["bridge.name"] = bridge
    if bridge == "straight_through":
        fields["bridge.straight_through.smoothing"] = trial.suggest_float(
            "bridge.straight_through.smoothing", 0.01, 0.3, log=True
        )
    return fields
