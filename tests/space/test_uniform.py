"""Uniformly scaled networks: all of them, and nothing else."""

import dataclasses

import numpy as np
import pytest

from tests.models import SHAPE, tiny_space
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.uniform import uniform_rows
from xlnas_jax.supernet.chain import make_space


@pytest.mark.parametrize("min_layers", [1, 2, 3])
def test_one_for_each_depth_and_each_choice_of_the_other_knobs(min_layers):
    space = tiny_space(min_layers=min_layers)

    rows = uniform_rows(space)

    assert len(np.unique(rows, axis=0)) == len(rows) == (4 - min_layers) * 3 * 3 * 4
    np.testing.assert_array_equal(rows, space.canonical(rows))


def test_they_are_the_networks_of_the_space_whose_kept_layers_are_alike():
    space = tiny_space()
    every = every_architecture(space)
    kept = every[:, space.columns("keep")] == 1
    alike = np.ones(len(every), bool)
    for name in ("heads", "ffn"):
        choices = every[:, space.columns(name)]
        low = np.where(kept, choices, 9).min(-1)
        alike &= low == np.where(kept, choices, -1).max(-1)
    # Of two kept layers the outer ones, of a single one the first.
    evenly = [{(1, 0, 0)}, {(1, 0, 1)}, {(1, 1, 1)}]
    alike &= [tuple(row) in evenly[sum(row) - 1] for row in kept.astype(int).tolist()]

    rows = uniform_rows(space)

    expected = {row.tobytes() for row in every[alike].astype(np.int32)}
    assert {row.tobytes() for row in rows.astype(np.int32)} == expected


def test_layers_are_dropped_evenly():
    shape = dataclasses.replace(SHAPE, num_layers=12)
    space = make_space(SpaceConfig(min_layers=4), shape)

    kept = uniform_rows(space)[:, space.columns("keep")]

    assert kept.sum(-1).tolist() == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    for row in kept:
        gaps = np.diff(np.flatnonzero(row))
        assert gaps.max() - gaps.min() <= 1
        assert row[0] == row[-1] == 1


def test_without_elastic_depth_all_layers_stay():
    space = make_space(SpaceConfig(elastic_depth=False, ffn=(8, 32)), SHAPE)

    rows = uniform_rows(space)

    assert len(rows) == 2
    assert (space.num_kept(rows) == 3).all()


def test_of_the_bottom_the_first_layers_are_kept():
    space = tiny_space()
    kept = uniform_rows(space, bottom=True)[:, space.columns("keep")]
    assert {tuple(row) for row in kept.tolist()} == {(1, 0, 0), (1, 1, 0), (1, 1, 1)}
    assert len(kept) == len(uniform_rows(space))
