"""Rows inside the part of a space that is searched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.experiments import tiny_config
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.space.bounds import (
    DEPTH,
    Bounds,
    all_of,
    dimensions,
    heights,
    is_within,
    put_within,
    smallest_within,
)
from xlnas_jax.space.space import SearchSpace

SPACE = prepare(tiny_config()).space
SIZES = [one.size for one in dimensions(SPACE)]


def bounds(*pairs: tuple[int, int]) -> Bounds:
    low, high = zip(*pairs, strict=True)
    return Bounds(np.asarray(low, np.int32), np.asarray(high, np.int32))


def drawn(num: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, SPACE.num_choices, (num, len(SPACE.num_choices)))
    rows = rows[SPACE.num_kept(rows) >= SPACE.min_layers].astype(np.int32)
    return SPACE.canonical(rows)


@st.composite
def some_bounds(draw) -> Bounds:
    pairs = []
    for size in SIZES:
        low = draw(st.integers(0, size - 1))
        pairs.append((low, draw(st.integers(low, size - 1))))
    return bounds(*pairs)


def test_what_is_ordered_and_may_vary_has_bounds() -> None:
    named = {one.name: one.size for one in dimensions(SPACE)}
    assert named == {DEPTH: 2, "heads": 2, "ffn": 3}


@given(some_bounds(), st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_everything_is_put_inside_whatever_the_bounds(
    limits: Bounds, seed: int
) -> None:
    rows = drawn(40, seed)
    inside = put_within(SPACE, rows, limits, np.random.default_rng(seed))
    assert is_within(SPACE, inside, limits).all()
    assert (inside == SPACE.canonical(inside)).all()
    was_inside = is_within(SPACE, rows, limits)
    assert (inside[was_inside] == rows[was_inside]).all()


def test_bounds_of_everything_change_nothing() -> None:
    rows = drawn(60)
    assert is_within(SPACE, rows, all_of(SPACE)).all()
    same = put_within(SPACE, rows, all_of(SPACE), np.random.default_rng(0))
    assert (same == rows).all()


def test_the_same_generator_draws_the_same() -> None:
    narrow = bounds((1, 1), (1, 1), (1, 2))
    one, other = (
        put_within(SPACE, drawn(30), narrow, np.random.default_rng(5)) for _ in range(2)
    )
    assert (one == other).all()


def test_larger_choices_are_likelier_with_a_bias() -> None:
    rows = drawn(400)
    limits = bounds((1, 1), (0, 1), (1, 2))
    columns = SPACE.columns("ffn")

    def share(bias: float) -> float:
        rng = np.random.default_rng(0)
        inside = put_within(SPACE, rows, limits, rng, bias)
        changed = (inside != rows)[:, columns]
        return float((inside[:, columns][changed] == 2).mean())

    # Two choices at ranks 1/2 and 1.
    expected = np.exp(4.0) / (np.exp(2.0) + np.exp(4.0))
    assert share(0.0) == pytest.approx(0.5, abs=0.08)
    assert share(4.0) == pytest.approx(expected, abs=0.05)


def test_the_smallest_inside_costs_least_of_all_inside() -> None:
    costs = prepare(tiny_config()).costs
    limits = bounds((0, 1), (1, 1), (1, 2))
    smallest = smallest_within(SPACE, limits)
    assert is_within(SPACE, smallest, limits).all()
    every = put_within(SPACE, drawn(300), limits, np.random.default_rng(0))
    least = costs.counted(smallest)["encoder_params"].min()
    assert least == costs.counted(every)["encoder_params"].min()


def test_heights_go_from_the_lowest_choices_to_the_highest() -> None:
    limits = bounds((0, 1), (0, 1), (0, 2))
    full = np.asarray(SPACE.num_choices, np.int32)[None] - 1
    assert heights(SPACE, full, limits).tolist() == [1.0]
    assert heights(SPACE, smallest_within(SPACE, limits), limits).max() == 0.0
    one_way = bounds((1, 1), (1, 1), (2, 2))
    assert heights(SPACE, full, one_way).tolist() == [0.0]


def test_a_space_without_choices_has_no_dimension() -> None:
    gate, *others = SPACE.knobs
    fixed = SearchSpace(
        tuple(
            type(k)(k.name, k.choices[-1:], k.sites, k.needs_layer, k.is_ordered)
            for k in (gate, *others)
        ),
        1,
        SPACE.stages,
        SPACE.wholes,
    )
    assert dimensions(fixed) == ()
    rows = np.zeros((2, len(fixed.num_choices)), np.int32)
    same = put_within(fixed, rows, all_of(fixed), np.random.default_rng(0))
    assert (same == rows).all()
