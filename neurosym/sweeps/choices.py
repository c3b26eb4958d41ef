"""The `trial` that a config file's `sweep(trial)` sees: what it may ask, and who answers.

Answers are the config's own values, or what an Optuna trial proposes. Either way names and types
are checked against the config's fields, and a field that is fixed keeps its value.
"""

import difflib
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


class Choices(ABC):
    """The questions that `sweep(trial)` may ask.

    Args:
      fields: the config's own values by the whole names of its fields.
      fixed: fields that keep their value.

    Attributes:
      distributions: the ranges and choices that were asked for so far.
    """

    def __init__(self, fields: dict[str, Any], fixed: frozenset[str]) -> None:
        self._fields = fields
        self._fixed = fixed
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A float from `low` to `high`, both included; `log`: equally likely in every decade."""
        default = field_of(name, self._fields)
        if isinstance(default, bool) or not isinstance(default, float | None):
            hint = "use suggest_int" if type(default) is int else "use suggest_categorical"
            raise ValueError(f"sweep(trial): config.{name} is {default!r}, not a float; {hint}")
        return self._choose(name, lambda: FloatDistribution(low, high, log=log, step=step), default)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """An int from `low` to `high`, both included."""
        default = field_of(name, self._fields)
        if isinstance(default, bool) or not isinstance(default, int | float | None):
            raise ValueError(
                f"sweep(trial): config.{name} is {default!r}, not a number; use suggest_categorical"
            )
        return self._choose(name, lambda: IntDistribution(low, high, log=log, step=step), default)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of some values; lists and tuples may be among them."""
        default = field_of(name, self._fields)
        for choice in choices:
            if not fits(choice, default):
                raise ValueError(
                    f"sweep(trial): {choice!r} is not a value for config.{name}, which is "
                    f"{type(default).__name__} ({default!r})"
                )
        # Storages hold plain values only; a list goes as its JSON.
        by_label = {label_of(choice): choice for choice in choices}
        chosen = self._choose(
            name, lambda: CategoricalDistribution(tuple(by_label)), label_of(default)
        )
        return by_label.get(chosen, default)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the trial of sweep(trial) has suggest_float, suggest_int and suggest_categorical, "
            f"and no {name!r}"
        )

    def _choose(self, name: str, make: Callable[[], BaseDistribution], default: Any) -> Any:
        if name in self._fixed:
            return default
        try:
            with warnings.catch_warnings():
                # A range that its step does not divide ends with the last step within.
                warnings.simplefilter("ignore", UserWarning)
                distribution = make()
        except (TypeError, ValueError) as error:
            raise ValueError(f"sweep(trial): the range of {name} is wrong: {error}") from error
        if self.distributions.setdefault(name, distribution) != distribution:
            raise ValueError(f"sweep(trial) asks for {name} twice, with different ranges")
        return self._decide(name, distribution, default)

    @abstractmethod
    def _decide(self, name: str, distribution: BaseDistribution, default: Any) -> Any: ...


class DefaultChoices(Choices):
    """Answers with the config's own values."""

    def _decide(self, name: str, distribution: BaseDistribution, default: Any) -> Any:
        if not _contains(distribution, default):
            raise ValueError(
                f"sweep(trial): config.{name} is {default!r}, which is not among "
                f"{describe(distribution)}"
            )
        return default


class BranchChoices(Choices):
    """Answers with given choices of the categories, in the order in which they are asked for.

    Args:
      fields, fixed: see `Choices`.
      taken: the place of each category's choice; the first choice beyond them.

    Attributes:
      sizes: how many choices each category has that was asked for so far.
    """

    def __init__(self, fields: dict[str, Any], fixed: frozenset[str], taken: Sequence[int]) -> None:
        super().__init__(fields, fixed)
        self._taken = taken
        self.sizes: list[int] = []

    def _decide(self, name: str, distribution: BaseDistribution, default: Any) -> Any:
        if not isinstance(distribution, CategoricalDistribution):
            assert isinstance(distribution, FloatDistribution | IntDistribution)
            return default if _contains(distribution, default) else distribution.low
        place = len(self.sizes)
        self.sizes.append(len(distribution.choices))
        return distribution.choices[self._taken[place] if place < len(self._taken) else 0]


class TrialChoices(Choices):
    """Answers with what an Optuna trial proposes."""

    def __init__(self, fields: dict[str, Any], fixed: frozenset[str], trial: optuna.Trial) -> None:
        super().__init__(fields, fixed)
        self._trial = trial

    def _decide(self, name: str, distribution: BaseDistribution, default: Any) -> Any:
        del default
        if isinstance(distribution, CategoricalDistribution):
            return self._trial.suggest_categorical(name, distribution.choices)
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        suggest: Callable[..., Any] = (
            self._trial.suggest_int
            if isinstance(distribution, IntDistribution)
            else self._trial.suggest_float
        )
        return suggest(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )


def field_of(name: object, fields: Mapping[str, Any]) -> Any:
    """The config's own value of a field; ValueError with near matches where there is none."""
    if name in fields:
        return fields[str(name)]
    near = difflib.get_close_matches(str(name), fields, n=3)
    last = str(name).rsplit(".", 1)[-1]
    near += [f for f in fields if f.rsplit(".", 1)[-1] == last and f not in near]
    hint = ", ".join(f"config.{found}" for found in near) or "none"
    raise ValueError(f"sweep(trial): there is no config.{name}; near matches: {hint}")


def fits(value: Any, default: Any) -> bool:
    """Whether a value may take the place of the config's own."""
    if default is None:
        return value is None or isinstance(value, bool | int | float | str | list | tuple)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def label_of(choice: Any) -> Any:
    """A choice as storages hold it: plain values as they are, lists and tuples as their JSON."""
    return json.dumps(choice) if isinstance(choice, list | tuple) else choice


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if not isinstance(value, int | float) or not distribution.low <= value <= distribution.high:
        return False
    if isinstance(distribution, IntDistribution) and value != int(value):
        return False
    if distribution.step is None:
        return True
    steps = (value - distribution.low) / distribution.step
    return abs(steps - round(steps)) < 1e-8


def describe(distribution: BaseDistribution) -> str:
    """The values to choose from, as text."""
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(map(str, distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    text = f"{distribution.low} to {distribution.high}"
    if distribution.step is not None and distribution.step != 1:
        text += f" in steps of {distribution.step}"
    return text + (", logarithmic" if distribution.log else "")
