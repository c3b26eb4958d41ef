"""Which values to try next and which trials to give up: Optuna's samplers and pruners by name.

What a sampler proposes follows from the seed, the number of the trial and the trials before it,
and from nothing in the process: a sweep that is stopped and resumed proposes what it would have
proposed anyway, and workers never repeat one another's draws.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

SAMPLERS = {
    "tpe": "tree-structured Parzen estimators over all fields together, 10 random trials first",
    "random": "independent draws",
    "grid": "every combination once; floats need a step",
}
"""Samplers by name, with what each does."""
PRUNERS = {
    "median": "worse than the median of the trials before at the same epoch, after a quarter of "
    "its epochs and from the 6th trial on",
    "hyperband": "successive halving with several starts, a third goes on each time",
    "asha": "asynchronous successive halving, a third goes on each time",
    "none": "no trial is given up",
}
"""Pruners by name, with what each gives up."""

# Trials that run to their end before the median means something, and which part of its epochs a
# trial has before it is held against that.
_STARTUP_TRIALS, _WARMUP_PART = 5, 4
_REDUCTION = 3


class SeededSampler(BaseSampler):
    """A sampler that is made anew for each trial, from the seed and the trial's number.

    Attributes:
      exhausted: the sampler has said that there is nothing new to try.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make = make
        self._seed = seed
        self._inner = self._made(seed)
        self.exhausted = False

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Makes the sampler of this trial."""
        stream = np.random.SeedSequence([self._seed, trial.number])
        self._inner = self._made(int(stream.generate_state(1)[0]))
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """See Optuna."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See Optuna."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """See Optuna."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """See Optuna."""
        try:
            self._inner.after_trial(study, trial, state, values)
        except RuntimeError:
            # A sampler with nothing left stops the study, which Optuna allows only within its own
            # loop.
            if not isinstance(self._inner, BruteForceSampler):
                raise
            self.exhausted = True

    def _made(self, seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self._make(seed)


def make_sampler(name: str, *, seed: int) -> SeededSampler:
    """The sampler of a name in `SAMPLERS`.

    Raises:
      ValueError: there is no such sampler.
    """
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda stream: TPESampler(
            seed=stream, multivariate=True, group=True, constant_liar=True
        ),
        "random": lambda stream: RandomSampler(stream),
        "grid": lambda stream: BruteForceSampler(stream),
    }
    if name not in makers:
        raise ValueError(f"there is no sampler {name!r}; there are {', '.join(SAMPLERS)}")
    return SeededSampler(makers[name], seed)


def check_sampler(name: str, distributions: Mapping[str, BaseDistribution]) -> None:
    """Raises `ValueError` where a sampler cannot choose from a range, before any trial.

    Args:
      name: of the sampler.
      distributions: what a sweep may ask for, as `Space.everything` finds it.
    """
    for field, distribution in distributions.items():
        endless = isinstance(distribution, FloatDistribution) and distribution.step is None
        if name == "grid" and endless:
            raise ValueError(
                f"the sampler grid tries every value, and {field} is a float without a step: "
                "give suggest_float a step=..., or take the sampler tpe or random"
            )


def make_pruner(name: str, *, epochs: int) -> BasePruner:
    """The pruner of a name in `PRUNERS`, for trials that report once an epoch.

    Args:
      name: which.
      epochs: of a trial with the config's own values.

    Raises:
      ValueError: there is no such pruner.
    """
    if name == "median":
        warmup = max(epochs // _WARMUP_PART, 1)
        return MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=warmup)
    if name == "hyperband":
        return HyperbandPruner(
            min_resource=1, max_resource=max(epochs, 1), reduction_factor=_REDUCTION
        )
    if name == "asha":
        return SuccessiveHalvingPruner(min_resource=1, reduction_factor=_REDUCTION)
    if name == "none":
        return NopPruner()
    raise ValueError(f"there is no pruner {name!r}; there are {', '.join(PRUNERS)}")
