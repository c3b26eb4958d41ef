"""Shared by all configs. A config is its difference from `base`:

    config = base(
        "experiments.my_task:MyTask",
        data={"validation": 1_000},
        train={"batch_size": 32, "epochs": 5, "eval_batch_size": 100},
        optimizer={"weight_decay": 0.1},
    )

A config imports this file as `from ._common import base`. Neighbours are looked for beside the
config, then in the `configs/` of the checkout: a copy of a config works elsewhere too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

TRAIN = {
    "eval_every_epochs": 1,
    "checkpoint_every_steps": 0,
    "keep_checkpoints": 2,
    "loop": "scan",
}

OPTIMIZER = {
    "name": "adamw",
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "warmup_steps": 0,
    "final_fraction": 0.0,
    "clip_norm": 0.0,
    "b1": 0.9,
    "b2": 0.999,
}

RESNET = {"name": "resnet", "widths": (16, 32, 64), "blocks": (0, 1, 1), "stem": 5, "pool": 2}
"""The small residual encoder for images of 28 x 28."""


def base(
    task: str, *, train: Mapping[str, Any], optimizer: Mapping[str, Any], **sections: Any
) -> ml_collections.ConfigDict:
    """A run by AdamW with a cosine schedule, judged after each epoch.

    Args:
      task: "package.module:Class".
      train: the fields that `TRAIN` leaves open, and those that differ from it.
      optimizer: the fields that `OPTIMIZER` leaves open, and those that differ from it.
      **sections: the task's own.
    """
    return ml_collections.ConfigDict(
        {
            "task": task,
            "seed": 0,
            "init_from": "",
            **sections,
            "train": {**TRAIN, **train},
            "optimizer": {**OPTIMIZER, **optimizer},
        }
    )


def checked(variant: str, variants: Mapping[str, str], config: str) -> str:
    """The variant; the first one where none is named.

    Raises:
      ValueError: if `config` has no such variant.
    """
    variant = variant or next(iter(variants))
    if variant not in variants:
        raise ValueError(f"{config} has no variant {variant!r}; it has {', '.join(variants)}")
    return variant


def search_optimizer(
    trial: Any, *, batch_sizes: Sequence[int], least_weight_decay: float
) -> dict[str, Any]:
    """The fields that every sweep varies.

    Args:
      trial: of Optuna.
      batch_sizes: to choose from.
      least_weight_decay: the largest is 1.
    """
    rate = trial.suggest_float("optimizer.learning_rate", 3e-4, 3e-2, log=True)
    decay = trial.suggest_float("optimizer.weight_decay", least_weight_decay, 1.0, log=True)
    return {
        "optimizer.learning_rate": rate,
        "optimizer.weight_decay": decay,
        "train.batch_size": trial.suggest_categorical("train.batch_size", list(batch_sizes)),
    }
