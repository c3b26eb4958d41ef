"""Handwritten formulas of up to seven symbols, only their values labelled.

    neurosym train --config=configs/formula.py --workdir=runs/formula
    neurosym predict --workdir=runs/formula 3.png times.png 4.png

10,000 training, 2,000 validation and 2,000 test formulas of 1, 3, 5 and 7 symbols (10, 10, 10 and
70 %) over ten digits and + - × ÷, with exact rational values. The task is that of Li et al. 2020
(NGS, https://arxiv.org/abs/2006.06649); `neurosym.datasets.formulas` says how the protocol differs
from theirs. Images: BHMSDS, see `neurosym.datasets.symbols`.

Published there, % of results right: NGS 97.95, ISED 97.34, Scallop 96.65, A-NeSI 3.13.
Ours: see docs/results.md.
"""

from typing import Any

import ml_collections

from ._common import RESNET, base, checked, search_optimizer

VARIANTS = {
    "lenet": "LeNet, the exact likelihood of the value (the default)",
    "resnet": "the same with a small residual net",
    "score_function": "LeNet, the likelihood from samples",
    "top1": "LeNet, the likeliest formula of the value alone",
}

ESTIMATORS = {
    "score_function": {"name": "score_function", "samples": 64},
    "top1": {"name": "top_k_assignments", "k": 1},
}


def get_config(variant: str = "lenet") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = checked(variant, VARIANTS, "formula")
    return base(
        "experiments.formula:Formula",
        data={
            "formulas": 10_000,
            "validation_formulas": 2_000,
            "test_formulas": 2_000,
            "validation_samples": 100,  # of each symbol, of the 1,200 for training
            "seed": 0,
        },
        encoder=RESNET if variant == "resnet" else {"name": "lenet"},
        augmentation={"shift": 1.5, "rotate": 15.0, "scale": 0.15, "shear": 0.2},
        estimator=ESTIMATORS.get(variant, {"name": "exact"}),
        temperature={"name": "constant", "start": 1.0},
        train={"batch_size": 16, "epochs": 12, "eval_batch_size": 200},
        optimizer={"clip_norm": 1.0, "weight_decay": 0.1},
    )


def tiny(config: ml_collections.ConfigDict) -> None:
    """Makes a config fit for a test: few formulas."""
    config.data.update(formulas=20, validation_formulas=10, test_formulas=20)


def sweep(trial: Any) -> dict[str, Any]:
    """The fields of `neurosym sweep`; how far images are shifted matters where symbols are thin."""
    return {
        **search_optimizer(trial, batch_sizes=[16, 32, 64, 128], least_weight_decay=1e-3),
        "augmentation.shift": trial.suggest_float("augmentation.shift", 0.0, 3.0),
        "augmentation.rotate": trial.suggest_float("augmentation.rotate", 0.0, 20.0),
    }
