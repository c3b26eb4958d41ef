"""From the settings of a config to an optax transformation and its learning-rate schedule.

    numbers = optimizer_numbers(settings, total_steps)      {"learning_rate": 0.003, ...}
    schedule = make_schedule(settings, total_steps)         numbers are constants
    make_optimizer(settings, schedule, numbers=traced)      numbers are arguments of a program

A program that takes the numbers as arguments is the same one for every learning rate, weight decay
and length of a run: it is compiled once for a sweep over them. Which optimiser and schedule it is,
and whether there is clipping, weight decay of SGD, momentum or a warm-up, is a part of the program.
So are `b1` and `b2`: optax subtracts them from 1, and 1 - 0.999 in float32 is another number.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from neurosym.training.settings import OptimizerSettings

# By name: Python numbers, or arrays of no axes.
Numbers = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """An optax transformation whose numbers are arguments of the program that it is a part of.

    Attributes:
      numbers: their values.
      build: makes the transformation of them, in a trace or outside of it.
    """

    numbers: Numbers
    build: Callable[[Numbers], optax.GradientTransformation]

    @classmethod
    def of(cls, settings: OptimizerSettings, total_steps: int) -> "Optimizer":
        """The optimiser and schedule of a run.

        Raises:
          ValueError: see `make_schedule`.
        """
        numbers = optimizer_numbers(settings, total_steps)

        def build(numbers: Numbers) -> optax.GradientTransformation:
            schedule = functools.partial(_learning_rate, *_kind(settings), numbers)
            return make_optimizer(settings, schedule, numbers=numbers)

        return cls(numbers, build)

    @classmethod
    def constant(cls, transformation: optax.GradientTransformation) -> "Optimizer":
        """A transformation whose numbers are constants of the program."""
        return cls({}, lambda numbers: transformation)


def optimizer_numbers(settings: OptimizerSettings, total_steps: int) -> dict[str, float]:
    """The numbers that `make_optimizer` and the schedule take as arguments.

    Differences of settings are among them, taken in double precision.

    Raises:
      ValueError: the warm-up is as long as the run.
    """
    warmup = settings.warmup_steps
    if total_steps > 0 and warmup >= total_steps:
        raise ValueError(
            f"config.optimizer.warmup_steps ({warmup}) must be below the number of steps of the "
            f"run ({total_steps})"
        )
    peak, final = settings.learning_rate, settings.final_fraction * settings.learning_rate
    return {
        "learning_rate": peak,
        "final_rate": final,
        "decay": peak - final,
        "final_fraction": settings.final_fraction,
        "decay_fraction": 1 - settings.final_fraction,
        "warmup_steps": float(warmup),
        "decay_steps": float(max(total_steps - warmup, 1)),
        "weight_decay": settings.weight_decay,
        "clip_norm": settings.clip_norm,
        "momentum": settings.momentum,
    }


def make_schedule(settings: OptimizerSettings, total_steps: int) -> optax.Schedule:
    """The learning rate as a function of the step.

    A linear rise over `warmup_steps`, then the named decay, which reaches
    `final_fraction * learning_rate` at `total_steps`.

    Args:
      settings: the checked optimiser settings.
      total_steps: steps of the whole run.

    Returns:
      A function from the step, int32[] or int, to the learning rate, float32[]; one program for
      all numbers.

    Raises:
      ValueError: the warm-up is as long as the run.
    """
    numbers = optimizer_numbers(settings, total_steps)
    return functools.partial(_jitted_learning_rate, *_kind(settings), numbers)


def make_optimizer(
    settings: OptimizerSettings, schedule: optax.Schedule, *, numbers: Numbers | None = None
) -> optax.GradientTransformation:
    """The optax chain that the settings describe: clip, decay weights, then the optimiser.

    Args:
      settings: which; and its numbers, where there are no others.
      schedule: the learning rate by step.
      numbers: as `optimizer_numbers` makes them, in place of those of the settings.
    """
    given = numbers or dataclasses.asdict(settings)
    steps = []
    if settings.clip_norm > 0:
        steps.append(optax.clip_by_global_norm(given["clip_norm"]))
    if settings.name == "sgd":
        if settings.weight_decay > 0:
            steps.append(optax.add_decayed_weights(given["weight_decay"]))
        steps.append(optax.sgd(schedule, momentum=given["momentum"] if settings.momentum else None))
    elif settings.name == "adamw":
        steps.append(
            optax.adamw(
                schedule, b1=settings.b1, b2=settings.b2, weight_decay=given["weight_decay"]
            )
        )
    else:
        steps.append(optax.adam(schedule, b1=settings.b1, b2=settings.b2))
    return optax.chain(*steps)


def _kind(settings: OptimizerSettings) -> tuple[str, bool]:
    """What of a schedule is a part of a program."""
    return settings.schedule, settings.warmup_steps > 0


def _learning_rate(name: str, warms_up: bool, numbers: Numbers, step: Any) -> jax.Array:
    """As optax's schedules compute it, with numbers that may be traced: float32[]."""
    after = step - numbers["warmup_steps"]
    reached = jnp.minimum(after, numbers["decay_steps"])
    share = reached / numbers["decay_steps"]
    if name == "cosine":
        wave = 0.5 * (1 + jnp.cos(jnp.pi * reached / numbers["decay_steps"]))
        decayed = numbers["decay_fraction"] * wave + numbers["final_fraction"]
        rate = numbers["learning_rate"] * decayed
    elif name == "linear":
        rate = numbers["decay"] * (1 - share) + numbers["final_rate"]
    elif name == "exponential":
        decayed = jnp.power(numbers["final_fraction"], after / numbers["decay_steps"])
        rate = numbers["learning_rate"] * decayed
    else:
        rate = numbers["learning_rate"] * jnp.ones(())
    if warms_up:
        rest = 1 - jnp.clip(step, 0, numbers["warmup_steps"]) / numbers["warmup_steps"]
        rise = numbers["learning_rate"] - numbers["learning_rate"] * rest
        rate = jnp.where(after < 0, rise, rate)
    return jnp.asarray(rate, jnp.float32)


_jitted_learning_rate = jax.jit(_learning_rate, static_argnums=(0, 1))
