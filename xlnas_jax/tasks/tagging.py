"""Tagging of words: named entities in IOB2, or one plain tag a word.

A word's tag is read from its first sub-word. Words that were truncated, or that
the tokenizer drops, have no token: they teach nothing, count as predicted
outside, and stay in gold.
"""

from typing import Any, NamedTuple, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.tasks.base import (
    Losses,
    Statistics,
    Task,
    Values,
    divergence,
    guarded,
    negative_log_likelihood,
)
from xlnas_jax.types import Batch

OUTSIDE = "O"


@struct.dataclass
@no_type_check
class TagLabels:
    """Gold tags of words, and where to read the prediction.

    Arrays of NumPy until they are put into a batch.

    Attributes:
        position: token of the word's first sub-word; -1 where it has none.
        tag: position in the label set; -1 fills up the row.
    """

    position: Int[Array | np.ndarray, "*lead word"]
    tag: Int[Array | np.ndarray, "*lead word"]


class _Tags(NamedTuple):
    """Static facts of a tag set: of each tag, its entity type and its prefix."""

    type: Int[np.ndarray, " tag"]
    begins: Bool[np.ndarray, " tag"]
    outside: int


def has_entities(labels: tuple[str, ...]) -> bool:
    """True for IOB2 tags; False for a set of plain tags, such as parts of speech."""
    return all(tag == OUTSIDE or tag[:2] in ("B-", "I-") for tag in labels)


def make_tagging(labels: tuple[str, ...], label_smoothing: float = 0.0) -> Task:
    """The task of choosing one of `labels` for every word.

    `Batch.label` holds `TagLabels`. Statistics, per sentence: words with a token and
    their summed loss; words and correct words; entities predicted, in gold and
    correct, first as conlleval and seqeval's default count them, then strictly.
    The error is one minus the lenient entity F1, or, of plain tags, one minus the
    share of correct words.
    """
    tags = _read_tags(labels)
    is_entity = has_entities(labels)

    def word_logits(logits: Float[Array, "batch seq label"], target: TagLabels):
        index = jnp.maximum(target.position, 0)[..., None]
        return jnp.take_along_axis(logits, index, axis=1)

    def loss(logits: Float[Array, "batch seq label"], batch: Batch) -> Losses:
        target = batch.label
        counts = _has_token(target)
        gold = jnp.maximum(target.tag, 0)
        nll = negative_log_likelihood(
            word_logits(logits, target), gold, label_smoothing
        )
        return Losses((nll * counts).sum(-1), counts.sum(-1))

    def distill(
        logits: Float[Array, "batch seq label"],
        teacher: Float[Array, "batch seq label"],
        batch: Batch,
        temperature: float,
    ) -> Losses:
        counts = _has_token(batch.label)
        ours, theirs = (word_logits(x, batch.label) for x in (logits, teacher))
        total = divergence(ours, theirs, temperature) * counts
        return Losses(total.sum(-1), counts.sum(-1))

    def decode(
        logits: Float[Array, "batch seq label"], target: TagLabels
    ) -> Int[Array, "batch word"]:
        best = word_logits(logits, target).argmax(-1).astype(jnp.int32)
        return jnp.where(target.position >= 0, best, tags.outside)

    def statistics(
        logits: Float[Array, "batch seq label"], batch: Batch
    ) -> Float[Array, "batch stat"]:
        target = batch.label
        losses = loss(logits, batch)
        is_word = target.tag >= 0
        predicted = jnp.where(is_word, decode(logits, target), tags.outside)
        gold = jnp.where(is_word, target.tag, tags.outside)
        correct = (is_word & (predicted == gold)).astype(jnp.float32).sum(-1)
        words = is_word.astype(jnp.float32).sum(-1)
        counts = [losses.num, losses.total, words, correct]
        for strict in (False, True):
            counts += _count_entities(tags, predicted, gold, strict)
        return jnp.stack(counts, axis=-1)

    def metrics(sums: Statistics) -> Values:
        accuracy = sums[..., 3] / sums[..., 2].clip(min=1.0)
        predicted, gold, correct = (sums[..., i].clip(min=0.0) for i in (4, 5, 6))
        f1 = 2.0 * correct / (predicted + gold).clip(min=1.0)
        strict = 2.0 * sums[..., 9] / (sums[..., 7] + sums[..., 8]).clip(min=1.0)
        shared = {
            "accuracy": accuracy,
            "error": 1.0 - (f1 if is_entity else accuracy),
            "loss": sums[..., 1] / sums[..., 0].clip(min=1.0),
        }
        if not is_entity:
            return shared
        precision = correct / predicted.clip(min=1.0)
        recall = correct / gold.clip(min=1.0)
        entity = {"f1": f1, "precision": precision, "recall": recall}
        return {**entity, "strict_f1": strict, **shared}

    def predict(
        logits: Float[Array, "batch seq label"], batch: Batch
    ) -> dict[str, Any]:
        return {"tag": decode(logits, batch.label)}

    task = Task(
        kind="tagging",
        labels=labels,
        num_outputs=len(labels),
        reads_tokens=True,
        num_statistics=10,
        primary="f1" if is_entity else "accuracy",
        loss=loss,
        distill=distill,
        statistics=statistics,
        metrics=metrics,
        predict=predict,
    )
    return guarded(task)


def _read_tags(labels: tuple[str, ...]) -> _Tags:
    """Types are numbered from 1; 0 is outside. A plain tag begins and has its own."""
    names = [
        "" if tag == OUTSIDE else tag[2:] if tag[:2] in ("B-", "I-") else tag
        for tag in labels
    ]
    kinds = sorted(set(names) | {""})
    types = [kinds.index(name) for name in names]
    begins = [not tag.startswith("I-") and tag != OUTSIDE for tag in labels]
    # Plain tag sets have no outside; words without a token then get an unused id.
    outside = labels.index(OUTSIDE) if OUTSIDE in labels else len(labels)
    types += [0] * (outside == len(labels))
    begins += [False] * (outside == len(labels))
    return _Tags(np.asarray(types, np.int32), np.asarray(begins), outside)


def _has_token(target: TagLabels) -> Float[Array, "batch word"]:
    """1 for every word that a prediction can be read for."""
    has_token = jnp.asarray(target.tag >= 0) & jnp.asarray(target.position >= 0)
    return has_token.astype(jnp.float32)


def _count_entities(
    tags: _Tags,
    predicted: Int[Array, "batch word"],
    gold: Int[Array, "batch word"],
    strict: bool,
) -> list[Float[Array, " batch"]]:
    """Entities predicted, in gold, and in both with the same type and ends."""
    ours, theirs = (_entities(tags, seq, strict) for seq in (predicted, gold))
    is_same = ours.starts & theirs.starts & (ours.ends == theirs.ends)
    is_same &= ours.type == theirs.type
    return [
        flags.astype(jnp.float32).sum(-1)
        for flags in (ours.starts, theirs.starts, is_same)
    ]


class _Entities(NamedTuple):
    """Where entities start; and of each start, its type and its last word."""

    starts: Bool[Array, "batch word"]
    ends: Int[Array, "batch word"]
    type: Int[Array, "batch word"]


def _entities(tags: _Tags, seq: Int[Array, "batch word"], strict: bool) -> _Entities:
    """Chunks of a tag sequence.

    Lenient, as in conlleval: an `I-` after another type or outside starts an entity
    too. Strict IOB2: only `B-` does, and a stray `I-` belongs to none.

    References:
        Nakayama, "seqeval", 2018. https://github.com/chakki-works/seqeval
    """
    kind, begins = jnp.asarray(tags.type)[seq], jnp.asarray(tags.begins)[seq]
    edge = ((0, 0), (1, 1))
    around = jnp.pad(kind, edge)
    before, after = around[:, :-2], around[:, 2:]
    next_begins = jnp.pad(begins, edge)[:, 2:]
    is_inside = kind > 0
    starts = is_inside & (begins if strict else begins | (before != kind))
    is_last = is_inside & ((after != kind) | next_begins)
    num = seq.shape[1]
    place = jnp.broadcast_to(jnp.arange(num, dtype=jnp.int32)[None], seq.shape)
    ends = jax.lax.cummin(jnp.where(is_last, place, num), axis=1, reverse=True)
    return _Entities(starts, ends, kind)
