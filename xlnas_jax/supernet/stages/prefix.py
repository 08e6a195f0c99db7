"""Keys and values that are learnt, beside those of the tokens.

Every token attends to them with its own queries, apart from the tokens, and what they
give is added under a gate for each head, `tanh(g)`. The gate is zero when it is new:
plain prefixes, which share one softmax with the tokens, change a pretrained network
from the first step on.

References:
    Li & Liang, "Prefix-tuning", 2021. https://arxiv.org/abs/2101.00190
    Zhang et al., "LLaMA-Adapter", 2023, whose gate it is.
    https://arxiv.org/abs/2303.16199
"""

from collections.abc import Mapping
from typing import Any, no_type_check

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Counts
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.stages.part import Part

PREFIX, FIELD = "prefix", "prefixes"
Heads = Float[Array, "batch head seq head_dim"]


@struct.dataclass
@no_type_check
class PrefixParams:
    """Keys and values `prefix head head_dim`, and a gate for each `head`."""

    key: Float[Array, "..."]
    value: Float[Array, "..."]
    gate: Float[Array, "..."]


def params(shape: EncoderShape, heads: Counts, prefix: Counts) -> Counts:
    """Keys, values and, where there are any, gates."""
    return 2 * prefix * heads * shape.head_dim + (prefix > 0) * heads


def flops(shape: EncoderShape, length: int, heads: Counts, prefix: Counts) -> Counts:
    """Two products of every token with every key and value."""
    return 2 * length * (2 * prefix * heads * shape.head_dim)


def widest(shape: EncoderShape, length: int, heads: Counts, prefix: Counts) -> Counts:
    """Scores and their weights, and what is added."""
    return length * heads * (2 * prefix + (prefix > 0) * shape.head_dim)


def init(normal: Any, shape: EncoderShape, values: Mapping[str, int]) -> dict[str, Any]:
    """New keys and values, and gates that are shut."""
    sizes = shape.num_layers, values[PREFIX], shape.num_heads, shape.head_dim
    gate = jnp.zeros((shape.num_layers, shape.num_heads))
    return {FIELD: PrefixParams(normal(*sizes), normal(*sizes), gate)}


def added(query: Heads, layer: LayerParams, masks: Mapping[str, Any]) -> Heads | None:
    """What is added to the contexts of the tokens; None where nothing is."""
    own = layer.more.get(FIELD)
    if own is None or not own.key.shape[0]:
        return None
    key, value = (one.astype(query.dtype) for one in (own.key, own.value))
    scores = jnp.einsum(
        "bhsd,phd->bhsp", query, key, preferred_element_type=jnp.float32
    )
    scores = scores * (query.shape[-1] ** -0.5)
    mask = (
        masks[PREFIX].astype(jnp.float32)[:, None, None, :] if PREFIX in masks else None
    )
    if mask is not None:
        # What is left out must not set the scale of what is there.
        fill = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)
        scores = jnp.where(mask > 0, scores, fill)
    top = jax.lax.stop_gradient(scores.max(-1, keepdims=True))
    weights = jnp.exp(scores - top)
    if mask is not None:
        weights = weights * mask
    # Without any of them there is nothing to divide, nor to divide by.
    total = jnp.maximum(weights.sum(-1, keepdims=True), jnp.finfo(jnp.float32).tiny)
    context = jnp.einsum(
        "bhsp,phd->bhsd",
        weights.astype(query.dtype),
        value,
        preferred_element_type=jnp.float32,
    )
    gate = jnp.tanh(own.gate.astype(jnp.float32))[None, :, None, None]
    return gate * context / total


PART = Part(
    name=PREFIX,
    words="{} prefix tokens",
    unit="prefix",
    axes=(
        (f"{FIELD}.key", "prefix head head_dim"),
        (f"{FIELD}.value", "prefix head head_dim"),
        (f"{FIELD}.gate", "head"),
    ),
    params=params,
    flops=flops,
    widest=widest,
    init=init,
)
