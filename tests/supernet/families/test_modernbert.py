"""Every way in which `config.json` tells ModernBERT's layers is understood."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.supernet.families.shapes import params_of, shape_of
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.modernbert import FULL, LOCAL, entries, sizes_of
from xlnas_jax.supernet.stages import attention
from xlnas_jax.types import ConfigError

OLD = {
    "global_attn_every_n_layers": 2,
    "local_attention": 16,
    "global_rope_theta": 5000.0,
    "local_rope_theta": 100,
}


def test_older_and_newer_words_say_the_same() -> None:
    found = sizes_of(OLD, 5, "here")
    assert found["local_layers"] == (1, 3) and found["local_window"] == 8
    assert (found["theta"], found["local_theta"]) == (5000.0, 100.0)
    shape = dataclasses.replace(shape_of("modernbert", num_layers=5), **found)
    kinds = [number in shape.local_layers for number in range(5)]
    assert sizes_of(entries(shape, kinds), 5, "here") == found


def test_what_is_left_out_is_as_in_the_paper() -> None:
    found = sizes_of({}, 4, "here")
    assert found["local_layers"] == (1, 2) and found["local_window"] == 64
    assert (found["theta"], found["local_theta"]) == (160_000.0, 10_000.0)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"layer_types": [FULL]}, "layer_types must be one of"),
        ({"layer_types": [FULL, LOCAL, "mamba"]}, "each of the 3 layers"),
        ({"local_attention": 0}, "local_attention must be an integer from 1"),
        ({"global_attn_every_n_layers": "3"}, "every_n_layers must be an integer"),
        ({"global_rope_theta": 1}, "rope_theta must be a number above 1"),
        ({"rope_scaling": {"type": "linear"}}, "rope_type must be 'default'"),
        (
            {"rope_parameters": {FULL: {"rope_type": "yarn", "rope_theta": 9.0}}},
            "rope_type must be 'default'.*yarn",
        ),
    ],
)
def test_what_there_is_no_layer_for_is_refused(changed, named) -> None:
    with pytest.raises(ConfigError, match=named):
        sizes_of({**OLD, **changed}, 3, "here")


def test_no_window_is_chosen_beside_a_layers_own() -> None:
    with pytest.raises(ConfigError, match="windows of their own"):
        make_space(SpaceConfig(window=(3, 128)), shape_of("modernbert"))


def test_a_local_layer_sees_its_neighbours_alone() -> None:
    shape, layers = shape_of("modernbert"), params_of("modernbert").encoder.layers
    rng, mask = np.random.default_rng(0), jnp.ones((1, 12), bool)
    x = rng.normal(size=(1, 12, shape.width)).astype(np.float32)
    moved = x.copy()
    moved[0, 11] = rng.normal(size=shape.width)
    run = jax.jit(lambda x, layer: attention.attention(x, layer, mask, shape))
    for number in range(shape.num_layers):
        layer = jax.tree.map(lambda leaf, at=number: leaf[at], layers)
        both = [np.asarray(run(jnp.asarray(one), layer)) for one in (x, moved)]
        changed = np.abs(both[1] - both[0]).max(-1)[0] > 1e-6
        last = 11 - shape.local_window if number in shape.local_layers else 0
        assert changed.tolist() == [place >= last for place in range(12)]
