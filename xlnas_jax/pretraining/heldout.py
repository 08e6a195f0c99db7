"""What the curves are of: texts and pairs that nothing is learnt from.

Of each language: the loss and the accuracy on masked tokens, by the same masks in every
round, of the largest and of the smallest network; whether a translation is the nearest
of all, in both directions; and the pseudo-perplexity of a few texts.

References:
    Salazar et al., "Masked Language Model Scoring", 2020 (pseudo-perplexity).
    https://arxiv.org/abs/1910.14659
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.alignment.measures.base import cosines
from xlnas_jax.alignment.measures.retrieval import precision_at_1
from xlnas_jax.pretraining.losses.base import PretrainParams
from xlnas_jax.pretraining.losses.masked import tell
from xlnas_jax.pretraining.masking import mask_tokens
from xlnas_jax.pretraining.model import Start
from xlnas_jax.pretraining.rows import Form, make_rows
from xlnas_jax.pretraining.step import supernet_of
from xlnas_jax.pretraining.texts import Corpus
from xlnas_jax.supernet.heads import sentence_vector
from xlnas_jax.supernet.layers import Hidden, embed
from xlnas_jax.supernet.params import HeadParams, SupernetParams
from xlnas_jax.supernet.supernet import DTYPES
from xlnas_jax.training.learner import ONE_DEVICE, Layout
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Architecture, Batch

# By measure, by language.
Measured = dict[str, dict[str, Any]]
# `(number of the chunk, rows, which of them, 1 for those that count)`.
Chunk = tuple[int, Batch, Int[np.ndarray, " batch"], Float[np.ndarray, " batch"]]
# What the masks of held-out texts are drawn by; not what those of training are.
_KEY = 0x6D61736B


class Heldout:
    """Measures of held-out text, compiled once per length bucket and kind.

    Args:
        kept: what is held out.
        place: puts rows where the weights are.
    """

    def __init__(
        self,
        start: Start,
        kept: Corpus,
        layout: Layout = ONE_DEVICE,
        place: Callable[[Any], Any] = lambda tree: tree,
    ) -> None:
        tokens, config = start.config.tokens, start.config.pretrain
        self._start, self._size = start, config.batch_size
        self._languages = kept.languages
        few = {code: texts[: config.pseudo] for code, texts in kept.texts.items()}
        rows: dict[str, tuple[Batch, ...]] = {}
        wanted: tuple[tuple[str, Corpus, Form], ...] = (
            ("texts", kept, "plain"),
            ("pseudo", kept._replace(texts=few), "plain"),
            ("pairs", kept, "beside"),
        )
        for name, own, form in wanted:
            given = own.pairs if form == "beside" else own.texts
            if any(given.values()):
                made = make_rows(own, form, start.tokenizer, tokens.num_buckets)
                rows[name] = place(made)
        self._rows = rows
        self._programs = _programs(start, layout)

    def measure(self, params: PretrainParams) -> dict[str, Measured]:
        """All of it, by network: `largest`, `smallest`."""
        space = self._start.space
        found = {"largest": self._of(params, space.largest())}
        if self._start.config.pretrain.sandwich:
            found["smallest"] = self._of(params, space.smallest())
        if "pseudo" in self._rows:
            own = self._sums("pseudo", params, space.largest())
            found["largest"]["pseudo_perplexity"] = {
                code: math.exp(min(lost / count, 700.0))
                for code, (lost, count, _) in own.items()
            }
        return found

    def _of(self, params: PretrainParams, arch: Architecture) -> Measured:
        found: Measured = {}
        if "texts" in self._rows:
            own = self._sums("texts", params, arch)
            found["masked_loss"] = {c: lost / n for c, (lost, n, _) in own.items()}
            found["masked_accuracy"] = {c: hits / n for c, (_, n, hits) in own.items()}
        if "pairs" in self._rows:
            found["p_at_1"] = self._found(params, arch)
        return found

    def _sums(
        self, name: str, params: PretrainParams, arch: Architecture
    ) -> dict[str, tuple[float, float, float]]:
        """Loss, number and hits of the tokens that are told, by language."""
        run = self._programs[name]
        total = np.zeros((len(self._languages), 3))
        for chunk in self._chunks(name):
            total += np.asarray(run(params, arch, *chunk), np.float64)
        return {
            code: (float(lost), float(count), float(hits))
            for code, (lost, count, hits) in zip(self._languages, total, strict=True)
            if count
        }

    def _found(self, params: PretrainParams, arch: Architecture) -> dict[str, Any]:
        """P@1 of each language: from the source to it, and back."""
        ours: dict[int, list[Any]] = {}
        theirs: dict[int, list[Any]] = {}
        for chunk in self._chunks("pairs"):
            _, rows, index, weight = chunk
            sides = map(np.asarray, self._programs["pairs"](params, arch, *chunk))
            language = np.asarray(rows.language)[index]
            for number, counts, one, other in zip(
                language.tolist(), weight, *sides, strict=True
            ):
                if counts:
                    ours.setdefault(number, []).append(one)
                    theirs.setdefault(number, []).append(other)
        found = {}
        for number in sorted(ours):
            scores = cosines(np.stack(ours[number]), np.stack(theirs[number]))
            found[self._languages[number]] = list(precision_at_1(scores))
        return found

    def _chunks(self, name: str) -> Iterator[Chunk]:
        """All rows once; a last chunk is filled with rows of weight 0."""
        number = 0
        for rows in self._rows[name]:
            count = rows.length.shape[0]
            for start in range(0, count, self._size):
                own = np.arange(start, min(start + self._size, count), dtype=np.int32)
                weight = (np.arange(self._size) < len(own)).astype(np.float32)
                yield number, rows, np.resize(own, self._size), weight
                number += 1


def _programs(start: Start, layout: Layout) -> Mapping[str, Callable[..., Any]]:
    """`(params, arch, number, rows, index, weight)` to sums, or to vectors."""
    config, shape, masks = start.config.pretrain, start.shape, start.masks
    supernet = supernet_of(config, start.space, shape)
    dtype, num = DTYPES[config.precision], len(config.languages)

    def encode(params: PretrainParams, batch: Batch, arch: Architecture) -> Hidden:
        tables = params.encoder.embeddings
        x = embed(tables, shape, batch.tokens, batch.segments, dtype)
        own = SupernetParams(params.encoder, HeadParams())
        return supernet.encode(own, x, batch, arch)

    def sums(
        logits: Float[Array, "batch told vocab"],
        wanted: Int[Array, "batch told"],
        weight: Float[Array, "batch told"],
        batch: Batch,
    ) -> Float[Array, "lang 3"]:
        logs = jax.nn.log_softmax(logits, axis=-1)
        lost = -jnp.take_along_axis(logs, wanted[:, :, None], axis=-1)[..., 0]
        hits = (logits.argmax(-1).astype(wanted.dtype) == wanted).astype(jnp.float32)
        each = jnp.stack([lost, jnp.ones_like(lost), hits], axis=-1)
        rows = (each * weight[:, :, None]).sum(1) * batch.weight[:, None]
        return jax.ops.segment_sum(rows, batch.language, num)

    def texts(params, arch, number, rows, index, weight):
        params, batch = _whole(layout, params, rows, index, weight)
        key = jax.random.fold_in(jax.random.key(_KEY), number)
        told = mask_tokens(key, batch.tokens, batch.mask, masks, config.mask_rate)
        hidden = encode(params, dataclasses.replace(batch, tokens=told.tokens), arch)
        logits = tell(params, hidden, told.position, shape)
        return sums(logits, told.wanted, told.weight, batch)

    def pseudo(params, arch, number, rows, index, weight):
        del number
        params, batch = _whole(layout, params, rows, index, weight)
        may_be = batch.mask & ~jnp.asarray(masks.is_special)[batch.tokens]

        def one(place: Int[Array, ""]) -> Float[Array, "lang 3"]:
            wanted = jax.lax.dynamic_slice_in_dim(batch.tokens, place, 1, axis=1)
            tokens = jnp.where(
                jnp.arange(batch.tokens.shape[1], dtype=jnp.int32)[None, :] == place,
                jnp.asarray(masks.mask_id, batch.tokens.dtype),
                batch.tokens,
            )
            hidden = encode(params, dataclasses.replace(batch, tokens=tokens), arch)
            position = jnp.full_like(wanted, place)
            counts = jax.lax.dynamic_slice_in_dim(may_be, place, 1, axis=1)
            logits = tell(params, hidden, position, shape)
            return sums(logits, wanted, counts.astype(jnp.float32), batch)

        places = jnp.arange(batch.tokens.shape[1], dtype=jnp.int32)
        return jax.lax.map(one, places).sum(0)

    def pairs(params, arch, number, rows, index, weight):
        del number
        params, batch = _whole(layout, params, rows, index, weight)
        found = [
            sentence_vector(encode(params, side, arch), side.mask)
            for side in (batch, batch.other)
        ]
        return layout.gather(tuple(found))

    return {"texts": jax.jit(texts), "pseudo": jax.jit(pseudo), "pairs": jax.jit(pairs)}


def _whole(
    layout: Layout,
    params: PretrainParams,
    rows: Batch,
    index: Int[Array, " batch"],
    weight: Float[Array, " batch"],
) -> tuple[PretrainParams, Batch]:
    return layout.gather(params), layout.split(take_batch(rows, index, weight))


def mean_of(measured: Mapping[str, Any], name: str) -> float | None:
    """The mean over languages of one measure, and of its directions; None if absent."""
    found: Sequence[Any] = list(measured.get(name, {}).values())
    return float(np.mean(found)) if found else None
