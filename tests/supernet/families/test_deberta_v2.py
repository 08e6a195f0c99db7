"""Distances are told as `transformers` tells them, and texts of any length are read."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

from tests.models import random_batch
from tests.supernet.conftest import CONFIGS
from tests.supernet.families.shapes import params_of, shape_of, space_of
from tests.supernet.test_pretrained import every_hidden_state, max_difference, run_torch
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.deberta_v2 import entries, sizes_of
from xlnas_jax.supernet.families.registry import family_of
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.narrow import choose, narrow, narrowed_shape
from xlnas_jax.supernet.pieces.relative import layers_of, num_rows, rows_of
from xlnas_jax.supernet.pretrained import read_shape
from xlnas_jax.supernet.stages import attention
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import ConfigError

CONFIG = {"num_attention_heads": 4, "hidden_size": 24, **CONFIGS["deberta-v2"]}
# Two float32 programs that add in different orders.
TOLERANCE = 1e-4


def told(buckets: int, reach: int) -> EncoderShape:
    sizes = {"relative_buckets": buckets, "relative_reach": reach}
    return dataclasses.replace(shape_of("deberta-v2"), **sizes)


@pytest.mark.parametrize(
    ("buckets", "reach"), [(256, 512), (4, 12), (6, 20), (32, 128), (48, 512), (7, 30)]
)
def test_rows_are_those_of_transformers(buckets, reach) -> None:
    length = 2 * reach + 5
    text = torch.zeros(1, length, 1)
    theirs = build_relative_position(text, text, buckets, reach)[0]
    theirs = torch.clamp(theirs + buckets, 0, 2 * buckets - 1).numpy()
    place = np.arange(length)
    found = rows_of(place[:, None] - place[None], told(buckets, reach))
    np.testing.assert_array_equal(found, theirs)
    # Nearly all of the table is met, and no more than is met is read.
    assert num_rows(length, told(buckets, reach)) == len(np.unique(found))
    assert len(np.unique(found)) > 2 * buckets - 2


@pytest.mark.parity
@pytest.mark.parametrize(("length", "reach"), [(1, -1), (2, -1), (20, -1), (20, 9)])
def test_every_layer_is_that_of_transformers_whatever_is_padded(
    save_tiny, checkpoint, length, reach, record
) -> None:
    oracle = save_tiny("deberta-v2", "Model", max_relative_positions=reach)
    shape, rng = read_shape(checkpoint), np.random.default_rng(length)
    real = np.ones((3, length), bool)
    # A whole text, padding behind, and padding before.
    real[1, -(length // 3) or length :] = False
    real[2, : length // 2] = False
    tokens = rng.integers(5, shape.vocab_size, real.shape).astype(np.int32)
    every = every_hidden_state(checkpoint, tokens, np.zeros_like(tokens), real)
    expected = run_torch(oracle, tokens, None, real, output_hidden_states=True)
    theirs = torch.stack(expected.hidden_states)
    difference = max_difference(every, theirs, (slice(None), real))
    record("max_abs_difference_hidden", difference)
    assert difference < TOLERANCE


def test_a_score_depends_on_distance_and_on_which_text_comes_first() -> None:
    shape, params = shape_of("deberta-v2"), params_of("deberta-v2").encoder
    mask = np.ones((1, 7), bool)
    x = np.random.default_rng(0).normal(size=(1, 7, shape.width)).astype(np.float32)

    @jax.jit
    def run(x, share):
        layer = jax.tree.map(lambda leaf: leaf[0], layers_of(params, shape))
        layer = dataclasses.replace(layer, relative=share * layer.relative)
        return attention.attention(x, layer, jnp.asarray(mask), shape)

    def apart(share: float) -> float:
        both = [np.asarray(run(one, np.float32(share))) for one in (x, x[:, ::-1])]
        return np.abs(both[0] - both[1][:, ::-1]).max()

    # Without the table there is no order.
    assert apart(1.0) > 1e-2 and apart(0.0) < 1e-5


def test_the_table_learns_from_every_layer() -> None:
    shape, params = shape_of("deberta-v2"), params_of("deberta-v2").encoder
    mask = jnp.ones((1, 7), bool)
    x = np.random.default_rng(0).normal(size=(1, 7, shape.width)).astype(np.float32)

    @jax.jit
    @jax.jacobian
    def totals(table):
        tables = dataclasses.replace(params.embeddings, relative=table)
        layers = layers_of(dataclasses.replace(params, embeddings=tables), shape)
        each = [jax.tree.map(lambda leaf, at=at: leaf[at], layers) for at in (0, 1)]
        run = [attention.attention(jnp.asarray(x), one, mask, shape) for one in each]
        first, second = (one[0, 0, 0] for one in run)
        return jnp.stack([first, second, first + second])

    # Stacked, each layer has the table, and adds what it would give it alone.
    one, other, both = np.asarray(totals(params.embeddings.relative))
    np.testing.assert_allclose(both, one + other, atol=1e-5)
    assert min(np.abs(one).max(), np.abs(other).max()) > 1e-4


def test_sizes_come_back() -> None:
    found = sizes_of(CONFIG, 3, "here")
    assert found == {"relative_buckets": 6, "relative_reach": 20}
    assert sizes_of({**CONFIG, "pos_att_type": "p2c|c2p"}, 3, "here") == found
    written = entries(told(6, 20), [False])
    assert sizes_of({**CONFIG, **written}, 3, "here") == found
    nearer = {**CONFIG, "max_relative_positions": 9}
    assert sizes_of(nearer, 3, "here")["relative_reach"] == 9


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"relative_attention": None}, "relative_attention must be True"),
        ({"share_att_key": False}, "share_att_key must be True; got False"),
        ({"position_biased_input": True}, "position_biased_input must be False"),
        ({"norm_rel_ebd": "none"}, "norm_rel_ebd must be 'layer_norm'"),
        ({"pos_att_type": "c2p"}, "pos_att_type must be c2p and p2c; got 'c2p'"),
        ({"pos_att_type": None}, "pos_att_type must be c2p and p2c"),
        ({"embedding_size": 12}, "embedding_size must be 24; got 12"),
        ({"position_buckets": -1}, "position_buckets must be from 2"),
        ({"max_relative_positions": 4}, "max_relative_positions must be from 5"),
    ],
)
def test_what_there_is_no_layer_for_is_refused(changed, named) -> None:
    with pytest.raises(ConfigError, match=named):
        sizes_of({**CONFIG, **changed}, 3, "here")


def test_a_convolution_is_refused_by_name() -> None:
    given = {"model_type": "deberta-v2", **CONFIG, "conv_kernel_size": 3}
    with pytest.raises(ConfigError, match="conv_kernel_size must be 0; got 3"):
        family_of(given, "here")
    assert family_of({**given, "conv_kernel_size": 0}, "here").classes == "DebertaV2"


def test_no_window_is_chosen_beside_distances() -> None:
    with pytest.raises(ConfigError, match="or scores by distances"):
        make_space(SpaceConfig(window=(3, 128)), shape_of("deberta-v2"))


def test_fewer_dimensions_leave_the_table_as_many_rows() -> None:
    shape, encoder = shape_of("deberta-v2"), params_of("deberta-v2").encoder
    plain = dataclasses.replace(
        encoder, layers=dataclasses.replace(encoder.layers, more={})
    )
    smaller = narrowed_shape(shape, 12)
    kept = choose(plain, smaller)
    found = narrow(plain, kept)
    wanted = init_encoder(None, smaller)
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, wanted)
    table = np.asarray(encoder.embeddings.relative)
    np.testing.assert_array_equal(found.embeddings.relative, table[:, kept.dims])


def test_products_in_bfloat16_are_near() -> None:
    space, shape = space_of("deberta-v2"), shape_of("deberta-v2")
    params, batch = params_of("deberta-v2"), random_batch(0, 4, 20)

    @functools.partial(jax.jit, static_argnums=0)
    def logits(precision):
        net = make_supernet(space, shape, "sliced", precision)
        x = net.embed(params.encoder.embeddings, batch)
        return net.apply_full(net.cast(params), x, batch, space.largest())

    whole, near = logits("fp32"), logits("bf16")
    assert 0 < np.abs(near - whole).max() < 0.1 * np.abs(whole).max()
