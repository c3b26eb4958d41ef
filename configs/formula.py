"""Handwritten formulas of up to seven symbols, only their values labelled.

    neurosym train --config=configs/formula.py --workdir=runs/formula
    neurosym predict --workdir=runs/formula 3.png times.png 4.png

10,000 training, 2,000 validation and 2,000 test formulas of 1, 3, 5 and 7 symbols (10, 10, 10 and
70 %) over ten digits and + - × ÷, with exact rational values. The task is that of Li et al.
2020 (NGS, https://arxiv.org/abs/2006.06649); how the protocol differs from theirs is said in
`neurosym.datasets.formulas`. Images: BHMSDS, see `neurosym.datasets.symbols`.

Published there, % of results right: NGS 97.95, ISED 97.34, Scallop 96.65, A-NeSI 3.13.
Ours: see docs/results.md.
"""

from typing import Any

import ml_collections

VARIANTS = {
    "lenet": "LeNet, the exact likelihood of the value (the default)",
    "resnet": "the same with a small residual net",
    "score_function": "LeNet, the likelihood from samples",
    "top1": "LeNet, the likeliest formula of the value alone",
}

RESNET = {"name": "resnet", "widths": (16, 32, 64), "blocks": (0, 1, 1), "stem": 5, "pool": 2}

ESTIMATORS = {
    "score_function": {"name": "score_function", "samples": 64},
    "top1": {"name": "top_k_assignments", "k": 1},
}


def get_config(variant: str = "lenet") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = variant or "lenet"
    if variant not in VARIANTS:
        raise ValueError(f"formula has no variant {variant!r}; it has {', '.join(VARIANTS)}")
    config = ml_collections.ConfigDict()
    config.task = "experiments.formula:Formula"
    config.seed = 0
    config.init_from = ""
    config.data = ml_collections.ConfigDict(
        {
            "formulas": 10_000,
            "validation_formulas": 2_000,
            "test_formulas": 2_000,
            "validation_samples": 100,  # of each symbol, of the 1,200 for training
            "seed": 0,
        }
    )
    encoder = RESNET if variant == "resnet" else {"name": "lenet"}
    config.encoder = ml_collections.ConfigDict(encoder)
    config.augmentation = ml_collections.ConfigDict(
        {"shift": 1.5, "rotate": 15.0, "scale": 0.15, "shear": 0.2}
    )
    config.estimator = ml_collections.ConfigDict(ESTIMATORS.get(variant, {"name": "exact"}))
    config.temperature = ml_collections.ConfigDict({"name": "constant", "start": 1.0})
    config.train = ml_collections.ConfigDict(
        {
            "batch_size": 16,
            "epochs": 12,
            "eval_batch_size": 200,
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
            "clip_norm": 1.0,
            "b1": 0.9,
            "b2": 0.999,
            "weight_decay": 0.1,
        }
    )
    return config


def sweep(trial: Any) -> dict[str, Any]:
    """What `neurosym sweep` varies; how far images are shifted matters where symbols are thin."""
    return {
        "optimizer.learning_rate": trial.suggest_float(
            "optimizer.learning_rate", 3e-4, 3e-2, log=True
        ),
        "optimizer.weight_decay": trial.suggest_float(
            "optimizer.weight_decay", 1e-3, 1.0, log=True
        ),
        "train.batch_size": trial.suggest_categorical("train.batch_size", [16, 32, 64, 128]),
        "augmentation.shift": trial.suggest_float("augmentation.shift", 0.0, 3.0),
        "augmentation.rotate": trial.suggest_float("augmentation.rotate", 0.0, 20.0),
    }
