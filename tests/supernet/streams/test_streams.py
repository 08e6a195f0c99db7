"""Networks that are stopped between layers: the same ones, however they are run."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, random_batch, tiny_params, tiny_space
from tests.supernet.test_pretrained import make_inputs, run_torch
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.fixed import cut_layers
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import EncoderParams, SupernetParams
from xlnas_jax.supernet.pretrained import load_encoder, read_shape
from xlnas_jax.supernet.streams.mixed import Mix
from xlnas_jax.supernet.streams.streams import Streams, cut_streams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import Batch

SPACE = tiny_space()
SUPERNET = make_supernet(SPACE, SHAPE)
PARAMS = tiny_params()
MIX = Mix(jnp.ones(()), jnp.zeros(()))
NOTHING = MIX._replace(most=0.0, renorm=False)
# Two float32 programs that add in different orders.
TOLERANCE = 2e-5


def passed(streams: Streams, params, x, mask, number: int, mix: Mix) -> jax.Array:
    """Through all layers, one of which is mixed."""
    x = streams.run(params, x, mask, None, 0, number)
    x = streams.mix(params, x, mask, None, number, mix)
    return streams.run(params, x, mask, None, number + 1, streams.num_layers)


def both() -> Batch:
    """Three rows and, after them, what stands beside them."""
    return random_batch(0, 6, 10, seed=3)


def hidden_of(streams: Streams, params, batch: Batch, mix: Mix) -> np.ndarray:
    def run(batch: Batch) -> jax.Array:
        x = SUPERNET.embed(PARAMS.encoder.embeddings, batch)
        return passed(streams, params, x, batch.mask, 1, mix)

    found = jax.jit(run)(batch)
    return np.asarray(found) * np.asarray(batch.mask)[..., None]


def test_of_no_share_the_whole_is_the_plain_encoder() -> None:
    batch = both()
    x = SUPERNET.embed(PARAMS.encoder.embeddings, batch)
    plain = jax.jit(SUPERNET.encode_full)(PARAMS, x, batch)
    plain = np.asarray(plain) * np.asarray(batch.mask)[..., None]
    found = hidden_of(SUPERNET.streams(None), PARAMS, batch, NOTHING)
    np.testing.assert_allclose(found, plain, atol=TOLERANCE)
    mixed = hidden_of(SUPERNET.streams(None), PARAMS, batch, MIX)
    np.testing.assert_allclose(mixed[:3], plain[:3], atol=TOLERANCE)
    assert np.abs(mixed[3:] - plain[3:]).max() > 0.1


# Of three layers: all whole; none but a part of it; without the mixed one.
ROWS = {
    "whole": SPACE.flatten(SPACE.largest()),
    "part": SPACE.from_values(
        {"keep": [1, 1, 0], "heads": [4, 2, 1], "ffn": [8, 16, 8], "pooling": ["cls"]}
    ),
    "skipped": SPACE.from_values(
        {"keep": [1, 0, 1], "heads": [1, 1, 4], "ffn": [8, 8, 32], "pooling": ["cls"]}
    ),
}


@pytest.mark.parametrize("kind", ROWS)
def test_any_network_mixes_as_it_does_where_it_is_cut(kind: str) -> None:
    row, batch = np.asarray(ROWS[kind], np.int32), both()
    arch = SPACE.unflatten(jnp.asarray(row))
    found = hidden_of(SUPERNET.streams(arch), PARAMS, batch, MIX)
    cut = jax.tree.map(jnp.asarray, cut_layers(PARAMS.encoder.layers, SPACE, row))
    encoder = dataclasses.replace(PARAMS.encoder, layers=cut)
    own = dataclasses.replace(PARAMS, encoder=encoder)
    streams = cut_streams(row, SPACE, SHAPE, SUPERNET.read_out)
    np.testing.assert_allclose(
        found, hidden_of(streams, own, batch, MIX), atol=TOLERANCE
    )
    plain = hidden_of(streams, own, batch, NOTHING)
    is_mixed = np.abs(found - plain).max() > 0.1
    assert is_mixed == (kind != "skipped")
    if kind == "whole":
        full = hidden_of(SUPERNET.streams(None), PARAMS, batch, MIX)
        np.testing.assert_allclose(found, full, atol=TOLERANCE)


def longer(batch: Batch, pads: int) -> Batch:
    """The same texts with more padding."""
    wide = ((0, 0), (0, pads))
    tokens, segments = jnp.pad(batch.tokens, wide), jnp.pad(batch.segments, wide)
    return dataclasses.replace(batch, tokens=tokens, segments=segments)


def test_padding_changes_nothing_but_with_the_released_entropy() -> None:
    batch, streams = both(), SUPERNET.streams(None)
    change = {}
    for kind in ("true", "released"):
        mix = MIX._replace(entropy=kind)
        short = hidden_of(streams, PARAMS, batch, mix)
        long = hidden_of(streams, PARAMS, longer(batch, 8), mix)
        change[kind] = np.abs(long[:, :10] - short).max()
    assert change["true"] < TOLERANCE
    assert change["released"] > 1e-3


def test_rows_in_another_order_give_the_same_in_that_order() -> None:
    batch, streams = both(), SUPERNET.streams(None)
    order = np.asarray([2, 0, 1, 5, 3, 4])
    turned = jax.tree.map(lambda leaf: leaf[order], batch)
    np.testing.assert_allclose(
        hidden_of(streams, PARAMS, turned, MIX),
        hidden_of(streams, PARAMS, batch, MIX)[order],
        atol=TOLERANCE,
    )


@pytest.mark.parity
def test_layers_that_mix_nothing_are_those_of_transformers(
    save_tiny: Callable, checkpoint
) -> None:
    oracle = save_tiny("xlm-roberta", "Model")
    shape = read_shape(checkpoint)
    encoder: EncoderParams = load_encoder(checkpoint, shape)
    params = SupernetParams(encoder, PARAMS.head)
    tokens, segments, real = make_inputs(shape, [3, 9, 1, 4, 6, 12])
    expected = run_torch(oracle, tokens, segments, real, output_hidden_states=True)
    states = [np.where(real[..., None], s, 0.0) for s in expected.hidden_states]
    space = make_space(SpaceConfig(), shape)
    streams = make_supernet(space, shape).streams(None)

    @jax.jit
    def run(tokens, segments, mask):
        x = embed(encoder.embeddings, shape, tokens, segments, jnp.float32)
        before = streams.run(params, x, mask, None, 0, 1)
        after = streams.mix(params, before, mask, None, 1, MIX)
        quiet = streams.mix(params, before, mask, None, 1, NOTHING)
        last = encode_full(encoder.layers, shape, x, mask)
        ends = [streams.run(params, one, mask, None, 2, 3) for one in (after, quiet)]
        return before, *ends, last

    found = run(*map(jnp.asarray, (tokens, segments, real)))
    before, mixed, plain, last = (np.asarray(f) * real[..., None] for f in found)
    np.testing.assert_allclose(before, states[1], atol=1e-4)
    np.testing.assert_allclose(mixed[:3], states[3][:3], atol=1e-4)
    np.testing.assert_allclose(plain, states[3], atol=1e-4)
    np.testing.assert_allclose(last, states[3], atol=1e-4)
    assert np.abs(mixed[3:] - states[3][3:]).max() > 1e-3
