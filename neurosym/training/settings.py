"""The loop's own part of a config, checked: `config.train`, `config.optimizer`, `config.seed`.

Every fault is found here, before data are loaded or a file is written.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Mapping
from typing import Any, Self

import ml_collections

LOOPS = ("scan", "step")
OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "linear", "exponential")
LOOP_FIELDS = ("task", "seed", "init_from", "train", "optimizer", "sharding")

# How alike a field must be to one of the loop's to be taken for a slip: "sed", "trian" and
# "training" are, "mask" (for task) is not.
_LIKENESS = 0.76


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """`config.train`: how long, in which batches, and what is kept.

    Attributes:
      batch_size: examples in a step; the last partial batch of an epoch is dropped.
      epochs: passes over the training split; 0 only evaluates.
      eval_batch_size: examples at once when evaluating.
      eval_every_epochs: epochs between two validations; the last epoch is always validated.
      checkpoint_every_steps: steps between checkpoints within an epoch; 0 = only at its end.
      keep_checkpoints: how many of the newest checkpoints stay, besides the best one.
      loop: "scan" runs many steps as one compiled program, "step" calls one step at a time.
    """

    batch_size: int = 64
    epochs: int = 10
    eval_batch_size: int = 500
    eval_every_epochs: int = 1
    checkpoint_every_steps: int = 0
    keep_checkpoints: int = 2
    loop: str = "scan"

    def __post_init__(self) -> None:
        _at_least("train.batch_size", self.batch_size, 1)
        _at_least("train.epochs", self.epochs, 0)
        _at_least("train.eval_batch_size", self.eval_batch_size, 1)
        _at_least("train.eval_every_epochs", self.eval_every_epochs, 1)
        _at_least("train.checkpoint_every_steps", self.checkpoint_every_steps, 0)
        _at_least("train.keep_checkpoints", self.keep_checkpoints, 1)
        _one_of("train.loop", self.loop, LOOPS)


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """`config.optimizer`: the gradient transformation and its schedule.

    Attributes:
      name: "adam", "adamw" or "sgd".
      learning_rate: the peak.
      schedule: "constant", "cosine", "linear" or "exponential" decay after the warm-up.
      warmup_steps: steps of linear rise from 0.
      final_fraction: the schedule ends at this fraction of the peak.
      clip_norm: largest global norm of a gradient; 0 = no clipping.
      weight_decay: decoupled for adamw, added to the gradient for sgd.
      momentum: of sgd.
      b1: of adam and adamw.
      b2: of adam and adamw.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_steps: int = 0
    final_fraction: float = 0.0
    clip_norm: float = 0.0
    weight_decay: float = 0.0
    momentum: float = 0.0
    b1: float = 0.9
    b2: float = 0.999

    def __post_init__(self) -> None:
        _one_of("optimizer.name", self.name, OPTIMIZERS)
        _one_of("optimizer.schedule", self.schedule, SCHEDULES)
        _at_least("optimizer.learning_rate", self.learning_rate, 0)
        _at_least("optimizer.warmup_steps", self.warmup_steps, 0)
        _at_least("optimizer.final_fraction", self.final_fraction, 0)
        _at_least("optimizer.clip_norm", self.clip_norm, 0)
        _at_least("optimizer.weight_decay", self.weight_decay, 0)
        for field in ("momentum", "b1", "b2"):
            value = getattr(self, field)
            if not 0 <= value < 1:
                raise ValueError(f"config.optimizer.{field} must be in [0, 1), got {value}")
        if self.schedule == "exponential" and self.final_fraction <= 0:
            raise ValueError(
                "config.optimizer.final_fraction must be above 0 for the exponential schedule"
            )
        if self.name == "adam" and self.weight_decay > 0:
            raise ValueError(
                "config.optimizer.weight_decay has no effect on adam; "
                "set config.optimizer.name to 'adamw'"
            )


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that the loop itself reads from a config.

    Attributes:
      seed: all randomness of the run follows from it.
      init_from: workdir of a run whose parameters to start from, or a file NAME.safetensors of
        another framework; "" = none.
      train: see `TrainSettings`.
      optimizer: see `OptimizerSettings`.
      sharding: how parameters are cut over several devices: pairs of a pattern that is searched in
        their names and a mesh axis ("data") or None for each of their axes; see
        `neurosym.training.devices.Devices`. Empty = whole on each.
    """

    seed: int
    init_from: str
    train: TrainSettings
    optimizer: OptimizerSettings
    sharding: tuple[tuple[str, tuple[str | None, ...]], ...] = ()

    def __post_init__(self) -> None:
        seed = self.seed
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise ValueError(f"config.seed must be an int from 0 to 2**32 - 1, got {seed!r}")

    @classmethod
    def from_config(cls, config: ml_collections.ConfigDict) -> Self:
        """Reads and checks the loop's fields; absent ones take their defaults.

        Other fields beside `LOOP_FIELDS` are the task's and are left alone.

        Raises:
          ValueError: a field is unknown, has the wrong type, or is out of range; or a field beside
            the loop's looks like a slip for a field of the loop that is absent.

        >>> config = ml_collections.ConfigDict({"train": {"batch_size": -1}})
        >>> Settings.from_config(config)
        Traceback (most recent call last):
            ...
        ValueError: config.train.batch_size must be at least 1, got -1
        """
        _check_names(config)
        init_from = config.get("init_from", "")
        if not isinstance(init_from, str):
            raise ValueError(
                f"config.init_from must be the path of a workdir or of weights, got {init_from!r}"
            )
        return cls(
            seed=config.get("seed", 0),
            init_from=init_from,
            train=TrainSettings(**_fields(TrainSettings, config, "train")),
            optimizer=OptimizerSettings(**_fields(OptimizerSettings, config, "optimizer")),
            sharding=_sharding(config.get("sharding", ())),
        )


def _check_names(config: ml_collections.ConfigDict) -> None:
    absent = [field for field in LOOP_FIELDS if field not in config]
    for name in config:
        near = difflib.get_close_matches(name, absent, n=1, cutoff=_LIKENESS)
        if name not in LOOP_FIELDS and near:
            raise ValueError(
                f"config.{name} looks like config.{near[0]}, which is absent: correct the name, or "
                f"set config.{near[0]} as well if config.{name} is the task's own"
            )


def _sharding(rules: Any) -> tuple[tuple[str, tuple[str | None, ...]], ...]:
    wrong = (
        "config.sharding must be pairs of a pattern and a mesh axis ('data' or None) for each axis "
        f"of the parameters that it finds, such as (('kernel', (None, 'data')),), got {rules!r}"
    )
    try:
        checked = tuple((pattern, tuple(axes)) for pattern, axes in rules)
        for pattern, axes in checked:
            re.compile(pattern)
            if not set(axes) <= {None, "data"}:
                raise ValueError(wrong)
    except (TypeError, re.error) as error:
        raise ValueError(wrong) from error
    return checked


def _fields(settings: type, config: ml_collections.ConfigDict, section: str) -> dict[str, Any]:
    given = config.get(section, {})
    if not isinstance(given, Mapping | ml_collections.ConfigDict):
        raise ValueError(f"config.{section} must hold fields, got {given!r}")
    types: dict[str, type] = {}
    for field in dataclasses.fields(settings):
        types[field.name] = type(field.default)
    values = {}
    for name, value in given.items():
        where = f"config.{section}.{name}"
        if name not in types:
            near = difflib.get_close_matches(name, types) or sorted(types)
            raise ValueError(f"there is no {where}; near it are: {', '.join(near)}")
        wanted = types[name]
        accepted = (int, float) if wanted is float else (wanted,)
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise ValueError(f"{where} must be {wanted.__name__}, got {value!r}")
        values[name] = wanted(value)
    return values


def _at_least(field: str, value: float, least: float) -> None:
    if not (value >= least and math.isfinite(value)):
        raise ValueError(f"config.{field} must be at least {least}, got {value}")


def _one_of(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"config.{field} must be one of {', '.join(choices)}, got {value!r}")
