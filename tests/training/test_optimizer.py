"""Two schedules of a search: of its warm-up, and of its rounds."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import as_shared, tiny_params
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.training.optimizer import (
    apply_gradients,
    make_optimizer,
    with_rate,
)

CONFIG = TrainConfig(
    learning_rate=1e-2, head_learning_rate=3e-2, weight_decay=0.0, pretune_steps=10
)


def sizes(config: TrainConfig, num_steps: int, *told: int | None) -> np.ndarray:
    """How far a weight of a layer, and one of the head, moves in every step.

    With gradients that do not change, AdamW moves every weight by its learning rate.
    """
    params = as_shared(tiny_params())
    optimizer = make_optimizer(config, params, *(told or [num_steps]))
    grads = jax.tree.map(lambda leaf: jnp.full_like(leaf, 1e-3), params)
    state = optimizer.init(params)
    step = jax.jit(lambda p, s: apply_gradients(optimizer, p, s, grads))
    moved = []
    for _ in range(num_steps):
        after, state = step(params, state)
        moved.append(
            [
                float(one[0] - other[0])
                for one, other in (
                    (params.encoder.layers.up.bias[0], after.encoder.layers.up.bias[0]),
                    (params.heads["task"].output.bias, after.heads["task"].output.bias),
                )
            ]
        )
        params = after
    return np.asarray(moved)


def rise_and_fall(peak: float, num_steps: int, schedule: str = "linear") -> np.ndarray:
    warmup = max(1, round(0.1 * num_steps))
    steps = np.arange(num_steps)
    up, left = steps / warmup, (num_steps - steps) / (num_steps - warmup)
    down = {"linear": left, "cosine": np.sin(np.pi * left / 2) ** 2, "constant": 1.0}
    return peak * np.where(steps < warmup, up, down[schedule])


@pytest.mark.parametrize(
    "schedule",
    ["linear", "cosine", pytest.param("constant", marks=pytest.mark.slow)],
)
def test_rounds_have_a_schedule_of_their_own_and_one_rate_for_all(schedule) -> None:
    changes = {"rounds_learning_rate": 2e-2, "schedule": schedule}
    found = sizes(dataclasses.replace(CONFIG, **changes), 30)
    first, later = (rise_and_fall(*p, schedule) for p in ((1e-2, 10), (2e-2, 20)))
    np.testing.assert_allclose(found[:, 0], [*first, *later], rtol=1e-2, atol=1e-6)
    np.testing.assert_allclose(found[:, 1], [*3 * first, *later], rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"pretune_steps": 0}, {"pretune_steps": 30}])
def test_without_it_one_schedule_spans_both(changes: dict) -> None:
    config = dataclasses.replace(CONFIG, **changes)
    if changes:
        config = dataclasses.replace(config, rounds_learning_rate=2e-2)
    found = sizes(config, 30)
    expected = rise_and_fall(1e-2, 30)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-2, atol=1e-6)
    np.testing.assert_allclose(found[:, 1], 3 * expected, rtol=1e-2, atol=1e-6)


def test_without_steps_the_rate_stays() -> None:
    config = dataclasses.replace(CONFIG, learning_rate=1.0, head_learning_rate=1.0)
    np.testing.assert_allclose(sizes(config, 3, None), 1.0, rtol=1e-3)


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_factor_scales_all_that_is_trained(is_frozen: bool) -> None:
    params = as_shared(tiny_params())
    config = dataclasses.replace(CONFIG, freeze_embeddings=is_frozen)
    optimizer = make_optimizer(config, params, None)
    grads = jax.tree.map(lambda leaf: jnp.full_like(leaf, 1e-3), params)
    state = optimizer.init(params)

    def updates(transform) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return jax.jit(transform.update)(grads, state, params)[0]

    whole = updates(optimizer)
    half = updates(with_rate(optimizer, jnp.float32(0.5), is_frozen))
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, 0.5 * other, rtol=1e-6),
        half,
        whole,
    )
    assert np.abs(half.encoder.layers.up.kernel).max() > 0
    moved = np.abs(half.encoder.embeddings.word).max()
    assert (moved == 0) == is_frozen
