"""Distillation from the full network as its warm-up left it.

The teacher does not change any more, so what it makes of every text is known before the
first step (`Batch.said`), and learning takes no forward pass of the full network. The
smallest network and a few random ones learn from it on labelled and unlabelled text
alike; of one network alone, that one does.

References:
    Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
    https://arxiv.org/abs/1503.02531
    Jiao et al., "TinyBERT", 2020, whose second step this is with text of many
    languages. https://arxiv.org/abs/1909.10351
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.training.distance import distance
from xlnas_jax.training.methods import base
from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Setting,
    label_loss,
)
from xlnas_jax.types import Architecture, Batch, Said


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Mean over the networks; the loss is that of the last one."""
    network, space = setting.network, setting.space
    count = setting.config.num_random if network.sub else 0
    archs = base.networks(space, key, count)
    if network.sub is None:
        first = jax.tree.map(lambda leaf: leaf[0], archs)
        loss, grads = _from_teacher(setting, network.full, params, x, batch, first)
        return loss, grads, state
    run = network.sub

    def add(total: Any, arch: Architecture) -> tuple[Any, Float[Array, ""]]:
        loss, part = _from_teacher(setting, run, params, x, batch, arch)
        return jax.tree.map(jnp.add, total, part), loss

    others = jax.tree.map(lambda leaf: leaf[1:], archs)
    nothing = jax.tree.map(jnp.zeros_like, (params, x))
    total, losses = jax.lax.scan(add, nothing, others)
    return losses[-1], jax.tree.map(lambda g: g / (1 + count), total), state


def _from_teacher(
    setting: Setting,
    run: Callable[..., Said],
    params: Any,
    x: Any,
    batch: Batch,
    arch: Architecture,
) -> tuple[Float[Array, ""], tuple[Any, Any]]:
    """Loss and gradients of one network, without dropout."""
    assert batch.said is not None
    teacher, weight = batch.said, setting.config.kd_labels

    def loss_of(params: Any, x: Any) -> Float[Array, ""]:
        ours = run(params, x, batch, arch)
        loss = distance(setting, ours, teacher, batch)
        return loss + weight * label_loss(setting, ours.logits, batch)

    return jax.value_and_grad(loss_of, argnums=(0, 1))(params, x)


METHOD = Method(
    "distill",
    "Hinton et al. 2015",
    gradients,
    needs=frozenset({"source", "teacher"}),
    uses=frozenset({"unlabelled"}),
    draws=True,
)
