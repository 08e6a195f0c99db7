"""How far what a network says is from what its teacher does."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.supernet.heads import unit
from xlnas_jax.training.methods.base import (
    Setting,
    batch_loss,
    num_in_whole,
    row_weight,
)
from xlnas_jax.types import Batch, Said

# The least that the length of a vector is taken for: a vector of zeros has no cosine.
_LENGTH = 1e-6


def distance(
    setting: Setting, ours: Said, theirs: Said, batch: Batch
) -> Float[Array, ""]:
    """How far a network is from its teacher, on all rows, labelled or not.

    The divergence of softened predictions, with `kd_vector` one less the cosine of the
    sentences' vectors, with `kd_layers` what the vectors of every layer that is kept
    leave unexplained of the teacher's, and with `kd_relation` how far sentences of the
    batch stand otherwise among each other. These two look at rows side by side, so
    nothing in parts is learnt by them (`train.accumulate`).

    References:
        Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
        https://arxiv.org/abs/1503.02531
        Sanh et al., "DistilBERT", 2019. https://arxiv.org/abs/1910.01108
        Sun et al., "Patient knowledge distillation", 2019, whose layers these are, of
        whole sentences. https://arxiv.org/abs/1908.09355
        Fang et al., "SEED: self-supervised distillation", 2021, whose distributions of
        likeness these are. https://arxiv.org/abs/2101.04731
    """
    config = setting.config
    apart = setting.task.distill(
        ours.logits, theirs.logits, batch, config.kd_temperature
    )
    total = batch_loss(apart, batch.weight, num_in_whole(setting, row_weight))
    whole = batch if setting.part is None else setting.part.whole
    if config.kd_vector and ours.vector is not None and theirs.vector is not None:
        turned = 1.0 - cosine(ours.vector, theirs.vector)
        count = jnp.maximum(whole.weight.sum(), 1.0)
        total = total + config.kd_vector * (turned * batch.weight).sum() / count
    if config.kd_layers and ours.layers is not None and theirs.layers is not None:
        kept = jnp.ones(ours.layers.shape[1]) if ours.kept is None else ours.kept
        apart = unexplained(ours.layers, theirs.layers, batch.weight)
        mean = (apart * kept).sum() / jnp.maximum(kept.sum(), 1.0)
        total = total + config.kd_layers * mean
    if config.kd_relation:
        one, other = (
            said.logits if setting.task.gives_vectors else said.vector
            for said in (ours, theirs)
        )
        if one is not None and other is not None:
            apart = related(one, other, batch.weight, config.relation_temperature)
            total = total + config.kd_relation * apart
    return total


def related(
    ours: Float[Array, "batch model"],
    theirs: Float[Array, "batch model"],
    weight: Float[Array, " batch"],
    temperature: float,
) -> Float[Array, ""]:
    """Divergence of whom a sentence is like, of all of the batch by the teacher.

    Those are compared with the teacher's vectors by both, so that all of a batch need
    not move at once. Rows that do not count are like nobody.
    """
    one, other = unit(ours), unit(theirs)
    low = jnp.asarray(jnp.finfo(jnp.float32).min / 2, jnp.float32)

    def chances(vectors: Float[Array, "batch model"]) -> Float[Array, "batch batch"]:
        scores = jnp.matmul(vectors, other.T) / temperature
        return jax.nn.log_softmax(jnp.where(weight[None] > 0, scores, low), -1)

    wanted, found = chances(other), chances(one)
    apart = (jnp.exp(wanted) * (wanted - found)).sum(-1)
    return (apart * weight).sum() / jnp.maximum(weight.sum(), 1.0)


def unexplained(
    ours: Float[Array, "batch layer model"],
    theirs: Float[Array, "batch layer model"],
    weight: Float[Array, " batch"],
) -> Float[Array, " layer"]:
    """Share of the variance of a teacher's vectors that others leave unexplained.

    Of every layer apart, so that all of them count alike, however large their vectors.
    """
    own = weight[:, None, None]
    count = jnp.maximum(weight.sum(), 1.0)
    mean = (theirs * own).sum(0, keepdims=True) / count
    spread = (jnp.square(theirs - mean) * own).sum((0, 2))
    apart = (jnp.square(ours - theirs) * own).sum((0, 2))
    return apart / jnp.maximum(spread, _LENGTH)


def cosine(
    one: Float[Array, "batch model"], other: Float[Array, "batch model"]
) -> Float[Array, " batch"]:
    """Of the angle between the vectors of each row."""
    lengths = [
        jnp.sqrt(jnp.maximum(jnp.square(v).sum(-1), _LENGTH**2)) for v in (one, other)
    ]
    return (one * other).sum(-1) / (lengths[0] * lengths[1])
