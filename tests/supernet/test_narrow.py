"""A narrowed encoder is what transformers makes of the same weights at that size."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import SHAPE
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.narrow import (
    Kept,
    choose,
    narrow,
    narrow_dense,
    narrowed_shape,
)
from xlnas_jax.supernet.params import Dense
from xlnas_jax.types import ConfigError

# fp32 sums in another order, of hidden vectors of order one.
TOLERANCE = 1e-5
WIDTH, HEAD_DIM = 16, 8
IDS = np.random.default_rng(0).integers(3, 40, (2, 9))


def of_heads(heads: np.ndarray) -> np.ndarray:
    """Rows of a map to all heads that are those of some."""
    return (heads[:, None] * HEAD_DIM + np.arange(HEAD_DIM)).ravel()


def selected(model: torch.nn.Module, kept: Kept) -> dict[str, torch.Tensor]:
    """Weights of the narrow model by name, told from those of the wide one."""
    found = {}
    for name, leaf in model.state_dict().items():
        tensor = leaf.numpy()
        layer = next((int(p) for p in name.split(".") if p.isdigit()), 0)
        inner = of_heads(kept.heads[layer])
        if ".self." in name:
            tensor = tensor[inner][:, kept.dims] if tensor.ndim == 2 else tensor[inner]
        elif name.endswith("attention.output.dense.weight"):
            tensor = tensor[kept.dims][:, inner]
        elif "intermediate" in name:
            tensor = tensor[:, kept.dims] if tensor.ndim == 2 else tensor
        elif "embeddings.LayerNorm" not in name and "_embeddings" in name:
            tensor = tensor[:, kept.dims]
        elif name.startswith("pooler.dense.weight"):
            tensor = tensor[np.ix_(kept.dims, kept.dims)]
        elif "position_ids" not in name and "token_type_ids" not in name:
            tensor = tensor[kept.dims]
        found[name] = torch.tensor(tensor)
    return found


@pytest.mark.parametrize(
    "family", [pytest.param("bert", marks=pytest.mark.slow), "xlm-roberta"]
)
def test_it_computes_what_a_smaller_model_of_transformers_does(
    family, save_tiny, checkpoint
) -> None:
    wide = save_tiny(family, "Model")
    whole = pretrained.read_shape(checkpoint)
    encoder = pretrained.load_encoder(checkpoint, whole)
    shape = narrowed_shape(whole, WIDTH)
    sizes = {"hidden_size": WIDTH, "num_attention_heads": shape.num_heads}
    small = type(wide)(type(wide.config)(**{**wide.config.to_dict(), **sizes})).eval()
    ids = jnp.asarray(IDS, jnp.int32)
    mask = jnp.ones(ids.shape, bool)

    @jax.jit
    def run(own):
        x = embed(own.embeddings, shape, ids, jnp.zeros_like(ids), jnp.float32)
        return encode_full(own.layers, shape, x, mask)

    def assert_same(kept: Kept) -> None:
        small.load_state_dict(selected(wide, kept))
        own = narrow(encoder, kept)
        with torch.no_grad():
            found = small(torch.tensor(IDS))
        expected = found.last_hidden_state.numpy()
        np.testing.assert_allclose(run(own), expected, atol=TOLERANCE)
        pooler = pretrained.load_pooler(checkpoint, whole)
        if pooler is not None:
            cut = jax.tree.map(np.asarray, narrow_dense(pooler, kept))
            ours = np.tanh(expected[:, 0] @ cut.kernel + cut.bias)
            np.testing.assert_allclose(ours, found.pooler_output, atol=TOLERANCE)

    @settings(deadline=None, max_examples=10)
    @given(st.integers(0, 2**31 - 1))
    def check(seed: int) -> None:
        rng = np.random.default_rng(seed)
        layers, heads = whole.num_layers, whole.num_heads
        some = [rng.permutation(heads)[: shape.num_heads] for _ in range(layers)]
        dims = np.sort(rng.permutation(whole.width)[:WIDTH])
        assert_same(Kept(dims, np.sort(some)))

    check()
    assert_same(choose(encoder, shape))


def test_dimensions_and_heads_with_the_longest_weights_are_left() -> None:
    encoder = init_encoder(jax.random.key(0), SHAPE)
    shape = narrowed_shape(SHAPE, 12)
    dims, heads = np.asarray([1, 3, 5, 8, 9, 11, 13, 14, 17, 20, 22, 23]), [2, 0, 1]
    factor = jnp.ones(SHAPE.width).at[dims].set(5.0)
    tables = encoder.embeddings
    word, position = tables.word * factor[None], tables.position * factor[None]
    tables = dataclasses.replace(tables, word=word, position=position)
    kernel, output = encoder.layers.query.kernel, encoder.layers.output.kernel
    for layer, head in enumerate(heads):
        # One head of each layer is left out.
        kernel = kernel.at[layer, :, head].multiply(0.1)
        output = output.at[layer, head].multiply(0.1)
    layers = dataclasses.replace(
        encoder.layers,
        query=Dense(kernel, encoder.layers.query.bias),
        output=Dense(output, encoder.layers.output.bias),
    )
    planted = dataclasses.replace(encoder, embeddings=tables, layers=layers)
    kept = choose(planted, shape)
    np.testing.assert_array_equal(kept.dims, dims)
    assert all(h not in own for h, own in zip(heads, kept.heads, strict=True))
    own = narrow(planted, kept)
    np.testing.assert_array_equal(own.embeddings.word, word[:, dims])
    assert own.layers.query.kernel.shape == (3, 12, 2, SHAPE.head_dim)


@pytest.mark.parametrize(
    ("width", "reason"),
    [
        (24, "must be below the hidden size of the model, 24; got 24"),
        (30, "must be below the hidden size"),
        (10, r"must be a multiple of 6, .*got 10. Use one of \[6, 12, 18\]"),
    ],
)
def test_a_width_that_does_not_fit_is_refused(width: int, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        narrowed_shape(SHAPE, width)
