"""Shares of updates are choices that change what is trained, and nothing that runs."""

import dataclasses

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import NUM_LABELS, SHAPE, tiny_params
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.export.params import count_params
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.space.cost import COSTS, TUNED_PARAMS, CostModel, HeadSize
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.uniform import uniform_rows
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.stages.registry import TRAININGS
from xlnas_jax.supernet.stages.tuned import in_words, kept_shares
from xlnas_jax.types import ConfigError

PLAIN = SpaceConfig(heads=(0, 2, 4), ffn=(8, 32))
SHARES = (0.0, 0.25, 1.0)
SPACE = make_space(dataclasses.replace(PLAIN, tuned=SHARES), SHAPE)
HEADS = (HeadSize(NUM_LABELS),)
COSTS_OF = CostModel(SPACE, SHAPE, HEADS, length=16)
PARAMS = tiny_params()


def without(rows: np.ndarray) -> np.ndarray:
    """The same networks in the space that says nothing of training."""
    return np.delete(rows, np.r_[SPACE.columns("tuned")], axis=1)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31 - 1))
def test_what_is_counted_is_what_kept_and_trained_layers_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = rng.integers(0, SPACE.num_choices).astype(np.int32)
    values, own = SPACE.values(row), slice_subnet(PARAMS, SPACE, row)
    shares = [values["tuned"][n] for n in range(SHAPE.num_layers) if values["keep"][n]]
    layers = zip(own.layers, shares, strict=True)
    held = sum(count_params(layer) for layer, share in layers if share > 0)
    counts = COSTS_OF(row[None])
    assert counts[TUNED_PARAMS].tolist() == [held]
    assert counts[TUNED_PARAMS] <= counts["encoder_params"]
    found = kept_shares(SPACE, row)
    if set(shares) <= {1.0}:
        assert found is None
    else:
        assert np.asarray(found).tolist() == shares


def test_it_changes_no_other_cost_and_nothing_that_runs() -> None:
    plain = make_space(PLAIN, SHAPE)
    costs = CostModel(plain, SHAPE, HEADS, length=16)
    rows = np.asarray(SPACE.flatten(SPACE.sample_valid(jax.random.key(0), 50)))
    ours, theirs = COSTS_OF(rows), costs(without(rows))
    assert set(theirs) == set(COSTS)
    for name in COSTS:
        np.testing.assert_array_equal(ours[name], theirs[name])
    for row, same in zip(rows, without(rows), strict=True):
        assert SPACE.layers(row) == plain.layers(same)
    assert kept_shares(plain, without(rows)[0]) is None


def test_networks_are_listed_as_often_as_they_are_counted() -> None:
    shape = dataclasses.replace(SHAPE, num_layers=2)
    config = SpaceConfig(heads=(0, 4), ffn=(8, 32), tuned=(0.0, 1.0), min_layers=0)
    space = make_space(config, shape)
    rows = every_architecture(space)
    assert len(rows) == len(np.unique(rows, axis=0)) == space.size
    np.testing.assert_array_equal(space.canonical(rows), rows)


def test_networks_without_a_search_are_trained_as_a_whole() -> None:
    rows = uniform_rows(SPACE)
    plain = uniform_rows(make_space(PLAIN, SHAPE))
    assert len(rows) == len(plain)
    is_kept = SPACE.is_kept(rows)
    tuned = rows[:, SPACE.columns("tuned")]
    np.testing.assert_array_equal(tuned, np.where(is_kept, len(SHARES) - 1, 0))


@pytest.mark.parametrize("shares", [(0.0, 0.5), (1.0, 0.0), (0.5, 0.5, 1.0)], ids=str)
def test_shares_must_rise_to_all(shares) -> None:
    config = dataclasses.replace(PLAIN, tuned=shares)
    with pytest.raises(ConfigError, match=r"space\.tuned: shares must rise.*got \["):
        make_space(config, SHAPE)
    with pytest.raises(ConfigError, match=r"tuned: must lie in \[0, 1\]; got 2"):
        dataclasses.replace(PLAIN, tuned=(0.0, 2.0))


def test_every_knob_of_training_is_one_of_the_space() -> None:
    assert SPACE.trainings == TRAININGS[:1]
    assert [one.name for one in TRAININGS] == ["tuned", "mix"]
    assert [in_words(share) for share in SHARES] == [
        "left as it was while the network was trained alone",
        "trained by 0.25 of its updates",
        "trained",
    ]
