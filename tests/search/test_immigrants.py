"""Candidates from outside a strategy keep the limits and are large."""

import numpy as np
import pytest

from tests.archives import box_of
from tests.models import SHAPE, tiny_space
from tests.settings import make_setting
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.search.immigrants import exchange, make_immigrants, raised
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.supernet.chain import make_space

SPACE = tiny_space()
COSTS = make_setting().costs
LOW = COSTS.smallest()["flops"]
FULL = int(COSTS(np.asarray(SPACE.flatten(SPACE.largest()))[None])["flops"][0])


def share(rows: np.ndarray, top: float) -> np.ndarray:
    """Cost of each, from 0 for the smallest network to 1 for the budget."""
    return (COSTS(rows)["flops"] - LOW) / (top - LOW)


@pytest.mark.parametrize("part", [1.0, 0.6, 0.3])
def test_immigrants_are_distinct_feasible_and_in_the_upper_half_of_the_budget(part):
    limits = ConstraintsConfig(flops=LOW + part * (FULL - LOW))
    setting = make_setting(1.0, constraints=limits)
    draw = make_immigrants(setting, box_of("error", "flops", flops=limits.flops))
    rows = draw(np.random.default_rng(0), 100)
    assert len(rows) == 100
    assert len(np.unique(rows, axis=0)) == 100
    assert is_feasible(rows, COSTS, limits).all()
    shares = share(rows, limits.flops)
    assert shares.min() >= 0.5
    # All over that half, and not only where most networks are.
    assert (np.histogram(shares, 4, (0.5, 1.0))[0] >= 10).all()


def test_with_several_costs_that_nearest_to_its_budget_decides():
    limits = ConstraintsConfig(encoder_params=3.0 * COSTS.smallest()["encoder_params"])
    setting = make_setting(1.0, constraints=limits)
    draw = make_immigrants(setting, box_of("error", "flops"))
    rows = draw(np.random.default_rng(0), 4)
    assert len(rows) == 4
    assert is_feasible(rows, COSTS, limits).all()
    assert share(rows, FULL).max() < 0.5


def test_where_hardly_any_network_is_large_there_are_fewer_immigrants():
    space = make_space(
        SpaceConfig(elastic_depth=False, heads=(2, 4), pooling=("mean",), min_layers=3),
        SHAPE,
    )
    setting = make_setting(1.0, space=space)
    found = make_immigrants(setting, box_of("error", "flops", costs=setting.costs))
    rows = found(np.random.default_rng(0), 100)
    assert len(rows) == 4  # two or three of three layers with four heads


def test_raised_rows_have_no_lowest_choice_of_knobs_with_more_than_two():
    rows = np.zeros((2, len(SPACE.num_choices)), np.int32)
    rows[:, SPACE.columns("keep")] = [[1, 1, 0], [1, 1, 1]]
    found = raised(make_setting(), rows)
    np.testing.assert_array_equal(found[:, SPACE.columns("keep")], rows[:, :3])
    assert (found[:, SPACE.columns("heads")] == 1).all()
    assert (found[:, SPACE.columns("ffn")] == 1).all()
    assert (found[:, SPACE.columns("pooling")] == 0).all()


def test_rows_that_would_break_a_limit_or_stay_the_same_network_are_not_raised():
    rows = np.zeros((3, len(SPACE.num_choices)), np.int32)
    rows[:, 0] = 1
    rows[1, 1] = 1
    rows[2, SPACE.columns("heads").start] = 2
    rows[2, SPACE.columns("ffn").start] = 2  # of the one layer that is kept
    most = COSTS(raised(make_setting(), rows))["encoder_params"][0]
    limits = ConstraintsConfig(encoder_params=float(most))
    found = raised(make_setting(constraints=limits), rows)
    assert (found[0] != rows[0]).any()
    np.testing.assert_array_equal(found[1:], rows[1:])


def test_no_network_is_put_in_twice():
    rows = np.zeros((4, len(SPACE.num_choices)), np.int32)
    rows[:, 0] = 1
    rows[:, SPACE.columns("ffn").start] = [0, 1, 2, 0]
    rows[3, 1] = 1
    same = rows[0].copy()
    same[SPACE.columns("heads").start + 2] = 2  # in a layer that is skipped
    other = rows[0].copy()
    other[2] = 1
    found = exchange(SPACE, rows, np.stack([same, other]), 2)
    np.testing.assert_array_equal(found[:3], rows[:3])
    np.testing.assert_array_equal(found[3], other)
    assert rows[3, 1] == 1  # what was given is left as it was
