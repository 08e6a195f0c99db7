"""The sandwich: the largest network from the labels, others from the largest.

The smallest network and a few random ones are distilled in place, from the predictions
of the largest on the same batch, text without labels included; one optimizer step takes
all of their gradients.

References:
    Yu et al., "BigNAS", 2020. https://arxiv.org/abs/2003.11142
"""

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
    from_labels,
)
from xlnas_jax.types import Architecture, Batch


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Mean over the networks; of one network alone, that of plain fine-tuning."""
    num_random, sub = setting.config.num_random, setting.network.sub
    arch_key, drop_key = jax.random.split(key)
    archs = base.networks(setting.space, arch_key, num_random if sub else 0)
    first = jax.tree.map(lambda leaf: leaf[0], archs)
    loss, said, grads = from_labels(setting, params, x, batch, first, drop_key)
    if sub is None:
        return loss, grads, state
    teacher = jax.lax.stop_gradient(said)

    def distilled(params: Any, x: Any, arch: Architecture) -> Float[Array, ""]:
        return distance(setting, sub(params, x, batch, arch), teacher, batch)

    def add(total: Any, arch: Architecture) -> tuple[Any, None]:
        part = jax.grad(distilled, argnums=(0, 1))(params, x, arch)
        return jax.tree.map(jnp.add, total, part), None

    others = jax.tree.map(lambda leaf: leaf[1:], archs)
    total, _ = jax.lax.scan(add, grads, others)
    count = 2 + num_random
    return loss, jax.tree.map(lambda g: g / count, total), state


METHOD = Method(
    "sandwich",
    "Yu et al. 2020",
    gradients,
    uses=frozenset({"unlabelled"}),
    draws=True,
)
