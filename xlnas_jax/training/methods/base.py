"""The contract of a transfer method: how a batch becomes gradients.

A method knows nothing of optimizers, devices or checkpoints. Around it, a weight step
takes the batch, embeds it once, asks the method for a loss and gradients, and takes one
optimizer step with them (`step.make_weight_step`).
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.tasks.base import Losses, Task
from xlnas_jax.types import Architecture, Batch

# What a method learns from: labelled text of the source, labelled text of auxiliary
# languages, text without labels, and translations.
Data = Literal["source", "auxiliary", "unlabelled", "translations"]
# What of the weights a method trains.
Part = Literal["embeddings", "layers", "head"]
EVERYTHING: frozenset[Part] = frozenset({"embeddings", "layers", "head"})

Logits = Float[Array, "..."]
# Of one batch: the loss, gradients of the weights and of the embedded tokens, and the
# method's own state after it.
Gradients = tuple[Float[Array, ""], tuple[Any, Any], Any]


class Network(NamedTuple):
    """What a method runs: a supernet, or one network alone.

    Attributes:
        full: `(params, x, batch, architecture, key) -> logits` of the whole network,
            with dropout where a key is given.
        sub: `(params, x, batch, architecture) -> logits` of a sub-network; None of one
            network alone, which has none.
    """

    full: Callable[..., Logits]
    sub: Callable[..., Logits] | None = None


class Setting(NamedTuple):
    """Where a method works.

    Attributes:
        space: of the network; its largest architecture is the whole.
    """

    config: TrainConfig
    network: Network
    space: SearchSpace
    task: Task


def no_state(setting: Setting, key: Key[Array, ""]) -> tuple[()]:
    """Of a method that remembers nothing."""
    del setting, key
    return ()


class Method(NamedTuple):
    """One transfer method.

    Attributes:
        name: in the configuration, `train.method`.
        paper: where it comes from.
        gradients: `(setting, state, params, x, batch, key)`, of which `x` are the
            embedded tokens, to `Gradients`; pure, and traced once for every shape.
        init: its own state before the first step, a pytree.
        needs: what it learns from.
        trains: the weights that its gradients reach; all others have none.
    """

    name: str
    paper: str
    gradients: Callable[..., Gradients]
    init: Callable[[Setting, Key[Array, ""]], Any] = no_state
    needs: frozenset[Data] = frozenset({"source"})
    trains: frozenset[Part] = EVERYTHING


def batch_loss(losses: Losses, weight: Float[Array, " batch"]) -> Float[Array, ""]:
    """Mean over the predictions of the rows that count."""
    count = (losses.num * weight).sum()
    return (losses.total * weight).sum() / jnp.maximum(count, 1.0)


def from_labels(
    setting: Setting,
    params: Any,
    x: Any,
    batch: Batch,
    arch: Architecture,
    key: Key[Array, ""],
) -> tuple[Float[Array, ""], Logits, tuple[Any, Any]]:
    """The whole network's loss and logits, and gradients of weights and tokens."""

    def loss_of(params: Any, x: Any) -> tuple[Float[Array, ""], Logits]:
        logits = setting.network.full(params, x, batch, arch, key)
        return batch_loss(setting.task.loss(logits, batch), batch.weight), logits

    run = jax.value_and_grad(loss_of, argnums=(0, 1), has_aux=True)
    (loss, logits), grads = run(params, x)
    return loss, logits, grads


def networks(space: SearchSpace, key: Key[Array, ""], num_random: int) -> Architecture:
    """Largest, smallest and random architectures, in that order.

    Knobs without an order (pooling) have no largest choice: they are drawn anew
    for every network, so that each choice learns from the labels too.
    """
    random = space.sample_valid(key, num_random + 2)
    ends = jax.tree.map(
        lambda a, b: jnp.stack([a, b]), space.largest(), space.smallest()
    )
    choices = {}
    for knob in space.knobs:
        drawn = random[knob.name]
        ordered = jnp.concatenate([ends[knob.name], drawn[2:]])
        choices[knob.name] = ordered if knob.is_ordered else drawn
    return Architecture(choices=choices)
