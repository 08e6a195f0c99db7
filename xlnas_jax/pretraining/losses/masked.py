"""Masked tokens are told: of a text, or of a sentence and its translation in one row.

Of two sentences in one row (translation language modelling) tokens of both are masked,
so that each can be told from the other as well.

References:
    Devlin et al., "BERT", 2019. https://arxiv.org/abs/1810.04805
    Conneau & Lample, "Cross-lingual Language Model Pretraining", 2019.
    https://arxiv.org/abs/1901.07291
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.config.pretraining.pretrain import PretrainConfig
from xlnas_jax.data.tokens.masks import Masks
from xlnas_jax.pretraining.losses.base import Loss, PretrainParams, View
from xlnas_jax.pretraining.masking import Masked, mask_tokens
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.supernet.mlm import mlm_logits
from xlnas_jax.types import Batch

Told = Float[Array, "batch told vocab"]
PAPERS = {"mlm": "Devlin et al. 2019", "tlm": "Conneau & Lample 2019"}


def make_masked(
    name: Literal["mlm", "tlm"],
    config: PretrainConfig,
    shape: EncoderShape,
    masks: Masks,
) -> Loss:
    """The loss on masked tokens of texts, or of pairs in one row."""
    restarts = name == "tlm" and config.tlm_positions == "restart"

    def view(key: Key[Array, ""], batch: Batch) -> View:
        found = mask_tokens(key, batch.tokens, batch.mask, masks, config.mask_rate)
        weight = found.weight * batch.weight[:, None]
        places = None
        if restarts:
            places = restarted(batch.tokens, batch.mask, masks.is_special)
        text = dataclasses.replace(batch, tokens=found.tokens)
        return View((text,), (places,), found._replace(weight=weight))

    def say(params: PretrainParams, hiddens: tuple[Hidden, ...], view: View) -> Told:
        return tell(params, hiddens[0], view.told.position, shape)

    def lost(said: Told, view: View) -> Float[Array, ""]:
        told: Masked = view.told
        each = optax.softmax_cross_entropy_with_integer_labels(said, told.wanted)
        return _mean(each, told)

    def apart(said: Told, theirs: Told, view: View) -> Float[Array, ""]:
        ours, wanted = (
            jax.nn.log_softmax(one / config.kd_temperature, axis=-1)
            for one in (said, theirs)
        )
        each = (jnp.exp(wanted) * (wanted - ours)).sum(-1)
        return config.kd_temperature**2 * _mean(each, view.told)

    form = "plain" if name == "mlm" else "joined"
    return Loss(name, PAPERS[name], form, view, say, lost, apart)


def tell(
    params: PretrainParams,
    hidden: Hidden,
    position: Int[Array, "batch told"],
    shape: EncoderShape,
) -> Told:
    """Logits of every vocabulary entry at some positions; at no other are there any."""
    chosen = jnp.take_along_axis(hidden, position[:, :, None], axis=1)
    word = params.encoder.embeddings.word
    return mlm_logits(chosen, params.head, word, shape.norm_epsilon)


def restarted(
    tokens: Int[Array, "batch seq"],
    mask: Bool[Array, "batch seq"],
    is_special: Bool[np.ndarray, " vocab"],
) -> Int[Array, "batch seq"]:
    """Places that begin anew with the second text of a row, as if it stood alone.

    It begins behind the first special token that is not the row's first; a row without
    one goes on. Padding has the places that it would have.
    """
    place = jnp.broadcast_to(
        jnp.arange(tokens.shape[1], dtype=jnp.int32)[None, :], tokens.shape
    )
    ends = jnp.asarray(is_special)[tokens] & mask & (place > 0)
    # Of a row without an end no place is as large.
    last = jnp.where(ends, place, tokens.shape[1]).min(1, keepdims=True)
    start = last + 1
    return jnp.where(place >= start, place - start, place)


def _mean(each: Float[Array, "batch told"], told: Masked) -> Float[Array, ""]:
    return (each * told.weight).sum() / jnp.maximum(told.weight.sum(), 1.0)
