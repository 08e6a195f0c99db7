"""Limits on latency keep their margin; limits that nothing meets are named at once."""

import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, tiny_space
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.space.constraints import is_feasible, require_feasible
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.latency import Latency, LatencyTable
from xlnas_jax.types import ArchitectureError

MS = 1_000_000
# Poolings are cls, mean, max and attentive: the last is the fastest here, and has the
# most parameters.
TABLE = LatencyTable(
    (4 * MS, 4 * MS, 4 * MS, MS), ((MS, 2 * MS, 3 * MS), (0, MS, 2 * MS))
)


@pytest.fixture
def costs() -> CostModel:
    space = tiny_space(min_layers=2)
    return CostModel(space, SHAPE, (HeadSize(NUM_LABELS),), length=16)


@pytest.fixture
def rows(costs) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, costs.space.num_choices, (500, len(costs.space.num_choices)))


def test_a_prediction_must_leave_room_for_its_margin(costs, rows):
    predicted = TABLE(costs.space, rows) / MS
    config = ConstraintsConfig(latency_ms=12.5)
    deep = costs.space.num_kept(rows) >= 2
    for margin in (0.0, 0.1, 0.25):
        found = is_feasible(rows, costs.with_latency(Latency(TABLE, margin)), config)
        np.testing.assert_array_equal(found, deep & (predicted * (1 + margin) <= 12.5))
        assert 0 < found.sum() < len(rows)


def test_only_what_is_within_all_other_limits_is_measured(costs, rows):
    asked = []

    def measure(given: np.ndarray) -> np.ndarray:
        asked.append(given)
        return TABLE(costs.space, given) / MS

    measured = costs.with_latency(Latency(TABLE, 0.5, measure))
    limit = float(np.median(costs(rows)["params"]))
    config = ConstraintsConfig(params=limit, latency_ms=9.0)
    found = is_feasible(rows, measured, config)
    (given,) = asked
    counted = is_feasible(rows, costs, ConstraintsConfig(params=limit))
    np.testing.assert_array_equal(given, rows[counted])
    # What was measured needs no margin.
    expected = counted & (TABLE(costs.space, rows) / MS <= 9.0)
    np.testing.assert_array_equal(found, expected)


def test_every_limit_that_is_too_low_is_named_with_its_smallest_value(costs):
    smallest = costs.smallest()
    config = ConstraintsConfig(
        params=smallest["params"] - 1.0, flops=smallest["flops"] - 1.0, memory_bytes=1e9
    )
    with pytest.raises(ArchitectureError) as caught:
        require_feasible(costs, config)
    for name in ("params", "flops"):
        assert f"constraints.{name}: no architecture" in str(caught.value)
        assert f"smallest possible value is {smallest[name]:,}" in str(caught.value)
    assert "memory_bytes" not in str(caught.value)


def test_a_limit_on_latency_counts_from_when_it_was_measured(costs):
    config = ConstraintsConfig(latency_ms=3.1)
    require_feasible(costs, config)
    # Two layers of a millisecond each, after one of attentive pooling; then a tenth.
    with pytest.raises(ArchitectureError, match=r"latency_ms.*value is 3\.300"):
        require_feasible(costs.with_latency(Latency(TABLE, 0.1)), config)
    require_feasible(costs.with_latency(Latency(TABLE, 0.03)), config)


def test_limits_that_exclude_each_other_are_called_so(costs, rows):
    costs = costs.with_latency(Latency(TABLE, 0.0))
    smallest = costs.smallest()
    # Only attentive pooling is as fast, and all others have as few parameters.
    config = ConstraintsConfig(latency_ms=5.0, params=smallest["params"] + 100.0)
    for alone in ({"latency_ms": 5.0}, {"params": smallest["params"] + 100.0}):
        require_feasible(costs, ConstraintsConfig(**alone))
    assert not is_feasible(rows, costs, config).any()
    with pytest.raises(ArchitectureError, match="met alone, but no architecture") as e:
        require_feasible(costs, config)
    assert "latency_ms within 5 (smallest possible: 3)" in str(e.value)
