"""Training by an estimator: how a config names it, and its estimates for a whole batch."""

from collections.abc import Callable
from typing import Any

import jax
import ml_collections
from jax import Array

import neurosym as ns


def estimator_of(
    config: ml_collections.ConfigDict, reasoner: Any
) -> tuple[ns.bridge.Estimator, Callable[[Array], Array]]:
    """The estimator that `config.estimator` names, and the schedule of its temperature.

    Raises:
      ValueError: there is no such estimator, schedule or option, or the reasoner lacks something.
    """
    options = config.estimator.to_dict()
    estimator = ns.bridge.make_estimator(options.pop("name", ""), reasoner, **options)
    return estimator, ns.bridge.make_schedule(**{"name": "", **config.temperature})


def estimates(
    estimator: ns.bridge.Estimator,
    logits: Array,
    evidence: Array,
    observed: Array,
    *,
    key: Array,
    temperature: Array,
) -> ns.bridge.Estimate:
    """The estimates of a batch, with leading axis B; each instance has a key of its own.

    Args:
      estimator: of one instance.
      logits: float32[B, V, D].
      evidence: as the estimator's reasoner takes it, with leading axis B.
      observed: bool[B, V]: the variables that the logits are about.
      key: is split.
      temperature: float32[], the same for all.
    """

    def one(logits: Array, evidence: Array, observed: Array, key: Array) -> ns.bridge.Estimate:
        return estimator(logits, evidence, observed=observed, key=key, temperature=temperature)

    return jax.vmap(one)(logits, evidence, observed, jax.random.split(key, len(logits)))
