"""The tables of names cover every weight and work in both directions."""

import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.supernet.conftest import CONFIGS
from tests.supernet.families.shapes import shape_of
from xlnas_jax.space.shape import Spec
from xlnas_jax.supernet.families.base import BUILT, require_built
from xlnas_jax.supernet.families.layout import (
    axis_sizes,
    from_stored,
    stored_shape,
    to_stored,
)
from xlnas_jax.supernet.families.registry import (
    FAMILIES,
    family_of,
    shape_from,
)
from xlnas_jax.supernet.pretrained import read_shape
from xlnas_jax.types import ConfigError

RULES = (
    *FAMILIES["bert"].embeddings,
    *FAMILIES["bert"].layer,
    *FAMILIES["bert"].head,
    *FAMILIES["roberta"].mlm,
    *FAMILIES["roberta"].decoder,
)


@pytest.fixture
def sizes(save_tiny, checkpoint):
    """Axis sizes of a tiny BERT with three labels."""
    save_tiny("bert", "Model")
    return {**axis_sizes(read_shape(checkpoint)), "label": 3}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.source)
def test_exporting_undoes_reading(rule, sizes):
    tensor = np.random.default_rng(0).normal(size=stored_shape(rule.layout, sizes))
    tensor = tensor.astype(np.float32)

    ours = from_stored(tensor, rule.layout, sizes)

    np.testing.assert_array_equal(to_stored(ours, rule.layout, sizes), tensor)


def test_head_axes_come_from_consecutive_rows(sizes):
    tensor = np.arange(24 * 24, dtype=np.float32).reshape(24, 24)

    ours = from_stored(tensor, "(head head_dim) (model) -> model head head_dim", sizes)

    # Row 11 of torch's weight is entry 3 of head 1.
    np.testing.assert_array_equal(ours[:, 1, 3], tensor[11])


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_name_every_tensor_that_transformers_saves(
    family, save_tiny, checkpoint
):
    save_tiny(family, "ForMaskedLM")
    names = set(load_file(checkpoint / "model.safetensors"))
    entry = FAMILIES[family]
    layers = CONFIGS[family].get("num_hidden_layers", 3)

    expected = {
        rule.source.format(encoder=entry.prefix, layer=layer)
        for rule in (
            *entry.embeddings,
            *entry.layer,
            *entry.final,
            *entry.mlm,
            *entry.decoder,
        )
        for layer in range(rule.first, layers)
    }

    # What is tied to another tensor is not saved.
    tied = {rule.source for rule in entry.decoder}
    assert names <= expected and expected - names <= tied


def test_every_family_computes_what_there_are_layers_for():
    for name, family in FAMILIES.items():
        assert family.name == name
        require_built(family.spec, name)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"positions": "sines"}, "positions must be 'learned' or .*got 'sines'"),
        ({"norm_place": "both"}, "norm_place must be 'after' or .*got 'both'"),
        ({"norm": "batch"}, "norm must be 'layer' or 'rms'; got 'batch'"),
        ({"activation": "tanh"}, "activation must be 'gelu' or .*got 'tanh'"),
    ],
)
def test_a_spec_without_layers_is_refused_by_what_is_missing(changed, named):
    with pytest.raises(ConfigError, match=named):
        require_built(dataclasses.replace(Spec(), **changed), "here")
    assert {field.name for field in dataclasses.fields(Spec)} == set(BUILT)


@pytest.mark.parametrize(
    ("name", "near"),
    [("albert", "bert"), ("xlm-roberta-xxl", "xlm-roberta-xl"), (None, "")],
)
def test_a_family_without_a_file_is_refused_with_those_there_are(name, near):
    with pytest.raises(ConfigError, match="bert, roberta, xlm-roberta") as error:
        family_of({"model_type": name}, "config.json")
    assert str(error.value).endswith(f"{near}.") or not near


def test_a_shape_comes_back_with_the_spec_of_its_family():
    for name in (*FAMILIES, "scratch"):
        shape = shape_of(name)
        # As a file has it.
        assert shape_from(json.loads(json.dumps(shape.as_dict()))) == shape
