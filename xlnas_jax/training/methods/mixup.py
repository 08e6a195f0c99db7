"""X-Mixup: a translation sees, in some layers, the row that it is of.

Both are predicted and learnt from, and are to be alike. Where there is a translation
of the translation, it takes the row's place more and more often, as it must where only
the other language's text is given. What is exported and scored is the network without
any of it: no text is mixed where none stands beside it.

References:
    Yang et al., "Enhancing cross-lingual transfer by manifold mixup", 2022.
    https://arxiv.org/abs/2205.04182
    Bengio et al., "Scheduled sampling", 2015. https://arxiv.org/abs/1506.03099
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.methods.mixup import MixupConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.heads import sentence_vector
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.streams.mixed import Mix
from xlnas_jax.tasks.base import divergence
from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Setting,
    texts_of,
    whole,
)
from xlnas_jax.training.optimizer import apply_gradients
from xlnas_jax.types import Architecture, Batch

# Of every mixed layer the weight of the entropies, and the bias.
Shares = Float[Array, "2 layer"]


@struct.dataclass
class MixupState:
    """What the method remembers.

    Attributes:
        shares: its own trained numbers, one column a mixed layer.
        opt_state: of their optimizer.
        step: steps done.
    """

    shares: Shares
    opt_state: optax.OptState
    step: Int[Array, ""]


def init(setting: Setting, key: Key[Array, ""]) -> MixupState:
    """Weights as configured, biases of 0."""
    del key
    config = setting.config.mixup
    count = len(config.layers)
    weights = jnp.full(count, config.share_weight, jnp.float32)
    shares = jnp.stack([weights, jnp.zeros(count, jnp.float32)])
    opt_state = _optimizer(config).init(shares)
    return MixupState(shares, opt_state, jnp.zeros((), jnp.int32))


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Of the whole network; the method's own numbers take a step of their own."""
    arch_key, gold_key, run_key = jax.random.split(key, 3)
    arch = whole(setting.space, arch_key)
    chance = gold_chance(state.step, setting.config.mixup.gold_steps)
    is_gold = jax.random.bernoulli(gold_key, chance)

    def loss_of(params: Any, x: Any, shares: Shares) -> Float[Array, ""]:
        return loss(setting, params, x, shares, batch, arch, is_gold, run_key)

    run = jax.value_and_grad(loss_of, argnums=(0, 1, 2))
    total, (grads, x_grad, share_grad) = run(params, x, state.shares)
    after = apply_gradients(
        _optimizer(setting.config.mixup), state.shares, state.opt_state, share_grad
    )
    return total, (grads, x_grad), MixupState(*after, state.step + 1)


def loss(
    setting: Setting,
    params: Any,
    x: Any,
    shares: Shares,
    batch: Batch,
    arch: Architecture,
    is_gold: Bool[Array, ""],
    key: Key[Array, ""] | None,
) -> Float[Array, ""]:
    """Mean over the rows: of one without a translation the loss on its label alone."""
    config, texts = setting.config.mixup, texts_of(batch)
    x_source, source = shown(x, texts, is_gold)
    other = texts[1]
    both = (x_source, x[1]), (source, other)
    hidden = mixed_hidden(setting, params, *both, shares, key)
    assert setting.network.streams is not None
    read = setting.network.streams.read_out
    keys = (None, None) if key is None else jax.random.split(jax.random.fold_in(key, 1))
    ours, theirs = (
        read(params, one, text, arch, own)
        for one, text, own in zip(hidden, (source, other), keys, strict=True)
    )
    # A row's own weight is the batch's: here it is whether there is a translation.
    has = (other.weight > 0).astype(jnp.float32)
    labelled = 1.0 if batch.labelled is None else batch.labelled
    task, share = setting.task, config.source_weight
    losses = labelled * (
        task.loss(ours, batch).total * (has * share + 1.0 - has)
        + task.loss(theirs, other).total * has * (1.0 - share)
    )
    apart = divergence(theirs, ours, 1.0) + _square(config, hidden, (source, other))
    every = losses + has * config.consistency * apart
    return (every * batch.weight).sum() / jnp.maximum(batch.weight.sum(), 1.0)


def shown(
    x: Any, texts: tuple[Batch, ...], is_gold: Bool[Array, ""]
) -> tuple[Hidden, Batch]:
    """What translations see: the rows, or what these are in their language again."""
    batch = texts[0]
    if len(texts) < 3:
        return x[0], batch
    back = texts[2]
    is_back = ~is_gold & (back.weight > 0)
    hidden = jnp.where(is_back[:, None, None], x[2], x[0])
    length = jnp.where(is_back, back.length, batch.length)
    return hidden, dataclasses.replace(batch, length=length)


def mixed_hidden(
    setting: Setting,
    params: Any,
    x: tuple[Hidden, Hidden],
    texts: tuple[Batch, Batch],
    shares: Shares,
    key: Key[Array, ""] | None,
) -> tuple[Hidden, Hidden]:
    """What the last layer gives of the rows and of their translations.

    Which layer mixes may be data: then there is a branch for each that it can be.
    """
    chosen = setting.network.mix
    hidden, mask = jnp.concatenate(x), jnp.concatenate([one.mask for one in texts])

    def at(*layers: int) -> Callable[..., tuple[Hidden, Hidden]]:
        return lambda params, hidden, shares: _mixed_at(
            setting, layers, params, hidden, shares, mask, key
        )

    given = params, hidden, shares
    if chosen is None:
        return at(*setting.config.mixup.layers)(*given)
    if isinstance(chosen.place, int):
        return at(chosen.layers[chosen.place])(*given)
    # Else all of them would keep what going back through them takes.
    branches = [jax.checkpoint(at(layer)) for layer in chosen.layers]
    return jax.lax.switch(chosen.place, branches, *given)


def _mixed_at(
    setting: Setting,
    layers: tuple[int, ...],
    params: Any,
    hidden: Float[Array, "both seq model"],
    shares: Shares,
    mask: Bool[Array, "both seq"],
    key: Key[Array, ""] | None,
) -> tuple[Hidden, Hidden]:
    """Mixed in these layers."""
    config, streams = setting.config.mixup, setting.network.streams
    assert streams is not None
    first = 0
    for number, own in zip(layers, shares.T, strict=True):
        hidden = streams.run(params, hidden, mask, key, first, number)
        how = config.largest_share, config.renorm, config.entropy
        mix = Mix(own[0], own[1], *how)
        hidden = streams.mix(params, hidden, mask, key, number, mix)
        first = number + 1
    hidden = streams.run(params, hidden, mask, key, first, streams.num_layers)
    one, other = jnp.split(hidden, 2)
    return one, other


def gold_chance(step: Int[Array, ""], k: float) -> Float[Array, ""]:
    """The inverse sigmoid decay `k / (k + exp(step / k))`, which cannot overflow."""
    return jax.nn.sigmoid(math.log(k) - step.astype(jnp.float32) / k)


def _square(
    config: MixupConfig, hidden: tuple[Hidden, Hidden], texts: tuple[Batch, Batch]
) -> Float[Array, " batch"]:
    """Mean square between the vectors of each row and of its translation."""
    one, other = (
        h[:, 0].astype(jnp.float32)
        if config.vector == "cls"
        else sentence_vector(h, text.mask)
        for h, text in zip(hidden, texts, strict=True)
    )
    return jnp.square(one - other).mean(-1)


def _optimizer(config: MixupConfig) -> optax.GradientTransformation:
    return optax.adam(config.share_learning_rate)


def outside(config: TrainConfig, num_layers: int) -> str | None:
    """What speaks against the settings in an encoder of so many layers."""
    last = max(config.mixup.layers)
    if last < num_layers:
        return None
    return (
        f"train.mixup.layers: must be layers of the encoder, which has {num_layers}, "
        f"counted from 0; got {last}. Use {num_layers - 1} or less."
    )


METHOD = Method(
    "mixup",
    "Yang et al. 2022",
    gradients,
    init,
    needs=frozenset({"source", "translations"}),
    is_beside=True,
    outside=outside,
)
