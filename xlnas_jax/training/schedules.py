"""How learning rates rise and fall: of many steps, and of so few that each counts.

References:
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017,
    whose cosine it is, without restarts. https://arxiv.org/abs/1608.03983
"""

import math

import optax

from xlnas_jax.config.train import Schedule, TrainConfig


def schedule_of(config: TrainConfig, peak: float, num_steps: int) -> optax.Schedule:
    """From zero to a learning rate, and back, or not, by `train.schedule`."""
    warmup = max(1, round(config.warmup_fraction * num_steps))
    falling = max(1, num_steps - warmup)
    fall = {
        "linear": optax.linear_schedule(peak, 0.0, falling),
        "cosine": optax.cosine_decay_schedule(peak, falling),
        "constant": optax.constant_schedule(peak),
    }[config.schedule]
    rise = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([rise, fall], [warmup])


def rise_and_fall(
    step: int, num_steps: int, warmup_fraction: float, schedule: Schedule = "linear"
) -> float:
    """Which share of the highest learning rate a step has, of so few that each counts.

    The first one moves something already, and so does the last.
    """
    warmup = max(1, round(warmup_fraction * num_steps))
    rising, falling = warmup + 1, max(1, num_steps - warmup)
    left = min(1.0, (num_steps - step) / falling)
    fallen = {
        "linear": left,
        "cosine": (1.0 - math.cos(math.pi * left)) / 2.0,
        "constant": 1.0,
    }[schedule]
    return min((step + 1) / rising, fallen)
