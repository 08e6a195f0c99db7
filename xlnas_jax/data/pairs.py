"""Translations between the source and each auxiliary language, as token arrays.

Labels take no part, nor do languages of any other role.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from xlnas_jax.config.transfer import IdPairs, SetPairs, TransferConfig
from xlnas_jax.data import sources
from xlnas_jax.data.batches.batches import scoring_batches
from xlnas_jax.data.batches.buckets import Places, places_of
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.examples import Source
from xlnas_jax.data.parallel import ParallelText, read_parallel
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import Batch, ConfigError, DataError

# Fewer say nothing, whatever the metric.
MIN_PAIRS = 4


class Translation(NamedTuple):
    """A sentence of the source language and what it is in another."""

    id: str
    source: str
    target: str


class PairBatches(NamedTuple):
    """The sentences of all translations in length buckets, on the device.

    Attributes:
        batches: each sentence of a language once; without labels.
        sources, targets: of each auxiliary language, where the two sides of its
            translations stand in the batches.
    """

    batches: tuple[Batch, ...]
    sources: tuple[Places, ...]
    targets: tuple[Places, ...]


def read_translations(
    config: TransferConfig, source: Source, roles: LanguageRoles, skip: bool = False
) -> tuple[tuple[Translation, ...], ...]:
    """For each auxiliary language its translations of source sentences.

    Left out are repeated texts, which a text could not be told from, and those that
    are the same in both languages, which every network aligns.

    Args:
        skip: pass over faulty rows of parallel text.

    Raises:
        ConfigError: it is not said where translations come from.
        DataError: there are none.
    """
    if config.parallel is None:
        raise ConfigError(
            "transfer.parallel: must say where translations come from, since "
            "transfer_loss has an alignment term; it is absent. Where rows of the data "
            "with the same id are translations, write {kind: ids}; name a parallel "
            "data set by {kind: set, name: tatoeba, path: ...}; or switch the term off "
            "by transfer.alignment_weight: 0."
        )
    found = []
    for language in roles.aux_heldout:
        roles.require(language, "dev", "search")
        if isinstance(config.parallel, SetPairs):
            every = _of_set(config.parallel, roles.source, language, skip)
        else:
            every = _by_id(source, roles, language)
        pair = roles.source, language
        found.append(_enough(every, config.pairs, config.parallel, *pair))
    return tuple(found)


def read_text_pairs(
    parallel: IdPairs | SetPairs,
    source: Source,
    roles: LanguageRoles,
    language: str,
    most: int,
    skip: bool = False,
) -> tuple[Translation, ...]:
    """Translations of source sentences into any language with a role; texts alone.

    Chosen as in `read_translations`, whose languages are the auxiliary ones.

    Raises:
        ConfigError: the language has no role.
        DataError: there are too few.
    """
    roles.role_of(language)
    if isinstance(parallel, SetPairs):
        every = _of_set(parallel, roles.source, language, skip)
    else:
        ours, theirs = (
            sources.read_texts_by_id(source, code, "dev")
            for code in (roles.source, language)
        )
        every = _with_same_id(ours, theirs)
    return _enough(every, most, parallel, roles.source, language)


def make_pair_batches(
    translations: Sequence[Sequence[Translation]],
    roles: LanguageRoles,
    tokenizer: Tokenizer,
    num_buckets: int,
    batch_tokens: int,
) -> PairBatches:
    """Token arrays of translations, given for each auxiliary language."""
    number: dict[tuple[str, str], int] = {}
    sides = []
    for language, pairs in zip(roles.aux_heldout, translations, strict=True):
        ours = [(roles.source, pair.source) for pair in pairs]
        theirs = [(language, pair.target) for pair in pairs]
        for sentence in (*ours, *theirs):
            number.setdefault(sentence, len(number))
        sides.append([[number[one] for one in side] for side in (ours, theirs)])
    every = np.arange(len(number), dtype=np.int32)
    language = [roles.every.index(code) for code, _ in number]
    rows = Rows(
        encodings=tokenizer.encode([text for _, text in number]),
        labels=np.zeros_like(every),
        language=np.asarray(language, np.int32),
        example=every,
    )
    pad_id = tokenizer.pad_id
    batches, plans = scoring_batches(rows, num_buckets, batch_tokens, pad_id)
    place = places_of(plans, len(number))
    ours, theirs = zip(*sides, strict=True)
    return PairBatches(
        jax.device_put(batches),
        tuple(place[side] for side in ours),
        tuple(place[side] for side in theirs),
    )


def _by_id(source: Source, roles: LanguageRoles, language: str) -> list[Translation]:
    """Those of the dev splits that have the same id, in the source's order."""
    ours, theirs = (
        sources.read(source, roles, code, "dev", "search")
        for code in (roles.source, language)
    )
    return _with_same_id(
        *(dict(zip(one.ids, one.texts, strict=True)) for one in (ours, theirs))
    )


def _with_same_id(
    ours: Mapping[str, str], theirs: Mapping[str, str]
) -> list[Translation]:
    return [
        Translation(name, text, theirs[name])
        for name, text in ours.items()
        if name in theirs
    ]


def _of_set(
    config: SetPairs, source: str, language: str, skip: bool
) -> list[Translation]:
    text: ParallelText = read_parallel(
        config.name, config.path, source, language, config.split or None, skip
    )
    both = zip(text.ids, text.sources, text.targets, strict=True)
    return [Translation(*pair) for pair in both]


def _enough(
    every: list[Translation],
    most: int,
    parallel: IdPairs | SetPairs,
    source: str,
    language: str,
) -> tuple[Translation, ...]:
    """So many of them at most; an error where too few tell something."""
    chosen = _chosen(every, most)
    if len(chosen) < MIN_PAIRS:
        raise _too_few(parallel, source, language, len(every), len(chosen))
    return chosen


def _chosen(pairs: list[Translation], most: int) -> tuple[Translation, ...]:
    """So many at most, of those that tell something: whose ids hash lowest.

    What is chosen depends on ids, so languages share their source sentences where
    they can.
    """
    seen: set[tuple[int, str]] = set()
    kept = []
    for pair in sorted(pairs, key=lambda pair: (zlib.crc32(pair.id.encode()), pair.id)):
        sides = {(0, pair.source), (1, pair.target)}
        if pair.source != pair.target and not sides & seen:
            seen |= sides
            kept.append(pair)
    return tuple(kept[:most])


def _too_few(
    parallel: IdPairs | SetPairs, source: str, language: str, num: int, kept: int
) -> DataError:
    if isinstance(parallel, SetPairs):
        where = parallel.name
    else:
        where = "rows of the dev splits with the same id"
    return DataError(
        f"transfer.parallel: there must be at least {MIN_PAIRS} translations of "
        f"{source} into {language} in {where}; got {num}, {kept} of them distinct and "
        f"not the same in both. Use other parallel text, or switch the term off by "
        f"transfer.alignment_weight: 0."
    )
