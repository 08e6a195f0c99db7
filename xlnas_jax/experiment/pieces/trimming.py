"""A pretrained vocabulary trimmed to the pieces that texts use.

The texts are counted anew wherever an experiment is prepared: the same texts give the
same pieces, and a run that goes on refuses others.
"""

import dataclasses
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.config.config import Config
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.compare import Comparison, compare
from xlnas_jax.data.tokens.trimming.counting import choose, count
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.data.tokens.trimming.registry import kind_of
from xlnas_jax.data.tokens.trimming.trim import content_of, specials, trim
from xlnas_jax.experiment.pieces.counted import Found, counted_texts, wanted_languages
from xlnas_jax.experiment.pieces.sharing import sharing
from xlnas_jax.experiment.pieces.vocabulary import Trimming, Vocabulary
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.types import ConfigError, brief

# Of each language, texts that both vocabularies are compared on.
_SAMPLED = 48
# Tokens of a text, in messages.
_SHOWN = 16


def trim_vocabulary(
    config: Config,
    settings: VocabularyConfig,
    found: Found,
    tokenizer: Tokenizer,
    shape: EncoderShape,
    words: Callable[[], Float[np.ndarray, "vocab model"]],
) -> tuple[Tokenizer, EncoderShape, Vocabulary]:
    """The tokenizer and the sizes of an encoder that keeps the pieces of some texts.

    Positions that are counted from the padding begin where they began, whatever the new
    number of the padding is.

    Args:
        found: of each task, the roles of languages and the data.

        words: `-> the pretrained word table`; read where pieces may share its rows.

    Raises:
        ConfigError: a language is unknown, the tokenizer cannot be trimmed, or its
            trimming does not cut its texts as before.
        DataError: a language or file has no texts.
    """
    wanted = wanted_languages(config, settings)
    every = counted_texts(config, wanted, settings, found)
    trimming, used = _choose(settings, every, tokenizer, shape)
    kept, trimmed = trimming.kept, trim(tokenizer, trimming.kept)
    vocabulary = Vocabulary(
        rows=shape.vocab_size,
        checksum=zlib.crc32(kept.astype("<i8").tobytes()),
        languages=tuple(wanted.values()),
        num_files=len(settings.files),
        compared=_compare(trimming, trimmed, settings.is_exact),
        trimming=trimming,
    )
    pad_id = int(np.searchsorted(kept, shape.pad_id))
    shape = dataclasses.replace(shape, vocab_size=len(kept), pad_id=pad_id)
    if config.space.vocabulary:
        always = np.searchsorted(kept, sorted(used.always))
        counts = [own[kept] for own in used.counts]
        given = config.space.vocabulary[:-1], settings.shared, counts, always
        shared = sharing(*given, words()[kept], config.seed)
        shape = dataclasses.replace(shape, words=shared)
    return trimmed, shape, vocabulary


class _Used(NamedTuple):
    """What texts make of the whole vocabulary.

    Attributes:
        counts: of each language or file, uses of every piece.
        always: special pieces.
    """

    counts: list[Int[np.ndarray, " piece"]]
    always: set[int]


def _choose(
    settings: VocabularyConfig,
    every: Iterator[tuple[str, Sequence[Text]]],
    tokenizer: Tokenizer,
    shape: EncoderShape,
) -> tuple[Trimming, _Used]:
    """Counts the pieces of all texts, and keeps some texts of each language."""
    content = content_of(tokenizer.backend)
    model = content["model"]
    kind = kind_of(model)
    counts: list[Int[np.ndarray, " piece"]] = []
    samples: dict[str, Sequence[Text]] = {}
    for name, texts in every:
        counts.append(count(tokenizer.backend, kind, model, texts, shape.vocab_size))
        samples[name] = texts[:: -(-len(texts) // _SAMPLED)]
    always = {*specials(content, tokenizer.pad_id), shape.pad_id}
    total = np.sum(counts, axis=0)
    kept = choose(kind, model, total, always, settings.min_count, settings.most)
    return Trimming(tokenizer, kept, samples), _Used(counts, always)


def _compare(
    trimming: Trimming, trimmed: Tokenizer, is_exact: bool
) -> dict[str, Comparison]:
    """Tokens of the samples, before and after.

    Raises:
        ConfigError: where all pieces of these texts stay, one is cut otherwise.
    """
    whole, kept = trimming.whole, trimming.kept
    compared = {}
    for name, texts in trimming.samples.items():
        compared[name], others = compare(whole, trimmed, kept, texts)
        if is_exact and others:
            text = texts[others[0]]
            raise ConfigError(
                f"model.vocabulary: texts whose pieces are all kept must be cut as "
                f"before; got {brief(_tokens(trimmed, text))} instead of "
                f"{brief(_tokens(whole, text))} for {brief(text)} of {name}. Leave "
                f"model.vocabulary out: this tokenizer has pieces that decide more "
                f"than is known of them."
            )
    return compared


def _tokens(tokenizer: Tokenizer, text: Text) -> list[str]:
    plain = text if isinstance(text, str) else " ".join(text)
    found = tokenizer.backend.encode(plain, add_special_tokens=False)
    return found.tokens[:_SHOWN]
