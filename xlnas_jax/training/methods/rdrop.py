"""Fine-tuning in which two passes with other dropout must agree.

Each passes the whole network; the mean of their losses on labels is learnt from, and
with `train.rdrop_alpha` how far they are from each other, both ways.

References:
    Liang et al., "R-Drop: Regularized Dropout for Neural Networks", 2021.
    https://arxiv.org/abs/2106.14448
"""

from typing import Any

import jax
from jaxtyping import Array, Float, Key

from xlnas_jax.training.methods import finetune
from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Setting,
    batch_loss,
    drop_key,
    label_loss,
    label_weight,
    num_in_whole,
    whole,
)
from xlnas_jax.types import Batch


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Of rows with labels; of one network alone, that of plain fine-tuning.

    That has no dropout: its two passes would be one.
    """
    if setting.network.sub is None:
        return finetune.gradients(setting, state, params, x, batch, key)
    task, alpha = setting.task, setting.config.rdrop_alpha
    arch_key, noise_key = jax.random.split(key)
    largest = whole(setting.space, arch_key)
    keys = jax.random.split(drop_key(setting, noise_key))
    weight, count = label_weight(batch), num_in_whole(setting, label_weight)

    def loss_of(params: Any, x: Any) -> Float[Array, ""]:
        one, other = (
            setting.network.full(params, x, batch, largest, own).logits for own in keys
        )
        apart = [
            batch_loss(task.distill(*pair, batch, 1.0), weight, count)
            for pair in ((one, other), (other, one))
        ]
        labels = [label_loss(setting, logits, batch) for logits in (one, other)]
        return (labels[0] + labels[1]) / 2 + alpha * (apart[0] + apart[1]) / 2

    loss, grads = jax.value_and_grad(loss_of, argnums=(0, 1))(params, x)
    return loss, grads, state


METHOD = Method("rdrop", "Liang et al. 2021", gradients, warms_up=True)
