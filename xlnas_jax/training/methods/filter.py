"""FILTER: a row and its translation are one text in some layers.

Both pass the first layers by themselves, the next ones side by side, in which every
token sees those of both, and the others by themselves again. Both are predicted and
learnt from alike. With self-teaching, what is said of a translation is to be what the
network said of it when the warm-up was over. What is exported and scored is the network
of single texts.

The teacher of the paper sees pairs; here it hears translations by themselves, since
that is the network that is asked for.

References:
    Fang et al., "FILTER: An enhanced fusion method for cross-lingual language
    understanding", 2021. https://arxiv.org/abs/2009.05166
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.config.methods.filter import FilterConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.streams.streams import Streams
from xlnas_jax.tasks.base import divergence
from xlnas_jax.training.methods.base import Data, Gradients, Method, Setting, texts_of
from xlnas_jax.training.methods.from_loss import of_loss
from xlnas_jax.types import Architecture, Batch


def gradients_of(has_teacher: bool) -> Callable[..., Gradients]:
    """Of the whole network, on labels and, once it has one, on its teacher's say."""

    def own_loss(
        setting: Setting, params: Any, x: Any, batch: Batch, arch: Any, key: Any
    ) -> Float[Array, ""]:
        weight = setting.config.filter.self_teaching if has_teacher else 0.0
        return loss(setting, params, x, batch, arch, weight, key)

    return of_loss(own_loss)


def loss(
    setting: Setting,
    params: Any,
    x: Any,
    batch: Batch,
    arch: Architecture,
    self_teaching: float,
    key: Key[Array, ""] | None,
) -> Float[Array, ""]:
    """Mean over the rows; of one with a translation that of both."""
    streams, (batch, other, *_) = setting.network.streams, texts_of(batch)
    assert streams is not None
    both = (x[0], x[1]), (batch, other)
    hidden = joined_hidden(streams, setting.config.filter, params, *both, key)
    keys = (None, None) if key is None else jax.random.split(jax.random.fold_in(key, 1))
    ours, theirs = (
        streams.read_out(params, one, text, arch, own)
        for one, text, own in zip(hidden, (batch, other), keys, strict=True)
    )
    has = (other.weight > 0).astype(jnp.float32)
    labelled = 1.0 if batch.labelled is None else batch.labelled
    losses = setting.task.loss(ours, batch).total * (1.0 - 0.5 * has)
    losses = labelled * (losses + setting.task.loss(theirs, other).total * 0.5 * has)
    if self_teaching:
        assert other.said is not None
        temperature = setting.config.kd_temperature
        apart = divergence(theirs, other.said.logits, temperature)
        losses = losses + self_teaching * has * apart
    return (losses * batch.weight).sum() / jnp.maximum(batch.weight.sum(), 1.0)


def joined_hidden(
    streams: Streams,
    config: FilterConfig,
    params: Any,
    x: tuple[Hidden, Hidden],
    texts: tuple[Batch, Batch],
    key: Key[Array, ""] | None,
) -> tuple[Hidden, Hidden]:
    """What the last layer gives of rows and of their translations."""
    first, last = config.separate, config.separate + config.joint
    ours, theirs = (text.mask for text in texts)
    both = jnp.concatenate([ours, theirs])
    hidden = streams.run(params, jnp.concatenate(x), both, key, 0, first)
    if config.joint:
        # Where there is no translation its place is padding.
        is_there = theirs & (texts[1].weight > 0)[:, None]
        mask = jnp.concatenate([ours, is_there], axis=1)
        side_by_side = jnp.concatenate(jnp.split(hidden, 2), axis=1)
        side_by_side = streams.run(params, side_by_side, mask, key, first, last)
        hidden = jnp.concatenate(jnp.split(side_by_side, 2, axis=1))
    hidden = streams.run(params, hidden, both, key, last, streams.num_layers)
    one, other = jnp.split(hidden, 2)
    return one, other


def needs_more(config: TrainConfig) -> frozenset[Data]:
    """A teacher, where there is self-teaching."""
    return frozenset({"teacher"} if config.filter.self_teaching else ())


def outside(config: TrainConfig, num_layers: int) -> str | None:
    """What speaks against the settings in an encoder of so many layers."""
    last = config.filter.separate + config.filter.joint
    if last <= num_layers:
        return None
    return (
        f"train.filter: separate and joint layers must be among the encoder's "
        f"{num_layers}; got {config.filter.separate} and {config.filter.joint}. Use "
        f"fewer of them."
    )


gradients = gradients_of(has_teacher=True)
METHOD = Method(
    "filter",
    "Fang et al. 2021",
    gradients,
    needs=frozenset({"source", "translations"}),
    needs_more=needs_more,
    is_beside=True,
    outside=outside,
    warms_up=True,
    first=gradients_of(has_teacher=False),
)
