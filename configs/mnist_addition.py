"""Addition of two N-digit numbers of MNIST images, only the sum labelled.

Protocol of Manhaeve et al. 2018 (DeepProbLog, https://arxiv.org/abs/1805.10872): the 60,000
training images are permuted and grouped by 2N, each used once; the 10,000 test images likewise;
LeNet.

    neurosym train --config=configs/mnist_addition.py:n1 --workdir=runs/add

Published, % of sums right: N=1 97.9 ±0.1, N=2 96.4 ±0.1 (DeepStochLog); a LeNet trained on the
digit labels themselves has a ceiling of 98.3 to 98.4 and 96.6 to 96.9. Ours: see docs/results.md.

``n1`` and ``n2`` train on all 60,000 images, as the published figures do; ``n1_tune`` and
``n2_tune`` hold out 10,000 of them for validation, and are what to tune on.
"""

import ml_collections

VARIANTS = {
    "n1": "one digit a number, trained on all 60,000 images (the default)",
    "n2": "two digits a number, trained on all 60,000 images",
    "n1_tune": "one digit a number, 50,000 images, 10,000 held out for validation",
    "n2_tune": "two digits a number, 50,000 images, 10,000 held out for validation",
}


def get_config(variant: str = "n1") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = variant or "n1"
    if variant not in VARIANTS:
        raise ValueError(f"mnist_addition has no variant {variant!r}; it has {', '.join(VARIANTS)}")
    size, _, tune = variant.partition("_")
    config = ml_collections.ConfigDict()
    config.task = "experiments.digit_addition:DigitAddition"
    config.seed = 0
    config.init_from = ""
    config.data = ml_collections.ConfigDict(
        {
            "dataset": "mnist",
            "digits": int(size[1:]),
            "final": not tune,  # train on the validation images too
            "validation": 10_000,
            "validation_groupings": 1,
            "grouping_seed": 0,
            "regroupings": 3_000,
        }
    )
    config.encoder = ml_collections.ConfigDict({"name": "lenet"})
    config.bridge = ml_collections.ConfigDict(
        {
            "name": "softmax",  # or gumbel_softmax, straight_through
            "straight_through": {"sample": False, "smoothing": 0.1},
            "temperature": {"name": "constant", "start": 1.0, "floor": 0.5, "steps": 10_000},
        }
    )
    config.reasoning = ml_collections.ConfigDict({"semiring": "log"})
    config.train = ml_collections.ConfigDict(
        {
            "batch_size": 64,
            "epochs": 20,
            "eval_batch_size": 500,
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
