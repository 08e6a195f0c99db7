"""Learning rates of every step, against optax's schedules and closed forms."""

import jax
import numpy as np
import optax
import pytest

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.training.schedules import rise_and_fall, schedule_of

KINDS = ("linear", "cosine", "constant")


def of_optax(kind: str, first: float, warmup: int, num_steps: int) -> optax.Schedule:
    """The schedule of that name, from a share of the highest rate upwards."""
    rest = max(1, num_steps - warmup)
    if kind == "cosine":
        return optax.warmup_cosine_decay_schedule(first, 1.0, warmup, warmup + rest)
    if kind == "constant":
        return optax.warmup_constant_schedule(first, 1.0, warmup)
    return optax.join_schedules(
        [
            optax.linear_schedule(first, 1.0, warmup),
            optax.linear_schedule(1.0, 0.0, rest),
        ],
        [warmup],
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_steps", [1, 2, 3, 10, 37])
def test_of_few_steps_each_moves_something(num_steps: int, kind) -> None:
    warmup = max(1, round(0.1 * num_steps))
    expected = of_optax(kind, 1 / (warmup + 1), warmup, num_steps)
    for step in range(num_steps):
        found = rise_and_fall(step, num_steps, 0.1, kind)
        assert found == pytest.approx(float(expected(step)), rel=1e-5)
        assert 0.0 < found <= 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_steps", [2, 10, 37])
def test_of_many_steps_rates_begin_at_zero(num_steps: int, kind) -> None:
    warmup = max(1, round(0.2 * num_steps))
    found = schedule_of(
        TrainConfig(schedule=kind, warmup_fraction=0.2), 3e-2, num_steps
    )
    expected = of_optax(kind, 0.0, warmup, num_steps)
    with jax.numpy_dtype_promotion("standard"):  # as where optax takes its steps
        ours, theirs = (
            np.asarray([float(rates(n)) for n in range(num_steps + 1)])
            for rates in (found, expected)
        )
    np.testing.assert_allclose(ours, 3e-2 * theirs, rtol=1e-5, atol=1e-9)
    end = 3e-2 if kind == "constant" else 0.0
    assert ours[[0, -1]] == pytest.approx([0.0, end], abs=1e-9)
