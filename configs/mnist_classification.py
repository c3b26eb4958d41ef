"""MNIST, every digit labelled: the plain baseline, and what anyone would train first.

The original split: 60,000 images to train, 10,000 to test; LeCun et al. 1998
(https://doi.org/10.1109/5.726791), whose LeNet-5 has 99.05 % of digits right and whose perceptron
with 300 hidden units 95.3 %.

    neurosym train --config=configs/mnist_classification.py:mlp --workdir=runs/mlp

``mlp`` and ``lenet`` train on all 60,000 images; ``mlp_tune`` and ``lenet_tune`` hold out 10,000 of
them for validation: tune on these.
"""

from typing import Any

import ml_collections

from ._common import base, checked, search_optimizer

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
    encoder, _, tune = checked(variant, VARIANTS, "mnist_classification").partition("_")
    mlp = encoder == "mlp"
    return base(
        "experiments.mnist_classification:MnistClassification",
        data={
            "final": not tune,  # train on the validation images too
            "validation": 10_000,
        },
        encoder={"name": "mlp", "hidden": (64,)} if mlp else {"name": "lenet"},
        train={
            "batch_size": 32 if mlp else 128,
            "epochs": 5 if mlp else 20,
            "eval_batch_size": 1000,
        },
        optimizer={"weight_decay": 0.1 if mlp else 0.4},
    )


def tiny(config: ml_collections.ConfigDict) -> None:
    """Makes a config fit for a test: a hundred images are enough."""
    config.data.validation = 0


def sweep(trial: Any) -> dict[str, Any]:
    """The fields of `neurosym sweep`; 10,000 training images are held out to judge the trials."""
    return {
        "data.final": False,
        **search_optimizer(trial, batch_sizes=[32, 64, 128], least_weight_decay=1e-2),
    }
