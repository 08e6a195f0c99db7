"""Plain fine-tuning: the whole network, from the labels.

References:
    Devlin et al., "BERT", 2019. https://arxiv.org/abs/1810.04805
"""

from typing import Any

import jax
from jaxtyping import Array, Key

from xlnas_jax.training.methods import base
from xlnas_jax.training.methods.base import Gradients, Method, Setting, from_labels
from xlnas_jax.types import Batch


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Of the loss on labels."""
    arch_key, drop_key = jax.random.split(key)
    largest = base.whole(setting.space, arch_key)
    loss, _, grads = from_labels(setting, params, x, batch, largest, drop_key)
    return loss, grads, state


METHOD = Method("finetune", "Devlin et al. 2019", gradients, warms_up=True)
