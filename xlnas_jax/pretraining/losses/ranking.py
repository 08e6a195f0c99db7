"""A translation is told among those of a batch, in both directions, by a margin.

References:
    Yang et al., "Improving multilingual sentence embedding using bi-directional dual
    encoder with additive margin softmax", 2019. https://arxiv.org/abs/1902.08564
    Feng et al., "Language-agnostic BERT Sentence Embedding", 2022.
    https://arxiv.org/abs/2007.01852
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from xlnas_jax.alignment.infonce import ranking_loss
from xlnas_jax.config.pretraining.pretrain import PretrainConfig
from xlnas_jax.pretraining.losses.base import Loss, PretrainParams, View
from xlnas_jax.supernet.heads import sentence_vector
from xlnas_jax.supernet.layers import Hidden
from xlnas_jax.training.distance import cosine
from xlnas_jax.types import Batch

Sides = tuple[Float[Array, "batch model"], Float[Array, "batch model"]]


def make_ranking(config: PretrainConfig) -> Loss:
    """The loss of telling translations apart by the mean vectors of sentences."""

    def view(key: Key[Array, ""], batch: Batch) -> View:
        del key
        return View((batch, batch.other), (None, None), batch.label)

    def say(params: PretrainParams, hiddens: tuple[Hidden, ...], view: View) -> Sides:
        del params
        ours, theirs = (
            sentence_vector(hidden, text.mask)
            for hidden, text in zip(hiddens, view.texts, strict=True)
        )
        return ours, theirs

    def lost(said: Sides, view: View) -> Float[Array, ""]:
        weight = view.texts[0].weight
        return ranking_loss(*said, config.temperature, config.margin, weight, view.told)

    def apart(said: Sides, theirs: Sides, view: View) -> Float[Array, ""]:
        weight = view.texts[0].weight
        turned = [
            1.0 - cosine(one, other) for one, other in zip(said, theirs, strict=True)
        ]
        total = ((turned[0] + turned[1]) * weight).sum()
        return total / (2.0 * jnp.maximum(weight.sum(), 1.0))

    return Loss("ranking", "Yang et al. 2019", "beside", view, say, lost, apart)
