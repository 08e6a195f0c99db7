"""The tables of names cover every weight and work in both directions."""

import numpy as np
import pytest

from xlnas_jax.supernet.names import (
    EMBEDDINGS,
    FAMILIES,
    LAYER,
    axis_sizes,
    from_stored,
    stored_shape,
    to_stored,
)
from xlnas_jax.supernet.pretrained import read_shape

RULES = (
    *EMBEDDINGS,
    *LAYER,
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
def test_tables_name_every_tensor_that_transformers_saves(family, save_tiny):
    names = save_tiny(family, "ForMaskedLM").state_dict().keys()
    entry = FAMILIES[family]

    expected = {
        rule.source.format(encoder=entry.prefix, layer=layer)
        for rule in (*EMBEDDINGS, *LAYER, *entry.mlm, *entry.decoder)
        for layer in range(3)
    }

    assert expected == set(names)
