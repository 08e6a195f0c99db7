"""Heads that share keys and values are cut in groups, and nothing else is promised."""

import jax
import numpy as np
import pytest

from tests.supernet.families.shapes import params_of, shape_of, space_of
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.eurobert import entries, sizes_of
from xlnas_jax.supernet.narrow import narrowed_shape
from xlnas_jax.types import ConfigError

CONFIG = {"num_attention_heads": 4, "hidden_size": 24}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"heads": (1, 4)}, r"2 heads share keys.*got \[1, 4\].*\[0, 2, 4\]"),
        ({"lora": (0, 2)}, "space.lora: is for attention whose heads have keys"),
        ({"prefix": (2,)}, "space.prefix: is for attention"),
        ({"window": (3, 128)}, "or heads that share keys"),
    ],
)
def test_the_space_says_what_cannot_be_cut(changed, named) -> None:
    with pytest.raises(ConfigError, match=named):
        make_space(SpaceConfig(**changed), shape_of("eurobert"))
    with pytest.raises(ConfigError, match=r"model\.narrow: heads must have keys"):
        narrowed_shape(shape_of("eurobert"), 12)


def test_a_group_goes_with_its_keys_and_values() -> None:
    space, params = space_of("eurobert"), params_of("eurobert")
    row = np.asarray(space.flatten(space.smallest()))
    values = {**space.values(row), "groups": [1, 1, 1], "keep": [1, 1, 1]}
    own = slice_subnet(params, space, np.asarray(space.from_values(values)))
    layer = own.layers[0]
    assert layer.query.kernel.shape == (24, 1, 2, 6)
    assert layer.key.kernel.shape == layer.value.kernel.shape == (24, 1, 6)
    assert layer.output.kernel.shape == (1, 2, 6, 24)
    whole = jax.tree.map(np.asarray, params.encoder.layers)
    np.testing.assert_array_equal(layer.key.kernel, whole.key.kernel[0, :, :1])


def test_sizes_come_back() -> None:
    found = sizes_of({**CONFIG, "num_key_value_heads": 2, "rope_theta": 9.5}, 3, "here")
    assert found == {"num_groups": 2, "theta": 9.5}
    assert sizes_of(CONFIG, 3, "here")["num_groups"] == 4
    written = entries(shape_of("eurobert"), [False])
    found = sizes_of({**CONFIG, **written}, 3, "here")
    assert found == {"num_groups": 2, "theta": 250_000.0}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"num_key_value_heads": 3}, "must divide num_attention_heads 4; got 3"),
        ({"head_dim": 8}, "head_dim must be .* 6; got 8"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "rope_type must be"),
    ],
)
def test_what_there_is_no_layer_for_is_refused(changed, named) -> None:
    with pytest.raises(ConfigError, match=named):
        sizes_of({**CONFIG, **changed}, 3, "here")
