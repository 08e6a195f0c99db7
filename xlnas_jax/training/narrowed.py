"""A narrowed encoder learns to give what the full one gives, layer by layer.

The hidden vectors of every layer are to be those of the full encoder in the dimensions
that are left. No label takes part, and no head: any text that weights may see will do.

References:
    Jiao et al., "TinyBERT: distilling BERT for natural language understanding", 2020,
    who compare hidden layers. https://arxiv.org/abs/1909.10351
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from xlnas_jax.config.model import NarrowConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.encoder import encode_full_seen
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import EncoderParams
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.training.learner import ONE_DEVICE, Layout
from xlnas_jax.training.schedules import rise_and_fall
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Batch

# Of what the embeddings give, and of every layer.
Vectors = Float[Array, "depth batch seq model"]
# The least that the mean square of a layer is taken for.
_LEAST = 1e-12


def vectors(encoder: EncoderParams, shape: EncoderShape, batch: Batch) -> Vectors:
    """Hidden vectors at every depth, of the layers that every encoder has."""
    tokens = batch.tokens, batch.segments, jnp.float32
    x = embed(encoder.embeddings, shape, *tokens)
    given = layers_of(encoder, shape), shape, x, batch.mask, None, 0.0, True, None
    _, seen = encode_full_seen(*given, lambda hidden: hidden)
    return jnp.concatenate([x[None], seen])


def distance(ours: Vectors, theirs: Vectors, batch: Batch) -> Float[Array, ""]:
    """Mean square over the tokens of what is apart, as a share of what is there.

    Every depth counts alike.
    """
    mask = batch.mask.astype(jnp.float32) * batch.weight[:, None]

    def mean(square: Vectors) -> Float[Array, " depth"]:
        return (square.mean(-1) * mask[None]).sum((1, 2)) / jnp.maximum(mask.sum(), 1.0)

    there = jnp.maximum(mean(jnp.square(theirs)), _LEAST)
    return (mean(jnp.square(ours - theirs)) / there).mean()


class Narrowed(NamedTuple):
    """An encoder and what is left of it.

    Attributes:
        shape: of what is left. dims: of the hidden dimensions of the whole.
    """

    whole: EncoderParams
    whole_shape: EncoderShape
    shape: EncoderShape
    dims: Int[np.ndarray, " model"]


def relearn(
    encoder: EncoderParams,
    narrowed: Narrowed,
    config: TrainConfig,
    how: NarrowConfig,
    draw: Callable[[int], tuple[Batch, Any, Any]],
    layout: Layout = ONE_DEVICE,
) -> EncoderParams:
    """The encoder after `how.steps` steps; weights of new stages stay as they are.

    It follows from the arguments alone: what is interrupted is done again.

    Args:
        encoder: as it was cut; it is left as it is.
        draw: `step -> (rows, index, weight)`; labels are not looked at.
    """
    optimizer = optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.scale_by_adam(),
        optax.scale(-1.0),
    )
    step = _make_step(narrowed, optimizer, layout)
    encoder = jax.jit(lambda tree: jax.tree.map(jnp.copy, tree))(encoder)
    tree: Any = encoder
    carried = encoder, jax.jit(optimizer.init)(tree)
    for number in range(how.steps):
        share = rise_and_fall(
            number, how.steps, config.warmup_fraction, config.schedule
        )
        rate = np.float32(how.learning_rate * share)
        carried = step(*carried, narrowed.whole, rate, *draw(number))
    return carried[0]


def _make_step(
    narrowed: Narrowed, optimizer: optax.GradientTransformation, layout: Layout
) -> Callable[..., tuple[EncoderParams, Any]]:
    """`(encoder, opt_state, whole, rate, rows, index, weight) -> (encoder, opt_state)`.

    Compiled once per length bucket.
    """
    dims = jnp.asarray(narrowed.dims, jnp.int32)

    def step(
        encoder: EncoderParams,
        opt_state: Any,
        whole: EncoderParams,
        rate: Float[Array, ""],
        rows: Batch,
        index: Int[Array, " batch"],
        weight: Float[Array, " batch"],
    ) -> tuple[EncoderParams, Any]:
        batch = layout.split(take_batch(rows, index, weight))
        theirs = vectors(whole, narrowed.whole_shape, batch)[..., dims]

        def loss(encoder: Any) -> Float[Array, ""]:
            return distance(vectors(encoder, narrowed.shape, batch), theirs, batch)

        grads = layout.gather(jax.grad(loss)(layout.gather(encoder)))
        # As in `apply_gradients`, at the rate of this step.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, opt_state)
        moved = jax.tree.map(lambda leaf, by: leaf + rate * by, encoder, updates)
        return layout.store((moved, opt_state))

    return jax.jit(step, donate_argnums=(0, 1))
