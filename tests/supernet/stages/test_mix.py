"""Where texts meet is a choice that changes how a network is trained, and no cost."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.cost import COSTS, TUNED_PARAMS, CostModel, HeadSize
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.uniform import uniform_rows
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.stages.mix import mix_of
from xlnas_jax.types import ConfigError

PLAIN = SpaceConfig(heads=(2, 4), ffn=(8, 32))
SPACE = make_space(dataclasses.replace(PLAIN, mix=(0, 1)), SHAPE)
HEADS = (HeadSize(NUM_LABELS),)


def test_it_changes_no_cost_and_nothing_that_runs() -> None:
    plain = make_space(PLAIN, SHAPE)
    rows = every_architecture(SPACE)
    same = np.delete(rows, SPACE.columns("mix").start, axis=1)
    assert len(rows) == SPACE.size == 2 * plain.size
    ours, theirs = (
        CostModel(space, SHAPE, HEADS, length=16)(own)
        for space, own in ((SPACE, rows), (plain, same))
    )
    assert set(ours) == set(theirs) == set(COSTS) and TUNED_PARAMS not in ours
    for name in COSTS:
        np.testing.assert_array_equal(ours[name], theirs[name])
    for row, other in zip(rows, same, strict=True):
        assert SPACE.layers(row) == plain.layers(other)


def test_what_is_chosen_is_known_or_data() -> None:
    row = np.asarray(SPACE.num_choices, np.int32) - 1
    known = mix_of(SPACE, row)
    assert known is not None and known == ((0, 1), 1)
    traced = jax.jit(lambda row: mix_of(SPACE, row).place)(jnp.asarray(row))
    assert int(traced) == 1
    assert mix_of(make_space(PLAIN, SHAPE), row[:-1]) is None


def test_networks_without_a_search_meet_at_every_layer() -> None:
    column = SPACE.columns("mix").start
    rows = uniform_rows(SPACE)
    assert sorted(set(rows[:, column].tolist())) == [0, 1]
    assert len(rows) == 2 * len(uniform_rows(make_space(PLAIN, SHAPE)))


@pytest.mark.parametrize("layers", [(1, 0), (0, 0), (0, SHAPE.num_layers)], ids=str)
def test_layers_must_rise_and_be_there(layers) -> None:
    with pytest.raises(ConfigError, match=r"space\.mix: layers must rise.*got \["):
        make_space(dataclasses.replace(PLAIN, mix=layers), SHAPE)
    with pytest.raises(ConfigError, match="mix"):
        dataclasses.replace(PLAIN, mix=(-1,))
