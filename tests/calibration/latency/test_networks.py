"""What is measured is what would be exported."""

import jax
import numpy as np
import pytest

from tests.models import SHAPE, tiny_params, tiny_space
from xlnas_jax.calibration.latency.networks import draw_networks, share_weights
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.supernet.chain import make_space

SPACE = tiny_space(min_layers=2)


def test_shared_weights_are_those_of_the_sliced_networks():
    params = tiny_params()
    rows = draw_networks(SPACE, 12)
    for row, own in zip(rows, share_weights(params, SPACE, SHAPE, rows), strict=True):
        expected = slice_subnet(params, SPACE, row)
        assert jax.tree.structure(own) == jax.tree.structure(expected)
        for one, other in zip(
            jax.tree.leaves(own), jax.tree.leaves(expected), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_half_layers_of_one_size_are_the_same_arrays():
    rows = np.repeat(np.asarray(SPACE.flatten(SPACE.largest()))[None], 2, 0)
    rows[1, SPACE.columns("ffn")] = 0
    one, other = share_weights(tiny_params(), SPACE, SHAPE, rows)
    for mine, yours in zip(one.layers, other.layers, strict=True):
        assert mine.query.kernel is yours.query.kernel
        assert mine.up.kernel is not yours.up.kernel


def test_networks_differ_begin_with_the_extremes_and_have_every_depth():
    rows = draw_networks(SPACE, 60, seed=1)
    assert len(np.unique(SPACE.canonical(rows), axis=0)) == len(rows) == 60
    np.testing.assert_array_equal(rows, SPACE.canonical(rows))
    np.testing.assert_array_equal(rows[1], SPACE.flatten(SPACE.largest()))
    depths = np.bincount(SPACE.num_kept(rows), minlength=4)
    assert depths[:2].sum() == 0
    # Of a uniform draw of layers only one in four would keep all three.
    assert depths[2] > 20 and depths[3] > 20
    assert SPACE.num_kept(rows[:1])[0] == SPACE.min_layers
    np.testing.assert_array_equal(rows, draw_networks(SPACE, 60, seed=1))


@pytest.mark.parametrize("is_elastic", [True, False])
def test_a_small_space_gives_all_of_its_networks(is_elastic):
    config = SpaceConfig(elastic_depth=is_elastic, heads=(2, 4), ffn=(32,))
    space = make_space(config, SHAPE)
    assert len(draw_networks(space, 60)) == space.size
