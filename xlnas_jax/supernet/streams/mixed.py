"""A layer in which a text attends to another one, its translation.

Rows are two texts each: the first half of them in one language, the second half what
they are in another. Both pass the layer's own self-attention; then the second half
attends to the first by the same weights, and takes a share of what it finds:

    C  = O(softmax(Q(T) K(S)' / sqrt(head_dim)) V(S))
    T' = LN(share * C + (1 - share) * T)
    share = most * sigmoid(weight * (H(A) + H(A')) + bias)

of which H is the mean entropy of where the tokens of one text look in the other. The
first half goes on as it is.

References:
    Yang et al., "Enhancing cross-lingual transfer by manifold mixup", 2022.
    https://arxiv.org/abs/2205.04182
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Run, Stage
from xlnas_jax.supernet.layers import Dropout, Hidden, TokenMask, drop, project
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.pieces.norms import normal
from xlnas_jax.supernet.stages.attention import GROUPS, HEADS, NO_MASKS, projected
from xlnas_jax.supernet.units import cut

Scores = Float[Array, "batch head query key"]


class Mix(NamedTuple):
    """How much of the other text is taken.

    Attributes:
        weight, bias: of the entropies.
        most: no share is larger; at 0 nothing is taken.
        renorm: the mixture passes the attention's norm a second time, as it does in
            the released code: without it a share of 0 leaves the layer as it is.
        entropy: `true`; or `released`, in which padding counts as tokens with a score
            of 0, so that it grows with the padding.
    """

    weight: Float[Array, ""]
    bias: Float[Array, ""]
    most: float = 0.5
    renorm: bool = True
    entropy: str = "true"


def is_mixed(stage: Stage) -> bool:
    """Whether a stage is one in which texts can see each other."""
    return HEADS in stage.knobs or GROUPS in stage.knobs


def mix_stage(
    stage: Stage,
    shape: EncoderShape,
    values: Mapping[str, int],
    x: Hidden,
    layer: LayerParams,
    mask: TokenMask,
    mix: Mix,
    dropout: Dropout | None = None,
) -> Hidden:
    """An attention stage at its own size, and what its second half takes."""
    if stage.is_absent(values):
        return x
    own = cut(layer, stage, values)
    x = stage.run(x, own, mask, shape, Run(values=values, dropout=dropout))
    return mixed(x, own, mask, shape, mix, dropout)


def mixed(
    x: Hidden,
    layer: LayerParams,
    mask: TokenMask,
    shape: EncoderShape,
    mix: Mix,
    dropout: Dropout | None = None,
) -> Hidden:
    """What self-attention gave, of which the second half takes of the first."""
    source, target = jnp.split(x, 2)
    of_source, of_target = jnp.split(mask, 2)
    query, _, _ = projected(target, layer, NO_MASKS, shape)
    _, key, value = projected(source, layer, NO_MASKS, shape)
    scores = jnp.matmul(query, key.swapaxes(-1, -2), preferred_element_type=jnp.float32)
    scores = scores * (query.shape[-1] ** -0.5)
    weights = jnp.exp(_log_chances(scores, of_source)).astype(x.dtype)
    context = jnp.matmul(weights, value, preferred_element_type=jnp.float32)
    context = context.astype(x.dtype).transpose(0, 2, 1, 3)
    found = drop(project(context, layer.output, 2), dropout, 6)
    entropy = mean_entropy(scores, of_target, of_source, mix.entropy)
    entropy += mean_entropy(scores.swapaxes(-1, -2), of_source, of_target, mix.entropy)
    share = share_of(entropy, mix).astype(x.dtype)[:, None, None]
    target = share * found + (1 - share) * target
    if mix.renorm:
        target = normal(target, layer.attention_norm, shape)
    return jnp.concatenate([source, target])


def share_of(entropy: Float[Array, " batch"], mix: Mix) -> Float[Array, " batch"]:
    """What a text takes of the other; it grows with the entropy by the weight."""
    return mix.most * jax.nn.sigmoid(mix.weight * entropy + mix.bias)


def mean_entropy(
    scores: Scores,
    query_mask: Bool[Array, "batch query"],
    key_mask: Bool[Array, "batch key"],
    kind: str = "true",
) -> Float[Array, " batch"]:
    """Of the distributions over the keys, the mean over heads and queries.

    Of the released code it is the cross-entropy with a softmax in which padding has a
    score of 0, over all queries, those of padding too.
    """
    log_p = _log_chances(scores, key_mask)
    log_q = log_p
    if kind == "released":
        shown = key_mask[:, None, None, :].astype(scores.dtype)
        log_q = jax.nn.log_softmax(scores * shown, -1)
        query_mask = jnp.ones_like(query_mask)
    is_key = key_mask[:, None, None, :]
    found = -jnp.where(is_key, jnp.exp(log_p) * log_q, 0.0).sum(-1).mean(1)
    counts = query_mask.astype(found.dtype)
    return (found * counts).sum(-1) / jnp.maximum(counts.sum(-1), 1.0)


def _log_chances(scores: Scores, key_mask: Bool[Array, "batch key"]) -> Scores:
    """Of every key, in float32; those of padding are as good as 0."""
    fill = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)
    return jax.nn.log_softmax(jnp.where(key_mask[:, None, None, :], scores, fill), -1)
