"""X-MAML: weights from which a step on one half of a language's rows helps the other.

Of each auxiliary language of a batch the first half of its rows takes a step of plain
descent, and the loss on the second half after it is what is learnt from; gradients of
all languages are added. Rows of the source take no part: it is what the warm-up learns.
A language alone in a batch with one row has no half to step on, and is learnt plainly.

Every language runs the whole batch with others at weight 0, so that shapes stay: a step
costs some three to four passes of plain fine-tuning for each, by the first order two.

References:
    Nooralahzadeh et al., "Zero-shot cross-lingual transfer with meta learning", 2020.
    https://arxiv.org/abs/2003.02739
    Finn et al., "Model-agnostic meta-learning", 2017. https://arxiv.org/abs/1703.03400
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from xlnas_jax.training.meta import after_step
from xlnas_jax.training.methods.base import (
    Gradients,
    Method,
    Setting,
    loss_of_whole,
    whole,
)
from xlnas_jax.types import Batch


def halves(
    batch: Batch, language: Int[Array, ""]
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """Weights by which the first half of a language's rows counts, and the second.

    Of an odd number the second has one more.
    """
    own = jnp.where(batch.language == language, batch.weight, 0.0)
    if batch.labelled is not None:
        own = own * batch.labelled
    is_own = (own > 0).astype(jnp.int32)
    is_first = jnp.cumsum(is_own) <= is_own.sum() // 2
    return jnp.where(is_first, own, 0.0), jnp.where(is_first, 0.0, own)


def gradients(
    setting: Setting, state: Any, params: Any, x: Any, batch: Batch, key: Key[Array, ""]
) -> Gradients:
    """Sum over auxiliary languages; the loss is their mean."""
    del x  # embeddings take the step too
    config = setting.config.maml
    arch_key, drop_key = jax.random.split(key)
    arch = whole(setting.space, arch_key)

    def add(total: Any, language: Int[Array, ""]) -> tuple[Any, Float[Array, ""]]:
        own_key = jax.random.fold_in(drop_key, language)
        inner, outer = (
            _loss_on(setting, batch, weight, arch, jax.random.fold_in(own_key, half))
            for half, weight in enumerate(halves(batch, language))
        )
        loss, grads = after_step(inner, outer, params, config.inner_rate, config.order)
        return jax.tree.map(jnp.add, total, grads), loss

    nothing = jax.tree.map(jnp.zeros_like, params)
    languages = jnp.arange(1, setting.auxiliary + 1, dtype=jnp.int32)
    total, losses = jax.lax.scan(add, nothing, languages)
    return losses.mean(), (total, None), state


def _loss_on(
    setting: Setting, batch: Batch, weight: Any, arch: Any, key: Key[Array, ""]
):
    own = dataclasses.replace(batch, weight=weight)
    return lambda params: loss_of_whole(setting, params, own, arch, key)


METHOD = Method(
    "maml",
    "Nooralahzadeh et al. 2020",
    gradients,
    needs=frozenset({"source", "auxiliary"}),
)
