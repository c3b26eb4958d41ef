"""MNIST, every digit labelled: the plain baseline, and what anyone would train first.

The original split: 60,000 images to train, 10,000 to test; LeCun et al. 1998
(https://doi.org/10.1109/5.726791), whose LeNet-5 has 99.05 % of digits right and whose perceptron
with 300 hidden units 95.3 %.

    neurosym train --config=configs/mnist_classification.py:mlp --workdir=runs/mlp

``mlp`` and ``lenet`` train on all 60,000 images; ``mlp_tune`` and ``lenet_tune`` hold out 10,000 of
them for validation, and are what to tune on.
"""

from typing import Any

import ml_collections

VARIANTS = {
    "mlp": "a perceptron 784-64-10, 5 epochs (the default)",
    "lenet": "the LeNet of the other MNIST experiments, 20 epochs",
    "mlp_tune": "mlp on 50,000 images, 10,000 held out for validation",
    "lenet_tune": "lenet on 50,000 images, 10,000 held out for validation",
}


def get_config(variant: str = "mlp") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = variant or "mlp"
    if variant not in VARIANTS:
        raise ValueError(
            f"mnist_classification has no variant {variant!r}; it has {', '.join(VARIANTS)}"
        )
    encoder, _, tune = variant.partition("_")
    config = ml_collections.ConfigDict()
    config.task = "experiments.mnist_classification:MnistClassification"
    config.seed = 0
    config.init_from = ""
    config.data = ml_collections.ConfigDict(
        {
            "final": not tune,  # train on the validation images too
            "validation": 10_000,
        }
    )
    encoders = {"mlp": {"name": "mlp", "hidden": (64,)}, "lenet": {"name": "lenet"}}
    config.encoder = ml_collections.ConfigDict(encoders[encoder])
    config.train = ml_collections.ConfigDict(
        {
            "batch_size": 32 if encoder == "mlp" else 128,
            "epochs": 5 if encoder == "mlp" else 20,
            "eval_batch_size": 1000,
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
            "weight_decay": 0.1 if encoder == "mlp" else 0.4,
        }
    )
    return config


def sweep(trial: Any) -> dict[str, Any]:
    """What `neurosym sweep` varies; 10,000 training images are held out to judge the trials by."""
    return {
        "data.final": False,
        "optimizer.learning_rate": trial.suggest_float(
            "optimizer.learning_rate", 3e-4, 3e-2, log=True
        ),
        "optimizer.weight_decay": trial.suggest_float(
            "optimizer.weight_decay", 1e-2, 1.0, log=True
        ),
        "train.batch_size": trial.suggest_categorical("train.batch_size", [32, 64, 128]),
    }
