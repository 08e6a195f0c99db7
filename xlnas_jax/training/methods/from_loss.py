"""How a method that is said by a loss alone comes to its gradients."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float, Key

from xlnas_jax.training.methods.base import Gradients, Setting, whole
from xlnas_jax.types import Batch


def of_loss(
    loss: Callable[..., Float[Array, ""]],
) -> Callable[..., Gradients]:
    """`gradients` of a method that remembers nothing, from its loss alone.

    Args:
        loss: `(setting, params, x, batch, architecture, key) -> loss` of the whole.
    """

    def gradients(
        setting: Setting,
        state: Any,
        params: Any,
        x: Any,
        batch: Batch,
        key: Key[Array, ""],
    ) -> Gradients:
        arch_key, run_key = jax.random.split(key)
        arch = whole(setting.space, arch_key)

        def loss_of(params: Any, x: Any) -> Float[Array, ""]:
            return loss(setting, params, x, batch, arch, run_key)

        found, grads = jax.value_and_grad(loss_of, argnums=(0, 1))(params, x)
        return found, grads, state

    return gradients
