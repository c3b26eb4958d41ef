"""Visual sudoku: MNIST images of the givens, labels only in cells that were empty, rules known.

    neurosym train --config=configs/visual_sudoku.py --workdir=runs/vs
    neurosym predict --workdir=runs/vs runs/vs/board.png

9,000 training boards of 36 givens with one solution each, made by propagation and search. The
images of training boards come from the MNIST training images (10,000 of them held out for
validation), the images of 1,000 test boards from the test images. No given cell is ever labelled
(labels of givens are the leak that Chang et al. found in SATNet's protocol,
https://arxiv.org/abs/2312.11522).

Published on other protocols: visual 9x9 without leakage, SATNet 0 (it learns the rules as well);
AS2 99.89 % of cells (rules given). Ours: see docs/results.md.

The fewer empty cells are labelled, the fewer givens does propagation of the labels alone decide: of
the givens of 1,000 training boards, 93 % with all 45 labelled, 37 % with 30 and 3 % with 20.
"""

from typing import Any

import ml_collections

from ._common import RESNET, base, checked, search_optimizer

VARIANTS = {
    "default": "LeNet, all 45 empty cells labelled; the semantic loss over what survives",
    "labels30": "30 of the empty cells labelled",
    "labels20": "20 of the empty cells labelled",
    "resnet": "the residual encoder, all 45 labelled",
    "gumbel_bits": "Gumbel-softmax, hard domains in bits, soft backward pass; all 45 labelled",
    "gumbel_bits20": "the same, 20 labelled",
    "size4": "4x4 boards of 6 givens, all 10 empty cells labelled",
}

LABELLED = {"labels30": 30, "labels20": 20, "gumbel_bits20": 20, "size4": 10}
BELIEF_PROPAGATION = {"name": "belief_propagation", "rounds": 3, "damping": 0.5}

SEMANTIC_LOSS = {
    "estimator": {"name": "enumerated", "limit": 16, "otherwise": BELIEF_PROPAGATION},
    "temperature": {"name": "constant", "start": 1.0},
}
GUMBEL_BITS = {
    "estimator": {
        "name": "pruned",
        "gumbel": True,
        "rule": {"name": "within", "tau": 1.0},  # times the temperature
        "inner": BELIEF_PROPAGATION,
    },
    "temperature": {"name": "linear", "start": 6.0, "floor": 3.0, "steps": 1_000},
}


def get_config(variant: str = "default") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = checked(variant, VARIANTS, "visual_sudoku")
    small, bits = variant == "size4", variant.startswith("gumbel_bits")
    return base(
        "experiments.visual_sudoku:VisualSudoku",
        data={
            "size": 4 if small else 9,
            "givens": 6 if small else 36,
            "labelled": LABELLED.get(variant, 45),
            "boards": 9_000,
            "validation_boards": 1_000,
            "test_boards": 1_000,
            "validation_images": 10_000,
            "seed": 0,
        },
        encoder=RESNET if variant == "resnet" else {"name": "lenet"},
        # In pixels, degrees, as a fraction, and columns a row.
        augmentation={"shift": 1.5, "rotate": 8.0, "scale": 0.1, "shear": 0.1},
        decoder={"node_limit": 20_000},
        train={
            "batch_size": 8,
            "epochs": 4 if bits or variant == "resnet" else 6,
            "eval_batch_size": 100,
        },
        optimizer={"weight_decay": 0.4},
        **(GUMBEL_BITS if bits else SEMANTIC_LOSS),
    )


def tiny(config: ml_collections.ConfigDict) -> None:
    """Makes a config fit for a test: few boards of 4x4, from a hundred images for each split."""
    config.data.update(size=4, givens=6, labelled=min(8, config.data.labelled))
    config.data.update(boards=64, validation_boards=20, test_boards=20, validation_images=50)


def sweep(trial: Any) -> dict[str, Any]:
    """The fields that `neurosym sweep` varies, for every variant."""
    return {
        **search_optimizer(trial, batch_sizes=[4, 8, 16], least_weight_decay=1e-2),
        "augmentation.rotate": trial.suggest_float("augmentation.rotate", 0.0, 16.0),
    }
