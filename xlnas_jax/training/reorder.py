"""Importance reordering: the most useful heads and neurons first.

A sub-network keeps a prefix of every layer's heads and neurons, so their order
decides what it keeps. The full network computes the same function in any order.

References:
    Hou et al., "DynaBERT", 2020. https://arxiv.org/abs/2004.04037
    Michel et al., "Are Sixteen Heads Really Better than One?", 2019.
    https://arxiv.org/abs/1905.10650
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.heads import pool, read_out
from xlnas_jax.supernet.layers import attention, embed, feed_forward
from xlnas_jax.supernet.params import Dense, LayerParams, SupernetParams
from xlnas_jax.tasks.base import Task
from xlnas_jax.types import Batch


@struct.dataclass
class Importance:
    """How much the loss depends on each head and neuron; higher matters more.

    Masks of the same shape, with one row per example, are what it is derived from.
    """

    heads: Float[Array, "layer *batch head"]
    ffn: Float[Array, "layer *batch ffn"]


def importance(
    params: SupernetParams, shape: EncoderShape, task: Task, pooling: str, batch: Batch
) -> Importance:
    """Summed |dL/dm| of masks m = 1 on heads and neurons.

    The absolute value is taken per example, so that the result does not depend
    on how examples are batched (a sum over a batch would let signs cancel).
    """
    num_rows = batch.tokens.shape[0]
    masks = Importance(
        heads=jnp.ones((shape.num_layers, num_rows, shape.num_heads)),
        ffn=jnp.ones((shape.num_layers, num_rows, shape.ffn)),
    )
    x = embed(
        params.encoder.embeddings, shape, batch.tokens, batch.segments, jnp.float32
    )

    pool_sentence = functools.partial(pool, pooling=pooling)

    def loss(masks: Importance) -> Float[Array, ""]:
        def body(x, inputs):
            layer, head_mask, neuron_mask = inputs
            x = attention(x, layer, batch.mask, shape.norm_epsilon, head_mask)
            return feed_forward(x, layer, shape.norm_epsilon, neuron_mask), None

        stacked = (params.encoder.layers, masks.heads, masks.ffn)
        hidden, _ = jax.lax.scan(body, x, stacked)
        logits = read_out(hidden, batch.mask, params.head, pool_sentence, batch.head)
        return (task.loss(logits, batch).total * batch.weight).sum()

    return jax.tree.map(lambda g: jnp.abs(g).sum(1), jax.grad(loss)(masks))


def relative(ranking: Importance) -> Importance:
    """The same, summing to one over heads and over neurons.

    Losses of different tasks are of different size; so scaled, rankings of several
    tasks can be added.
    """
    return jax.tree.map(lambda leaf: leaf / jnp.maximum(leaf.sum(), 1e-30), ranking)


def reorder(tree: Any, ranking: Importance) -> Any:
    """Sorts heads and neurons of every `LayerParams` found in `tree`.

    The optimizer's moments hold the same structure as the weights and must move
    with them; passing the whole learner sorts both. Ties keep their order.
    """
    heads = jnp.argsort(-ranking.heads, axis=-1, stable=True)
    ffn = jnp.argsort(-ranking.ffn, axis=-1, stable=True)

    def is_layers(node: Any) -> bool:
        return isinstance(node, LayerParams)

    def sort(node: Any) -> Any:
        return jax.vmap(_permute)(node, heads, ffn) if is_layers(node) else node

    return jax.tree.map(sort, tree, is_leaf=is_layers)


def _permute(layer: LayerParams, heads: Array, ffn: Array) -> LayerParams:
    """One layer with its heads and neurons in the given order."""

    def head(dense: Dense) -> Dense:
        return Dense(dense.kernel[:, heads], dense.bias[heads])

    return dataclasses.replace(
        layer,
        query=head(layer.query),
        key=head(layer.key),
        value=head(layer.value),
        output=dataclasses.replace(layer.output, kernel=layer.output.kernel[heads]),
        up=Dense(layer.up.kernel[:, ffn], layer.up.bias[ffn]),
        down=dataclasses.replace(layer.down, kernel=layer.down.kernel[ffn]),
    )
