"""Logic programs as tasks: any program file, any question, any data set, without new Python.

    neurosym train --config=configs/program.py --workdir=runs/program
    neurosym train --config=configs/program.py --config.program.file=my.pl \
        --config.program.query='same(a, b)' --workdir=runs/mine

`config.program` names a file in ProbLog's syntax and a question to it. `config.data.dataset` is
"digits", "mnist" or "symbols", whose images are dealt out to the inputs that the question names
and whose labels name the values of a network, or an .npz file with arrays ``train_NETWORK`` [n, N,
...] and ``train_answer`` [n], and the same for ``test`` (and ``validation``). With images, the
observed answer is what the program itself says of the true values.

``addition`` is the task of configs/digits_addition.py from DeepProbLog's program text: the same
data, loss and gradients. Nothing is published on these images.
"""

from typing import Any

import ml_collections

from ._common import base, checked, search_optimizer

VARIANTS = {
    "addition": "sums of two digits on the 8x8 digits (the default)",
    "addition2": "sums of two numbers of two digits each",
    "larger": "which of two digits is larger: yes or no, one bit an example",
    "mnist_addition": "sums of two digits on MNIST, trained on all 60,000 images",
}

QUESTIONS = {
    "addition": ("configs/programs/addition.pl", "addition(a, b, Z)"),
    "addition2": ("configs/programs/addition.pl", "multi_addition([a, b], [c, d], Z)"),
    "larger": ("configs/programs/larger.pl", "larger(a, b)"),
    "mnist_addition": ("configs/programs/addition.pl", "addition(a, b, Z)"),
}


def get_config(variant: str = "addition") -> ml_collections.ConfigDict:
    """The config of a variant.

    Raises:
      ValueError: if there is no such variant.
    """
    variant = checked(variant, VARIANTS, "program")
    mnist = variant == "mnist_addition"
    file, query = QUESTIONS[variant]
    train = {"batch_size": 32, "epochs": 30, "eval_batch_size": 180}
    if mnist:
        train = {"batch_size": 64, "epochs": 20, "eval_batch_size": 500}
    return base(
        "experiments.program:ProgramTask",
        program={"file": file, "query": query},
        data={
            "dataset": "mnist" if mnist else "digits",
            "final": mnist,
            "validation": 10_000 if mnist else 180,
            "validation_groupings": 1 if mnist else 20,
            "grouping_seed": 0,
        },
        encoder={"name": "lenet" if mnist else "resnet"},
        train=train,
        optimizer={"weight_decay": 0.4},
    )


def tiny(config: ml_collections.ConfigDict) -> None:
    """Makes a config fit for a test: no validation images."""
    config.data.update(validation=0, validation_groupings=1)


def sweep(trial: Any) -> dict[str, Any]:
    """The fields of `neurosym sweep`."""
    return search_optimizer(trial, batch_sizes=[16, 32, 64], least_weight_decay=1e-3)
