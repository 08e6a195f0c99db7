"""Self-attention within a band: each token sees its neighbours and the first token.

The first token, whose vector stands for the sentence, sees every token and is seen by
every token; so any two are at most two layers apart. At its own size, where the band is
narrow, only blocks of it are computed.

References:
    Beltagy et al., "Longformer: the long-document transformer", 2020.
    https://arxiv.org/abs/2004.05150
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import RELATIVE, EncoderShape
from xlnas_jax.space.stage import Counts, Run
from xlnas_jax.supernet.layers import Hidden, TokenMask
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.stages import attention
from xlnas_jax.types import ConfigError

WINDOW = "window"
Band = Float[Array, "seq seq"]


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Heads, and tokens that are seen on each side; the last choice sees all."""
    if not config.window:
        return ()
    is_relative = shape.spec.positions == RELATIVE
    if shape.spec.has_local_layers or shape.spec.has_grouped_heads or is_relative:
        raise ConfigError(
            f"space.window: a window may be chosen for heads that see all tokens by "
            f"keys of their own; layers of the family {shape.family} have windows of "
            f"their own, or heads that share keys, or scores by distances; got "
            f"{list(config.window)}. Leave it out, or use an encoder of another family."
        )
    if list(config.window) != sorted(set(config.window)) or config.window[0] < 1:
        raise ConfigError(
            f"space.window: choices must rise, differ and be at least 1; got "
            f"{list(config.window)}."
        )
    if config.window[-1] < shape.max_length - 1:
        raise ConfigError(
            f"space.window: the last choice must see all of the {shape.max_length} "
            f"tokens that the model takes, so that the full network is in the space; "
            f"got {config.window[-1]}. Add {shape.max_length}."
        )
    window = Knob(WINDOW, config.window, shape.num_layers, needs_layer=True)
    return (*attention.make_knobs(config, shape), window)


def params(shape: EncoderShape, heads: Counts, window: Counts) -> Counts:
    """A band has none of its own."""
    return attention.params(shape, heads) + 0 * window


def flops(shape: EncoderShape, length: int, heads: Counts, window: Counts) -> Counts:
    """Of attention, with the pairs of tokens that are computed."""
    inner = heads * shape.head_dim
    pairs = num_pairs(length, window)
    return 2 * (4 * length * shape.width * inner + 2 * pairs * inner)


def widest(shape: EncoderShape, length: int, heads: Counts, window: Counts) -> Counts:
    """Of attention, likewise."""
    pairs = num_pairs(length, window)
    return 4 * length * heads * shape.head_dim + 2 * heads * pairs


def num_pairs(length: int, window: Counts) -> Counts:
    """Pairs of a query and a key that are computed at its own size.

    In blocks each token meets three of them and the first token, which meets all. What
    fills the last block is not counted, so that a wider window never costs less.
    """
    return np.minimum(length * (3 * window + 2), length * length)


def is_banded(length: int, window: int) -> bool:
    """Whether blocks are fewer pairs than all."""
    return int(num_pairs(length, np.asarray([window]))[0]) < length * length


def band(length: int, window: int) -> Band:
    """Ones for the pairs that see each other."""
    place = np.arange(length)
    near = np.abs(place[:, None] - place[None]) <= window
    near[0] = near[:, 0] = True
    return jnp.asarray(near, jnp.float32)


def run(
    x: Hidden, layer: LayerParams, mask: TokenMask, shape: EncoderShape, how: Run
) -> Hidden:
    """Within the window that is given, or under the weights of all windows."""
    length = x.shape[1]
    if WINDOW in how.masks:
        bands = jnp.stack([band(length, one) for one in how.choices[WINDOW]])
        seen = jnp.einsum("k,kij->ij", how.masks[WINDOW], bands)
    elif not is_banded(length, how.values[WINDOW]):
        # Some windows are too wide for blocks to pay, and do not see everything yet.
        wide = how.values[WINDOW] >= length - 1
        seen = None if wide else band(length, how.values[WINDOW])
    elif how.dropout is None and not how.masks:
        return banded_attention(x, layer, mask, shape, how.values[WINDOW])
    else:
        seen = band(length, how.values[WINDOW])
    return attention.attention(x, layer, mask, shape, how.masks, how.dropout, seen)


def banded_attention(
    x: Hidden, layer: LayerParams, mask: TokenMask, shape: EncoderShape, window: int
) -> Hidden:
    """The same as under a band, computed in blocks of `window` tokens."""
    length = x.shape[1]
    given = attention.read(x, layer, shape)
    query, key, value = attention.projected(given, layer, attention.NO_MASKS, shape)
    scale = query.shape[-1] ** -0.5
    near, seen = _near(query, key, mask, window)
    first = jnp.einsum(
        "bhsd,bhd->bhs", query, key[:, :, 0], preferred_element_type=jnp.float32
    )
    fill = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)
    near = jnp.where(seen, near * scale, fill)
    first = jnp.where(mask[:, None, :1], first * scale, fill)
    top = jax.lax.stop_gradient(jnp.maximum(near.max(-1), _blocks(first, window)))
    near = jnp.exp(near - top[..., None])
    own = jnp.exp(first - _flat(top, length))
    total = _flat(near.sum(-1), length) + own
    values = _neighbours(_blocks(value, window))
    context = jnp.matmul(
        near.astype(x.dtype), values, preferred_element_type=jnp.float32
    )
    context = _flat(context, length) + own[..., None] * value[:, :, :1]
    context = context / total[..., None]
    # The first token sees all.
    row = jnp.einsum(
        "bhd,bhsd->bhs", query[:, :, 0], key, preferred_element_type=jnp.float32
    )
    row = jax.nn.softmax(jnp.where(mask[:, None], row * scale, fill), axis=-1)
    whole = jnp.einsum("bhs,bhsd->bhd", row.astype(x.dtype), value)
    context = context.at[:, :, 0].set(whole.astype(context.dtype))
    return attention.finished(x, layer, query, context, shape, attention.NO_MASKS, None)


def _near(query: Array, key: Array, mask: TokenMask, window: int):
    """Scores of each block with its neighbours, and which of them are in the band.

    The first token's key is left out: it is added once, for all.
    """
    length = query.shape[2]
    blocks = math.ceil(length / window)
    keys = _neighbours(_blocks(key, window))
    scores = jnp.matmul(
        _blocks(query, window),
        keys.swapaxes(-1, -2),
        preferred_element_type=jnp.float32,
    )
    place = np.arange(blocks * window).reshape(blocks, window)
    other = place[:, :1] + np.arange(-window, 2 * window)[None]
    near = np.abs(place[:, :, None] - other[:, None]) <= window
    near &= (other[:, None] > 0) & (other[:, None] < length)
    is_real = jnp.where((other >= 0) & (other < length), 1, 0).astype(bool)
    real = mask[:, np.clip(other, 0, length - 1)] & is_real[None]
    return scores, jnp.asarray(near)[None, None] & real[:, None, :, None]


def _blocks(rows: Array, window: int) -> Array:
    """`batch head seq *rest` as `batch head block window *rest`, filled with zeros."""
    length = rows.shape[2]
    missing = -length % window
    widths = [(0, 0), (0, 0), (0, missing), *[(0, 0)] * (rows.ndim - 3)]
    padded = jnp.pad(rows, widths)
    return padded.reshape(*rows.shape[:2], -1, window, *rows.shape[3:])


def _flat(blocks: Array, length: int) -> Array:
    """The inverse of `_blocks`."""
    flat = blocks.reshape(*blocks.shape[:2], -1, *blocks.shape[4:])
    return flat[:, :, :length]


def _neighbours(blocks: Array) -> Array:
    """Each block behind the one before it, and before the one behind it."""
    zero = jnp.zeros_like(blocks[:, :, :1])
    before = jnp.concatenate([zero, blocks[:, :, :-1]], axis=2)
    behind = jnp.concatenate([blocks[:, :, 1:], zero], axis=2)
    return jnp.concatenate([before, blocks, behind], axis=3)


STAGE = attention.STAGE._replace(
    name="windowed",
    make_knobs=make_knobs,
    knobs=(attention.HEADS, WINDOW),
    words=(*attention.STAGE.words, "a window of {} tokens"),
    params=params,
    flops=flops,
    widest=widest,
    run=run,
)
