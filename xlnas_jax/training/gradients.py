"""Gradients of all weights from one batch: at once, or part after part.

In parts the layers hold the activations of one part at a time; of the whole batch only
the embedded tokens are kept. What comes out is what the whole batch gives, since every
part divides by the predictions of all: a mean of the parts' own means would weigh a
word by how many others are in its part.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Part,
    Setting,
    texts_of,
)
from xlnas_jax.types import Batch

# `(embeddings, batch) -> embedded tokens`.
Embed = Callable[[Any, Batch], Any]


def batch_gradients(
    method: Method,
    setting: Setting,
    embed: Embed,
    state: Any,
    params: SupernetParams,
    batch: Batch,
    key: Key[Array, ""],
) -> tuple[Float[Array, ""], SupernetParams, Any]:
    """The loss, gradients of all weights, and the method's own state after it."""
    x, back = jax.vjp(
        lambda tables: embedded(method, embed, tables, batch), params.encoder.embeddings
    )
    run = method.gradients if setting.config.accumulate == 1 else _in_parts(method)
    loss, (grads, x_grad), state = run(setting, state, params, x, batch, key)
    if x_grad is None:
        return loss, grads, state
    # Every network shares the embedded tokens: one backward pass serves all.
    (tables,) = back(x_grad)
    return loss, _with_tables(grads, tables), state


def embedded(method: Method, embed: Embed, tables: Any, batch: Batch) -> Any:
    """The embedded tokens that a method is given; of every text if it reads several."""
    if not method.is_beside:
        return embed(tables, batch)
    return tuple(embed(tables, one) for one in texts_of(batch))


def _with_tables(grads: SupernetParams, tables: Any) -> SupernetParams:
    encoder = dataclasses.replace(grads.encoder, embeddings=tables)
    return dataclasses.replace(grads, encoder=encoder)


def _in_parts(method: Method) -> Callable[..., Gradients]:
    """`method.gradients`, of `train.accumulate` parts of a batch."""

    def run(
        setting: Setting,
        state: Any,
        params: SupernetParams,
        x: Any,
        batch: Batch,
        key: Key[Array, ""],
    ) -> Gradients:
        count = setting.config.accumulate

        def add(carried: Any, given: Any) -> tuple[Any, Any]:
            (loss, total, state), (number, x, part) = carried, given
            own = setting._replace(part=Part(batch, number))
            more, (grads, x_grad), state = method.gradients(
                own, state, params, x, part, key
            )
            # Tables get theirs by the tokens: nothing of their size is added up here.
            grads = jax.tree.map(jnp.add, total, _with_tables(grads, None))
            return (loss + more, grads, state), x_grad

        nothing = jax.tree.map(jnp.zeros_like, _with_tables(params, None))
        begin = jnp.zeros(()), nothing, state
        given = jnp.arange(count, dtype=jnp.int32), *_split((x, batch), count)
        (loss, grads, state), x_grads = jax.lax.scan(add, begin, given)
        x_grad = x_grads.swapaxes(0, 1).reshape(x.shape)
        return loss, (grads, x_grad), state

    return run


def _split(tree: Any, count: int) -> Any:
    """Every `count`-th row to the same part, so that devices keep their rows."""
    return jax.tree.map(
        lambda leaf: leaf.reshape(-1, count, *leaf.shape[1:]).swapaxes(0, 1), tree
    )
