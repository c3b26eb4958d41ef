"""From the settings of a config to an optax transformation and its learning-rate schedule."""

import optax

from neurosym.training.settings import OptimizerSettings


def make_schedule(settings: OptimizerSettings, total_steps: int) -> optax.Schedule:
    """The learning rate as a function of the step.

    A linear rise over `warmup_steps`, then the named decay, which reaches
    `final_fraction * learning_rate` at `total_steps`.

    Args:
      settings: the checked optimiser settings.
      total_steps: steps of the whole run.

    Returns:
      A function from the step, int32[] or int, to the learning rate, float32[].

    Raises:
      ValueError: the warm-up is as long as the run.
    """
    peak, final = settings.learning_rate, settings.final_fraction * settings.learning_rate
    warmup = settings.warmup_steps
    if total_steps > 0 and warmup >= total_steps:
        raise ValueError(
            f"config.optimizer.warmup_steps ({warmup}) must be below the number of steps of the "
            f"run ({total_steps})"
        )
    decay_steps = max(total_steps - warmup, 1)
    schedules = {
        "constant": lambda: optax.constant_schedule(peak),
        "cosine": lambda: optax.cosine_decay_schedule(peak, decay_steps, settings.final_fraction),
        "linear": lambda: optax.linear_schedule(peak, final, decay_steps),
        "exponential": lambda: optax.exponential_decay(peak, decay_steps, settings.final_fraction),
    }
    decay = schedules[settings.schedule]()
    if warmup == 0:
        return decay
    rise = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([rise, decay], [warmup])


def make_optimizer(
    settings: OptimizerSettings, schedule: optax.Schedule
) -> optax.GradientTransformation:
    """The optax chain that the settings describe: clip, decay weights, then the optimiser."""
    steps = []
    if settings.clip_norm > 0:
        steps.append(optax.clip_by_global_norm(settings.clip_norm))
    if settings.name == "sgd":
        if settings.weight_decay > 0:
            steps.append(optax.add_decayed_weights(settings.weight_decay))
        steps.append(optax.sgd(schedule, momentum=settings.momentum or None))
    elif settings.name == "adamw":
        steps.append(
            optax.adamw(
                schedule, b1=settings.b1, b2=settings.b2, weight_decay=settings.weight_decay
            )
        )
    else:
        steps.append(optax.adam(schedule, b1=settings.b1, b2=settings.b2))
    return optax.chain(*steps)
