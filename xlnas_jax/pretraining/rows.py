"""Texts and pairs as token arrays in length buckets, each in the form a loss reads."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from xlnas_jax.data.batches.batches import training_batches
from xlnas_jax.data.batches.rows import Beside, Rows
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.pretraining.texts import Corpus, Pair
from xlnas_jax.types import Batch

# `plain` texts; pairs `joined` in one row; pairs of which one side stands `beside` the
# other, and whose label is a number of the source's text.
Form = Literal["plain", "joined", "beside"]


def make_rows(
    corpus: Corpus, form: Form, tokenizer: Tokenizer, num_buckets: int
) -> tuple[Batch, ...]:
    """All rows of a form, a batch a length bucket, on the device.

    `Batch.language` is the position in `Corpus.languages`; of a pair that of the
    language that the source is translated into.
    """
    given = corpus.texts if form == "plain" else corpus.pairs
    codes = [code for code, own in given.items() for _ in own]
    language = np.asarray([corpus.languages.index(code) for code in codes], np.int32)
    number = np.arange(len(codes), dtype=np.int32)
    if form == "plain":
        encodings = tokenizer.encode([t for own in corpus.texts.values() for t in own])
        rows = Rows(encodings, np.zeros_like(number), language, number)
    else:
        rows = _rows_of_pairs(corpus.pairs, form, tokenizer, language)
    return training_batches(rows, num_buckets, tokenizer.pad_id)


def _rows_of_pairs(
    given: Mapping[str, Sequence[Pair]],
    form: Form,
    tokenizer: Tokenizer,
    language: np.ndarray,
) -> Rows:
    pairs = [pair for own in given.values() for pair in own]
    sources, texts = [p.source for p in pairs], [p.text for p in pairs]
    number = np.arange(len(pairs), dtype=np.int32)
    meaning: dict[str, int] = {}
    labels = [meaning.setdefault(text, len(meaning)) for text in sources]
    label = np.asarray(labels, np.int32)
    if form == "joined":
        return Rows(tokenizer.encode(sources, texts), label, language, number)
    other = Rows(tokenizer.encode(texts), label, language, number)
    beside = Beside(other, np.ones(len(pairs), np.float32))
    return Rows(tokenizer.encode(sources), label, language, number, other=beside)
