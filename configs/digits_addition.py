"""Addition of two digits on the 1,797 real 8x8 digits of scikit-learn, only the sum labelled.

No download and half a minute on two cores: the first thing to run, and what `scripts/run` runs.

    neurosym train --config=configs/digits_addition.py --workdir=runs/digits_addition

Nothing is published on this set; the images and their split are fixed (1,257 to train, 180 to
validate, 360 to test), and each image is used once. Ours: see docs/results.md.
"""

from typing import Any

import ml_collections

VARIANTS = {"n1": "one digit a number (the default)", "n2": "two digits a number"}


def get_config(variant: str = "n1") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = variant or "n1"
    if variant not in VARIANTS:
        raise ValueError(
            f"digits_addition has no variant {variant!r}; it has {', '.join(VARIANTS)}"
        )
    config = ml_collections.ConfigDict()
    config.task = "experiments.digit_addition:DigitAddition"
    config.seed = 0
    config.init_from = ""
    config.data = ml_collections.ConfigDict(
        {
            "dataset": "digits",
            "digits": int(variant[1:]),
            "final": False,  # True: train on the validation images too
            "validation": 180,
            "validation_groupings": 20,
            "grouping_seed": 0,
            "regroupings": 3_000,
        }
    )
    config.encoder = ml_collections.ConfigDict({"name": "resnet"})
    config.bridge = ml_collections.ConfigDict(
        {
            "name": "softmax",  # or gumbel_softmax, straight_through
            "straight_through": {"sample": False, "smoothing": 0.1},
            "temperature": {"name": "constant", "start": 1.0, "floor": 0.5, "steps": 10_000},
        }
    )
    config.reasoning = ml_collections.ConfigDict({"semiring": "log", "form": "sum"})
    config.train = ml_collections.ConfigDict(
        {
            "batch_size": 32,
            "epochs": 30,
            "eval_batch_size": 180,
            "eval_every_epochs": 1,
            "checkpoint_every_steps": 0,
            "keep_checkpoints": 2,
            "loop": "scan",
        }
    )
    config.optimizer = ml_collections.ConfigDict(
        {
            "name": "adamw",
            "learning_rate": 3e-3,
            "schedule": "cosine",
            "warmup_steps": 0,
            "final_fraction": 0.0,
            "clip_norm": 0.0,
            "b1": 0.9,
            "b2": 0.999,
            "weight_decay": 0.4,
        }
    )
    return config


def sweep(trial: Any) -> dict[str, Any]:
    """What `neurosym sweep` varies; a softmax needs no samples, the others may be smoothed."""
    fields = {
        "optimizer.learning_rate": trial.suggest_float(
            "optimizer.learning_rate", 3e-4, 3e-2, log=True
        ),
        "optimizer.weight_decay": trial.suggest_float(
            "optimizer.weight_decay", 1e-3, 1.0, log=True
        ),
        "train.batch_size": trial.suggest_categorical("train.batch_size", [16, 32, 64]),
    }
    bridge = trial.suggest_categorical("bridge.name", ["softmax", "straight_through"])
    fields["bridge.name"] = bridge
    if bridge == "straight_through":
        fields["bridge.straight_through.smoothing"] = trial.suggest_float(
            "bridge.straight_through.smoothing", 0.01, 0.3, log=True
        )
    return fields
