"""Expected costs against the sum over every architecture of a whole small space."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, tiny_space
from tests.settings import make_costs
from xlnas_jax.controllers.base import choice_mask
from xlnas_jax.space.disk import Disk
from xlnas_jax.space.expected import make_expected_costs
from xlnas_jax.space.latency import Latency, LatencyTable

SPACE = tiny_space(dataclasses.replace(SHAPE, num_layers=2))
MASK = choice_mask(SPACE.num_choices)
LATENCY = Latency(LatencyTable((5, 7, 9, 20), ((10, 30, 70), (11, 13, 40))), 0.1)
COSTS = dataclasses.replace(
    make_costs(SPACE).with_latency(LATENCY), disk=Disk("onnx", tokenizer_bytes=500)
)
LIMITS = {
    "params": 5e3,
    "encoder_params": 3e3,
    "flops": 2e5,
    "memory_bytes": 4e4,
    "latency_ms": 1e-4,
    "disk_mb": 0.02,
}


def some_policy(seed: int) -> jax.Array:
    logits = 2 * jax.random.normal(jax.random.key(seed), MASK.shape)
    return jax.nn.softmax(jnp.where(MASK, logits, -1e9), axis=-1)


@pytest.mark.parametrize("seed", range(3))
def test_expected_costs_are_those_of_full_enumeration(seed):
    policy = np.asarray(some_policy(seed), np.float64)
    rows = np.asarray(list(itertools.product(*map(range, SPACE.num_choices))), np.int32)
    probability = policy[np.arange(rows.shape[1])[None], rows].prod(-1)
    counts = COSTS(rows)
    # The table's margin is part of the latency limit.
    limits = {**LIMITS, "latency_ms": LATENCY.budget(LIMITS["latency_ms"]) / 1e6}
    expected = [probability @ counts[name] / limits[name] for name in LIMITS]

    found = jax.jit(make_expected_costs(COSTS, LIMITS))(some_policy(seed))

    assert probability.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_cost_of_a_certain_architecture_is_its_own():
    expected = jax.jit(make_expected_costs(COSTS, LIMITS))
    rows = np.asarray(SPACE.flatten(SPACE.sample(jax.random.key(0), 20)))
    limits = {**LIMITS, "latency_ms": LATENCY.budget(LIMITS["latency_ms"]) / 1e6}
    counts = COSTS(rows)
    for number, row in enumerate(rows):
        found = expected(jax.nn.one_hot(row, MASK.shape[1]))
        exact = [counts[name][number] / limits[name] for name in LIMITS]
        np.testing.assert_allclose(found, exact, rtol=1e-5)


def test_without_limits_there_is_nothing_to_expect():
    assert make_expected_costs(COSTS, {})(some_policy(0)).shape == (0,)
