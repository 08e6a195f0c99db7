import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, tiny_space
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space, space_of
from xlnas_jax.types import ArchitectureError, ConfigError


def every_row(space: SearchSpace) -> np.ndarray:
    ranges = [range(size) for size in space.num_choices]
    return np.asarray(list(itertools.product(*ranges)), np.int32)


@pytest.fixture
def small() -> SearchSpace:
    return space_of(
        knobs=(
            Knob("keep", (0, 1), 2),
            Knob("heads", (1, 2), 2, needs_layer=True),
            Knob("ffn", (4, 8, 16), 2, needs_layer=True),
            Knob("pooling", ("cls", "mean"), 1, is_ordered=False),
        )
    )


def test_size_counts_distinct_valid_networks(small):
    rows = every_row(small)
    valid = small.canonical(rows[small.num_kept(rows) >= small.min_layers])
    assert small.size == len(np.unique(valid, axis=0))


def test_flatten_and_unflatten_are_inverse():
    space = tiny_space()
    rows = np.asarray(space.flatten(space.sample(jax.random.key(0), 50)))
    again = np.asarray(space.flatten(space.unflatten(jnp.asarray(rows))))
    np.testing.assert_array_equal(again, rows)


def test_samples_stay_inside_and_reach_every_choice():
    space = tiny_space()
    rows = np.asarray(space.flatten(space.sample(jax.random.key(1), 500)))
    np.testing.assert_array_equal(rows.min(0), 0)
    np.testing.assert_array_equal(rows.max(0), np.asarray(space.num_choices) - 1)


@pytest.mark.parametrize("min_layers", [0, 1, 2, 3])
def test_valid_samples_keep_enough_layers(min_layers):
    space = tiny_space(min_layers=min_layers)
    rows = np.asarray(space.flatten(space.sample_valid(jax.random.key(2), 300)))
    kept = space.num_kept(rows)
    assert kept.min() == min_layers
    assert kept.max() == SHAPE.num_layers


def test_largest_is_full_and_smallest_is_minimal():
    space = tiny_space(min_layers=2)
    largest = space.values(np.asarray(space.flatten(space.largest())))
    smallest = space.values(np.asarray(space.flatten(space.smallest())))
    assert largest["keep"] == [1, 1, 1] and largest["heads"] == [4, 4, 4]
    assert smallest["keep"] == [1, 1, 0] and smallest["ffn"] == [8, 8, 8]


def test_values_round_trip():
    space = tiny_space()
    for row in np.asarray(space.flatten(space.sample(jax.random.key(3), 20))):
        np.testing.assert_array_equal(space.from_values(space.values(row)), row)


def test_values_outside_the_space_are_refused():
    space = tiny_space()
    values = space.values(np.asarray(space.flatten(space.largest())))
    with pytest.raises(ArchitectureError, match=r"heads: 3 is not a choice.*\[1, 2, 4"):
        space.from_values({**values, "heads": [3, 1, 1]})
    with pytest.raises(ArchitectureError, match="ffn: needs 3 values; got 1"):
        space.from_values({**values, "ffn": [8]})


def test_networks_that_differ_only_in_skipped_layers_share_their_name(small):
    one = np.asarray([0, 1, 0, 1, 2, 0, 1], np.int32)
    same = np.asarray([0, 1, 1, 1, 0, 0, 1], np.int32)
    other = np.asarray([0, 1, 0, 0, 2, 0, 1], np.int32)
    assert small.identifier(one) == small.identifier(same)
    assert small.identifier(one) != small.identifier(other)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SpaceConfig(heads=(5,)), r"space.heads: every choice must lie in 0\.\.4"),
        (SpaceConfig(heads=(2, 2, 4)), "space.heads: choices must rise and differ"),
        (SpaceConfig(ffn=(32, 8)), "space.ffn: choices must rise"),
        (SpaceConfig(ffn=(8, 16)), "space.ffn: the last choice must be.*32"),
        (SpaceConfig(pooling=("sum",)), "space.pooling: 'sum' is unknown.*'cls'"),
        (SpaceConfig(min_layers=4), r"space.min_layers: must lie in 0\.\.3"),
    ],
)
def test_choices_that_the_model_cannot_take_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        make_space(config, SHAPE)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads": (-1, 4)}, "heads: must be at least 0; got -1"),
        ({"pooling": ()}, "pooling: must not be empty"),
        ({"min_layers": -1}, "min_layers: must be at least 0; got -1"),
    ],
)
def test_choices_that_no_model_can_take_are_refused_at_once(values, message):
    with pytest.raises(ConfigError, match=message):
        SpaceConfig(**values)


def test_empty_and_repeated_choices_are_refused():
    with pytest.raises(ArchitectureError, match="heads: needs at least one choice"):
        Knob("heads", (), 2)
    with pytest.raises(ArchitectureError, match="heads: choices must differ"):
        Knob("heads", (2, 2), 2)
