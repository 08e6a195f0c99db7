"""xTune: what is said of a row and of another view of it is to be alike.

A view is the row's translation, or its tokens with noise. Each prediction is held
against the other as it is, without gradients. In a second stage (`teaching`) views are
learnt from as rows are, and what is said of them is held against what the network said
when the warm-up, the first stage, was over: of the translation, or, of noise, of the
row.

References:
    Zheng et al., "Consistency regularization for cross-lingual fine-tuning", 2021.
    https://arxiv.org/abs/2106.08226
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.training.methods.base import (
    Data,
    Gradients,
    Logits,
    Method,
    Setting,
    batch_loss,
    label_weight,
)
from xlnas_jax.training.methods.from_loss import of_loss
from xlnas_jax.types import Architecture, Batch


def gradients_of(has_teacher: bool) -> Callable[..., Gradients]:
    """Of the whole network, in the second stage once it has a teacher, if asked for."""

    def own_loss(
        setting: Setting, params: Any, x: Any, batch: Batch, arch: Any, key: Any
    ) -> Float[Array, ""]:
        is_second = has_teacher and setting.config.xtune.teaching > 0
        return loss(setting, params, x, batch, arch, is_second, key)

    return of_loss(own_loss)


def loss(
    setting: Setting,
    params: Any,
    x: Any,
    batch: Batch,
    arch: Architecture,
    is_second: bool,
    key: Key[Array, ""],
) -> Float[Array, ""]:
    """On labels, and how far the two views of every row are apart."""
    config, full = setting.config.xtune, setting.network.full
    keys = jax.random.split(key, 3)
    seen, view = _view(setting, x, batch, keys[0])
    ours = full(params, x[0], batch, arch, keys[1]).logits
    theirs = full(params, seen, view, arch, keys[2]).logits
    labelled = [(setting.task.loss(ours, batch), label_weight(batch))]
    if is_second and config.view_labels:
        labelled.append((setting.task.loss(theirs, view), label_weight(view)))
    total = sum((one.total * weight).sum() for one, weight in labelled)
    count = sum((one.num * weight).sum() for one, weight in labelled)
    labels = total / jnp.maximum(count, 1.0)
    found = labels + config.consistency * apart(setting, ours, theirs, view)
    if is_second:
        assert view.said is not None
        temperature = setting.config.kd_temperature
        held = setting.task.distill(theirs, view.said.logits, view, temperature)
        found = found + config.teaching * batch_loss(held, view.weight)
    return found


def apart(
    setting: Setting, ours: Logits, theirs: Logits, view: Batch
) -> Float[Array, ""]:
    """The divergence of each prediction from the other as it is, mean over views."""
    still = jax.lax.stop_gradient
    both = (theirs, still(ours)), (ours, still(theirs))
    one, other = (
        batch_loss(setting.task.distill(*pair, view, 1.0), view.weight) for pair in both
    )
    is_released = setting.config.xtune.kl_reduction == "released"
    return (one + other) / (setting.task.num_outputs if is_released else 1)


def _view(
    setting: Setting, x: Any, batch: Batch, key: Key[Array, ""]
) -> tuple[Hidden, Batch]:
    """The embedded tokens of what is seen, and what text it is."""
    config = setting.config.xtune
    if config.view == "translation":
        return x[1], batch.other
    noise = jax.random.normal(key, x[0].shape, x[0].dtype)
    return x[0] + jnp.asarray(config.noise, x[0].dtype) * noise, batch


def needs_more(config: TrainConfig) -> frozenset[Data]:
    """Translations where they are the views, a teacher in the second stage."""
    has_translations = config.xtune.view == "translation"
    return frozenset(
        [
            *(["translations"] if has_translations else []),
            *(["teacher"] if config.xtune.teaching else []),
        ]
    )


gradients = gradients_of(has_teacher=True)
METHOD = Method(
    "xtune",
    "Zheng et al. 2021",
    gradients,
    needs_more=needs_more,
    is_beside=True,
    warms_up=True,
    first=gradients_of(has_teacher=False),
)
