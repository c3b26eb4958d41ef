"""The contract of a task, checked before the first step, in the contract's own words.

    class Blobs:                                  # a task whose evaluate has a mean in it
        def evaluate(self, model, batch):
            return {"accuracy": accuracy.mean()}

    ValueError: the metric 'accuracy' of the task's evaluate must have one value for each of the 16
    examples, got shape ()

A method that returns arrays is checked while it is traced, before anything is compiled; `summarise`
can only be checked when it has been called, at the end.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from neurosym.training.blame import blamed
from neurosym.training.task import Metrics, Split

RESERVED_METRICS = frozenset(
    ("step", "epoch", "split", "loss", "learning_rate", "grad_norm")
    + ("examples_per_second", "seconds")
)

# How the loop calls each method: names of arguments by position, and of those by keyword.
_CALLS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "split": (("name",), ()),
    "model": (("rngs",), ()),
    "batch": (("examples", "shared"), ()),
    "loss": (("model", "batch"), ("key", "step")),
    "evaluate": (("model", "batch"), ()),
    "summarise": (("model", "name"), ()),
    "pictures": (("model", "workdir"), ()),
    "predict": (("model", "paths"), ()),
}


def check_signatures(task: Any) -> None:
    """Raises ValueError where a method does not take the arguments that the loop gives it."""
    for method, (places, keywords) in _CALLS.items():
        function = getattr(task, method, None)
        if function is None:
            continue
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # not written in Python
            continue
        try:
            signature.bind(*places, **dict.fromkeys(keywords))
        except TypeError as error:
            wanted = ", ".join([*places, *(("*", *keywords) if keywords else ())])
            raise ValueError(
                f"{type(task).__name__}.{method} must take ({wanted}), and takes {signature}: "
                f"{error}"
            ) from None


def split_of(task: Any, name: str, *, may_be_empty: bool = False) -> Split:
    """The split `name` of a task.

    Raises:
      ValueError: it is not a `Split`, or it is empty.
    """
    with blamed(task, "split"):
        split = task.split(name)
    owner = type(task).__name__
    if not isinstance(split, Split):
        raise ValueError(
            f"{owner}.split({name!r}) must return a neurosym.training.Split, got "
            f"{type(split).__name__}"
        )
    if split.size == 0 and not may_be_empty:
        hint = "; only that of validation may be" if name != "train" else ""
        raise ValueError(f"the {name} split of {owner} is empty{hint}")
    return split


def model_of(task: Any, rngs: nnx.Rngs) -> nnx.Module:
    """A fresh model of a task; raises ValueError where it is not an `nnx.Module`."""
    with blamed(task, "model"):
        model = task.model(rngs)
    if not isinstance(model, nnx.Module):
        raise ValueError(
            f"{type(task).__name__}.model must return a flax.nnx.Module, got {type(model).__name__}"
        )
    return model


def loss_of(
    task: Any, model: nnx.Module, batch: Any, *, key: jax.Array, step: jax.Array
) -> tuple[jax.Array, Metrics]:
    """The loss of a batch, real [], and its metrics, each []; called while a step is traced.

    Raises:
      ValueError: the task's loss returns something else.
    """
    with blamed(task, "loss"):
        returned = task.loss(model, batch, key=key, step=step)
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise ValueError(
            "the task's loss must return the loss and a dictionary of metrics (which may be "
            f"empty), got {_described(returned)}"
        )
    loss, metrics = returned
    if not _is_array(loss) or jnp.shape(loss) != ():
        raise ValueError(f"the task's loss must be a scalar, got {_described(loss)}")
    if not jnp.issubdtype(jnp.result_type(loss), jnp.floating):
        raise ValueError(
            f"the task's loss must be a floating-point number, got {_described(loss)}: it is "
            "differentiated"
        )
    for name, value in _named(metrics, "loss").items():
        if name in RESERVED_METRICS:
            raise ValueError(f"the task's loss returns a metric {name!r}; that name is the loop's")
        if not _is_array(value) or jnp.shape(value) != ():
            raise ValueError(
                f"the metric {name!r} of the task's loss must be a scalar, got {_described(value)}"
            )
    return loss, metrics


def metrics_of(task: Any, model: nnx.Module, batch: Any, batch_size: int) -> Metrics:
    """Metrics of each example of a batch, [B] each; called while an evaluation is traced.

    Raises:
      ValueError: the task's evaluate returns something else.
    """
    with blamed(task, "evaluate"):
        metrics = task.evaluate(model, batch)
    for name, value in _named(metrics, "evaluate").items():
        if not _is_array(value) or jnp.shape(value) != (batch_size,):
            raise ValueError(
                f"the metric {name!r} of the task's evaluate must have one value for each of the "
                f"{batch_size} examples, got {_described(value)}"
            )
    if not metrics:
        raise ValueError("the task's evaluate returns no metric")
    return metrics


def check_metric_names(task: Any, names: Mapping[str, Any]) -> None:
    """Raises ValueError where evaluate lacks the task's metric, or returns a name of the loop's."""
    if task.metric not in names:
        raise ValueError(
            f"the task's metric is {task.metric!r}, but its evaluate returns {', '.join(names)}"
        )
    taken = (RESERVED_METRICS - {"loss"}) & names.keys()
    if taken:
        raise ValueError(
            f"the task's evaluate returns {', '.join(sorted(taken))}; that name is the loop's"
        )


def summary_of(task: Any, model: nnx.Module, name: str) -> dict[str, float]:
    """The task's own summary of the split `name`.

    Raises:
      ValueError: it is not a mapping from names to numbers.
    """
    with blamed(task, "summarise"):
        summary = task.summarise(model, name)
    found = {}
    for key, value in _named(summary, "summarise").items():
        try:
            found[key] = float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"the metric {key!r} of the task's summarise must be a number, got "
                f"{_described(value)}"
            ) from None
    return found


def not_finite_of(metrics: Mapping[str, float]) -> dict[str, float]:
    """Those of some metrics that are infinite or not a number."""
    return {name: value for name, value in metrics.items() if not math.isfinite(value)}


def _named(metrics: Any, method: str) -> Mapping[str, Any]:
    if not isinstance(metrics, Mapping) or not all(isinstance(name, str) for name in metrics):
        raise ValueError(
            f"the task's {method} must return metrics by name, as a dictionary from texts, got "
            f"{_described(metrics)}"
        )
    return metrics


def _is_array(value: Any) -> bool:
    """Whether JAX can compute with a value as a real number or an array of such."""
    if not isinstance(value, bool | int | float | np.generic | np.ndarray | jax.Array):
        return False
    try:
        kind = jnp.result_type(value)
    except TypeError:  # texts, objects
        return False
    return jnp.issubdtype(kind, jnp.bool_) or (
        jnp.issubdtype(kind, jnp.number) and not jnp.issubdtype(kind, jnp.complexfloating)
    )


def _described(value: Any) -> str:
    """A value in a few words: the shape of an array, else its type."""
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        kind = value.dtype.name
        usual = kind in ("float32", "float16", "bfloat16", "float64")
        return f"shape {tuple(value.shape)}" + ("" if usual else f" of {kind}")
    return repr(value) if isinstance(value, int | float | str | None) else type(value).__name__
