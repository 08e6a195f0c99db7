"""A pretrained vocabulary trimmed to the pieces that texts use.

The texts are counted anew wherever an experiment is prepared: the same texts give the
same pieces, and a run that goes on refuses others.
"""

import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from xlnas_jax import files
from xlnas_jax.config.config import Config
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.data import sources
from xlnas_jax.data.examples import Source
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.lines import MAX_FILE, split_lines
from xlnas_jax.data.texts import read_unlabelled
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.compare import Comparison, compare
from xlnas_jax.data.tokens.trimming.counting import choose, count
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.data.tokens.trimming.registry import kind_of
from xlnas_jax.data.tokens.trimming.trim import content_of, specials, trim
from xlnas_jax.experiment.vocabulary import Trimming, Vocabulary
from xlnas_jax.languages.codes import named, nearest, normalise
from xlnas_jax.languages.roles import LanguageRoles, Split
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.types import ConfigError, DataError, brief

Found = Sequence[tuple[LanguageRoles, Source]]

# Whose texts may decide; never a test split's.
SPLITS: tuple[Split, ...] = ("train", "dev")
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
) -> tuple[Tokenizer, EncoderShape, Vocabulary]:
    """The tokenizer and the sizes of an encoder that keeps the pieces of some texts.

    Positions that are counted from the padding begin where they began, whatever the new
    number of the padding is.

    Args:
        found: of each task, the roles of languages and the data.

    Raises:
        ConfigError: a language is unknown, the tokenizer cannot be trimmed, or its
            trimming does not cut its texts as before.
        DataError: a language or file has no texts.
    """
    wanted = _wanted(config, settings)
    every = _every_text(config, wanted, settings, found)
    trimming = _choose(settings, every, tokenizer, shape)
    kept, trimmed = trimming.kept, trim(tokenizer, trimming.kept)
    vocabulary = Vocabulary(
        rows=shape.vocab_size,
        checksum=zlib.crc32(kept.astype("<i8").tobytes()),
        languages=tuple(dict.fromkeys((*wanted.values(), *_heard(config, settings)))),
        num_files=len(settings.files),
        compared=_compare(trimming, trimmed, settings.is_exact),
        trimming=trimming,
    )
    pad_id = int(np.searchsorted(kept, shape.pad_id))
    shape = dataclasses.replace(shape, vocab_size=len(kept), pad_id=pad_id)
    return trimmed, shape, vocabulary


def _choose(
    settings: VocabularyConfig,
    every: Iterator[tuple[str, Sequence[Text]]],
    tokenizer: Tokenizer,
    shape: EncoderShape,
) -> Trimming:
    """Counts the pieces of all texts, and keeps some texts of each language."""
    content = content_of(tokenizer.backend)
    model = content["model"]
    kind = kind_of(model)
    counts = np.zeros(shape.vocab_size, np.int64)
    samples: dict[str, Sequence[Text]] = {}
    for name, texts in every:
        counts += count(tokenizer.backend, kind, model, texts, shape.vocab_size)
        samples[name] = texts[:: -(-len(texts) // _SAMPLED)]
    always = {*specials(content, tokenizer.pad_id), shape.pad_id}
    kept = choose(kind, model, counts, always, settings.min_count, settings.most)
    return Trimming(tokenizer, kept, samples)


def _heard(config: Config, settings: VocabularyConfig) -> list[str]:
    """Languages whose text without labels counts, as they are spelled."""
    tasks = () if settings.languages else config.every_task.values()
    return [code for task in tasks for code in task.languages.unlabelled]


def _wanted(config: Config, settings: VocabularyConfig) -> dict[str, str]:
    """Canonical codes of the languages whose texts count, and how they are spelled."""
    every = [code for task in config.every_task.values() for code in task.languages.all]
    return {normalise(code): code for code in settings.languages or every}


def _every_text(
    config: Config, wanted: Mapping[str, str], settings: VocabularyConfig, found: Found
) -> Iterator[tuple[str, Sequence[Text]]]:
    """Texts of each language, then of each file, after what it is called.

    Where the run's own languages count, so does all text without labels.
    """
    for code, spelled in wanted.items():
        yield spelled, _texts_of(code, found)
    tasks = () if settings.languages else config.every_task.values()
    for task, (roles, source) in zip(tasks, found, strict=False):
        spellings = zip(roles.unlabelled, task.languages.unlabelled, strict=True)
        for code, spelled in spellings:
            texts = read_unlabelled(
                task.texts, source, roles, code, skip=config.skip_bad_rows
            )
            yield f"{spelled}, unlabelled", texts.texts
    every = [task.tokens or config.tokens for task in config.every_task.values()]
    prefixes = sorted({settings.prefix for settings in every} - {""})
    if prefixes:
        yield "tokens.prefix", prefixes
    # By number: what is kept of a run does not say where its author keeps files.
    for number, path in enumerate(settings.files):
        yield f"files[{number}]", _texts_in(path)


def _texts_of(code: str, found: Found) -> Sequence[Text]:
    """What all tasks have of a language in the splits that count."""
    known = {one for _, source in found for one in source.languages()}
    if code not in known:
        raise ConfigError(
            f"model.vocabulary.languages: every language must be one of the data; got "
            f"{named(code)}. The nearest are {', '.join(nearest(code, known))}; other "
            f"texts can be given in model.vocabulary.files."
        )
    texts: list[Text] = []
    for _, source in found:
        for split in SPLITS if code in source.languages() else ():
            try:
                texts += sources.read_wording(source, code, split)
            except NotThereError:
                continue
    if not texts:
        raise DataError(
            f"model.vocabulary: every language must have texts in a split of "
            f"{', '.join(SPLITS)}, since those of a test split decide nothing; got "
            f"none of {named(code)}. Name the other languages in "
            f"model.vocabulary.languages, and texts of this one in "
            f"model.vocabulary.files."
        )
    return texts


def _texts_in(path: str) -> Sequence[Text]:
    """The lines of a file that are not empty."""
    advice = (
        "Check model.vocabulary.files; what is not UTF-8 is converted by iconv -t "
        "UTF-8."
    )
    place = Path(path).expanduser()
    content = files.read_text(place, DataError, advice, most=MAX_FILE)
    texts = [line for line in split_lines(content) if line.strip()]
    if not texts:
        raise DataError(f"{path}: must hold texts, one a line; got none. {advice}")
    return texts


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
