"""The search space of a sweep: the function `sweep(trial)` of a config file, on one config.

The function asks for values under the names of the config's fields and returns the fields to set,
which may be more (a split to hold out, say):

    def sweep(trial):
        name = trial.suggest_categorical("optimizer.name", ["adamw", "sgd"])
        fields = {
            "data.final": False,
            "optimizer.name": name,
            "train.epochs": trial.suggest_int("train.epochs", 5, 20),
        }
        if name == "sgd":
            fields["optimizer.momentum"] = trial.suggest_float("optimizer.momentum", 0.0, 0.95)
        return fields

Asked with the config's own values, the function gives the defaults; asked with an Optuna trial, it
gives the trial's proposals. Either way the space checks everything against the config. A field that
the user has fixed keeps its value.
"""

import ast
import contextlib
import copy
import dataclasses
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ml_collections
import optuna
from optuna.distributions import BaseDistribution

from neurosym.sweeps.choices import (
    BranchChoices,
    Choices,
    DefaultChoices,
    TrialChoices,
    describe,
    field_of,
    fits,
)
from neurosym.training.settings import Settings
from neurosym.training.workdir import flat_fields, plain_config

MOST_BRANCHES = 1_000
"""Combinations of categories that are looked at before a sweep starts."""

SweepFunction = Callable[[Any], Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Proposal:
    """The config of one trial.

    Attributes:
      config: the whole config, ready to train.
      fields: every field that `sweep(trial)` set, by its name.
      distributions: what was chosen from, for the fields that are varied.
    """

    config: ml_collections.ConfigDict
    fields: dict[str, Any]
    distributions: dict[str, BaseDistribution]


class Space:
    """The space of one config.

    Args:
      config: the config that is varied; its values are the defaults.
      function: `sweep(trial)`, see the module.
      fixed: fields that keep the value they have in `config`, whatever the function says.

    Raises:
      ValueError: the config cannot be written as JSON, or the function varies nothing, or names,
        types or ranges do not fit the config.

    >>> config = ml_collections.ConfigDict({"width": 8, "optimizer": {"learning_rate": 0.01}})
    >>> space = Space(config, lambda trial: {"width": trial.suggest_int("width", 4, 16)})
    >>> space.defaults().fields
    {'width': 8}
    >>> Space(config, lambda trial: {"width": trial.suggest_int("width", 10, 16)})
    Traceback (most recent call last):
        ...
    ValueError: sweep(trial): config.width is 8, which is not among 10 to 16
    """

    def __init__(
        self,
        config: ml_collections.ConfigDict,
        function: SweepFunction,
        *,
        fixed: Sequence[str] = (),
    ) -> None:
        self.config = plain_config(config)
        self.fixed = frozenset(fixed)
        self._function = function
        self._fields = flat_fields(self.config.to_dict())
        if not self.defaults().distributions:
            raise ValueError(
                "sweep(trial) varies nothing"
                + (f": {', '.join(sorted(self.fixed))} is set by hand" if self.fixed else "")
            )

    def defaults(self) -> Proposal:
        """The config's own values.

        Raises:
          ValueError: a value lies outside its own range, or something does not fit.
        """
        return self._ask(DefaultChoices(self._fields, self.fixed))

    def everything(self) -> dict[str, BaseDistribution]:
        """What the function may ask for: every range of every branch that categories lead to.

        Where they have more than `MOST_BRANCHES` combinations, the first of them are looked at.
        """
        found: dict[str, BaseDistribution] = {}
        waiting: list[tuple[int, ...]] = [()]
        for _ in range(MOST_BRANCHES):
            if not waiting:
                break
            prefix = waiting.pop()
            choices = BranchChoices(self._fields, self.fixed, prefix)
            # What is wrong on a branch is said by the trial that comes there.
            with contextlib.suppress(Exception):
                self._function(choices)
            found = {**choices.distributions, **found}
            taken = prefix + (0,) * (len(choices.sizes) - len(prefix))
            for place in range(len(prefix), len(taken)):
                waiting += [(*taken[:place], other) for other in range(1, choices.sizes[place])]
        return found

    def propose(self, trial: optuna.Trial) -> Proposal:
        """The config of an Optuna trial, whose sampler chooses.

        Raises:
          ValueError: names, types or values do not fit the config.
        """
        return self._ask(TrialChoices(self._fields, self.fixed, trial))

    def with_fields(self, fields: Mapping[str, Any]) -> ml_collections.ConfigDict:
        """The config with some fields set, by their whole names."""
        values = copy.deepcopy(self.config.to_dict())
        for name, value in fields.items():
            *sections, last = name.split(".")
            place = values
            for section in sections:
                place = place[section]
            place[last] = value
        return ml_collections.ConfigDict(values)

    def identity(self) -> dict[str, str]:
        """The facts that tell this space from others, as text by name."""
        varied = self.defaults().distributions
        return {
            **{f"config.{name}": json.dumps(value) for name, value in self._fields.items()},
            **{f"range of {name}": describe(found) for name, found in varied.items()},
            "fields set by hand": ", ".join(sorted(self.fixed)) or "none",
            "sweep(trial)": f"source {_fingerprint(self._function)}",
        }

    def _ask(self, choices: Choices) -> Proposal:
        returned = self._function(choices)
        if not isinstance(returned, Mapping):
            raise ValueError(
                "sweep(trial) must return a mapping from fields of the config to values, got "
                f"{type(returned).__name__}"
            )
        forgotten = sorted(choices.distributions.keys() - returned.keys())
        if forgotten:
            raise ValueError(
                f"sweep(trial) asks for {', '.join(forgotten)}, but does not return it"
            )
        fields = {}
        for name, value in returned.items():
            default = field_of(name, self._fields)
            if not fits(value, default):
                raise ValueError(
                    f"sweep(trial) sets config.{name} to {value!r}, but it is "
                    f"{type(default).__name__} ({default!r})"
                )
            fields[name] = default if name in self.fixed else _like(value, default)
        config = self.with_fields(fields)
        Settings.from_config(config)
        return Proposal(config, fields, choices.distributions)


def _like(value: Any, default: Any) -> Any:
    """The value as plain JSON, and a float where the config has one."""
    if isinstance(value, tuple | list):
        return json.loads(json.dumps(value))
    return float(value) if isinstance(default, float) else value


def _fingerprint(function: Callable[..., Any]) -> str:
    """Ten digits of what a function does as it is written; comments and layout do not count."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        text = ast.dump(ast.parse(source))
    except (OSError, TypeError, SyntaxError):
        text = function.__code__.co_code.hex() if hasattr(function, "__code__") else repr(function)
    return hashlib.sha256(text.encode()).hexdigest()[:10]
