"""Adversarial training by one step: labels must hold where the loss rises fastest.

Every sentence is learnt from twice, as it is and with its embedded tokens moved by
`train.adversarial.epsilon` along the gradient of its own loss.

References:
    Miyato et al., "Adversarial Training Methods for Semi-Supervised Text
    Classification", 2017. https://arxiv.org/abs/1605.07725
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Setting,
    from_labels,
    whole,
)
from xlnas_jax.training.methods.perturbation import Tokens, moved, uphill
from xlnas_jax.types import Architecture, Batch

# `(setting, params, x, batch, architecture, key, gradient of x) -> what is added to x`.
Attack = Callable[..., Tokens]


def one_step(
    setting: Setting,
    params: Any,
    x: Tokens,
    batch: Batch,
    arch: Architecture,
    key: Key[Array, ""],
    x_grad: Tokens,
) -> Tokens:
    """Along the gradient, of the full length."""
    del params, x, batch, arch, key
    return setting.config.adversarial.epsilon * uphill(x_grad)


def against(attack: Attack) -> Callable[..., Gradients]:
    """Gradients of the loss on labels as sentences are, and as they are attacked."""

    def gradients(
        setting: Setting,
        state: Any,
        params: Any,
        x: Any,
        batch: Batch,
        key: Key[Array, ""],
    ) -> Gradients:
        arch_key, *keys = jax.random.split(key, 3)
        fixed = batch, whole(setting.space, arch_key)
        loss, _, grads = from_labels(setting, params, x, *fixed, keys[0])
        added = attack(setting, params, x, *fixed, keys[1], grads[1])
        given = setting, params, moved(x, added), *fixed, keys[1]
        more, _, more_grads = from_labels(*given)
        return loss + more, jax.tree.map(jnp.add, grads, more_grads), state

    return gradients


METHOD = Method("fgm", "Miyato et al. 2017", against(one_step), warms_up=True)
