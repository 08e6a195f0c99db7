"""Importance reordering: the most useful heads and neurons first.

A sub-network keeps a prefix of every layer's heads and neurons, so their order
decides what it keeps. The full network computes the same function in any order.

References:
    Hou et al., "DynaBERT", 2020. https://arxiv.org/abs/2004.04037
    Michel et al., "Are Sixteen Heads Really Better than One?", 2019.
    https://arxiv.org/abs/1905.10650
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Run
from xlnas_jax.supernet.heads import pool, read_out
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import LayerParams, SupernetParams
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.supernet.units import reordered
from xlnas_jax.tasks.base import LOW, Task
from xlnas_jax.types import Batch

# By knob of units, how much the loss depends on each unit: `layer *batch unit`; higher
# matters more. Masks of the same shapes, a row an example, are what it is derived from.
Importance = dict[str, Float[Array, "layer *batch unit"]]
# A logit whose probability is 0, beside one of 0.
_NEVER = -1e4


def importance(
    params: SupernetParams,
    space: SearchSpace,
    shape: EncoderShape,
    task: Task,
    pooling: str,
    batch: Batch,
    by: str = "labels",
) -> Importance:
    """How much masks m = 1 on the units of every stage matter, summed over examples.

    By `labels`, |dL/dm|; the absolute value is taken per example, so that the result
    does not depend on how examples are batched (a sum over a batch would let signs
    cancel). By `divergence` of the network's own predictions from those without the
    unit, which at m = 1 begins with the Fisher information, E (d log p(y)/dm)^2, of
    which one y an example is drawn: it takes no labels.

    References:
        Theis et al., "Faster gaze prediction with dense networks and Fisher pruning",
        2018. https://arxiv.org/abs/1801.05787
    """
    full = [(stage, space.full(stage)) for stage in space.stages]
    num_rows = batch.tokens.shape[0]
    masks = {
        name: jnp.ones((shape.num_layers, num_rows, values[name]))
        for stage, values in full
        for name, _ in stage.units
    }
    x = embed(
        params.encoder.embeddings, shape, batch.tokens, batch.segments, jnp.float32
    )

    pool_sentence = functools.partial(pool, pooling=pooling)

    def loss(masks: Importance) -> Float[Array, ""]:
        def body(x, inputs):
            layer, own = inputs
            for stage, values in full:
                kept = {name: own[name] for name, _ in stage.units}
                x = stage.run(x, layer, batch.mask, shape, Run(values, kept))
            return x, None

        layers = layers_of(params.encoder, shape)
        hidden, _ = jax.lax.scan(body, x, (layers, masks))
        hidden = closed(hidden, params.encoder.final_norm, shape)
        logits = read_out(hidden, batch.mask, params.head, pool_sentence, batch.head)
        if by == "divergence":
            drawn = jax.lax.stop_gradient(_draw(logits, batch, task))
            return (task.distill(logits, drawn, batch, 1.0).total * batch.weight).sum()
        return (task.loss(logits, batch).total * batch.weight).sum()

    size = jnp.square if by == "divergence" else jnp.abs
    return jax.tree.map(lambda g: size(g).sum(1), jax.grad(loss)(masks))


def _draw(logits: Float[Array, "..."], batch: Batch, task: Task) -> Float[Array, "..."]:
    """Logits of a teacher that is certain of one outcome, drawn as predicted.

    The key is the batch's own tokens: the same batch gives the same ranking. Of vectors
    it is a direction, along which they are told apart: the squared derivatives of all
    directions add up to how far a vector moves.
    """
    axis = task.choice_axis % logits.ndim
    if task.reads_tokens:
        logits = jnp.where(batch.mask[..., None], logits, LOW)
    seed = batch.tokens.sum(dtype=jnp.uint32)
    if task.gives_vectors:
        return jax.random.normal(jax.random.key(seed), logits.shape)
    noise = jax.random.gumbel(jax.random.key(seed), logits.shape)
    best = (logits + noise).argmax(axis)
    is_drawn = jax.nn.one_hot(best, logits.shape[axis], axis=axis)
    return (1.0 - is_drawn) * _NEVER


def relative(ranking: Importance) -> Importance:
    """The same, summing to one over heads and over neurons.

    Losses of different tasks are of different size; so scaled, rankings of several
    tasks can be added.
    """
    return jax.tree.map(lambda leaf: leaf / jnp.maximum(leaf.sum(), 1e-30), ranking)


def reorder(tree: Any, space: SearchSpace, ranking: Importance) -> Any:
    """Sorts the units of every `LayerParams` found in `tree`.

    The optimizer's moments hold the same structure as the weights and must move
    with them; passing the whole learner sorts both. Ties keep their order.
    """
    order = {
        name: jnp.argsort(-found, axis=-1, stable=True)
        for name, found in ranking.items()
    }

    def is_layers(node: Any) -> bool:
        return isinstance(node, LayerParams)

    def permute(layer: LayerParams, order: dict[str, Array]) -> LayerParams:
        for stage in space.stages:
            layer = reordered(layer, stage, order)
        return layer

    def sort(node: Any) -> Any:
        return jax.vmap(permute)(node, order) if is_layers(node) else node

    return jax.tree.map(sort, tree, is_leaf=is_layers)
