"""Translations of the training rows of an experiment, and who may have some."""

import functools
from collections.abc import Sequence

from xlnas_jax.alignment.mapping.words import align_words
from xlnas_jax.config.config import Config
from xlnas_jax.config.methods.translations import (
    AlignedTranslations,
    FileTranslations,
    IdTranslations,
)
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.data.augment.aligned import Sentences, read_aligned
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.batches.translated_rows import with_beside, with_more
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.data.projected import Projected, read_projected, without_known
from xlnas_jax.data.sources import read
from xlnas_jax.data.tokens.coverage import warn
from xlnas_jax.data.translated import Translations, languages_of, read_translated
from xlnas_jax.experiment.parts import Experiment, TaskPart, learns_from_translations
from xlnas_jax.experiment.translations.vectors import default_layer, word_vectors
from xlnas_jax.tasks.tagging import has_entities
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.types import ConfigError

# Kinds of tasks whose labels stand at places of the text.
PROJECTED = ("tagging", "qa")


def require_translatable(config: Config, parts: Sequence[TaskPart]) -> None:
    """An error where rows cannot be translated, or not into these languages.

    Labels of sentences are those of their translations. Those of words and spans
    have to come with these, and serve a method that learns from each by itself.

    Raises:
        ConfigError, LeakError: which task, and why not.
    """
    if not learns_from_translations(config) or config.train.translations is None:
        return
    given = config.train.translations
    for part in parts:
        if part.task.kind in PROJECTED:
            _require_projected(config, part)
        elif part.task.kind != "classification":
            raise ConfigError(
                f"train.method: {config.train.method} learns from translations with "
                f"labels, which {part.task.kind} has not; got the task {part.name!r}. "
                f"Use finetune or distill."
            )
        elif isinstance(given, AlignedTranslations):
            raise ConfigError(
                f"train.translations: kind aligned projects tags of words, and a "
                f"translated text has the label of its row; got the task {part.name!r} "
                f"of {part.task.kind}. Use kind: files."
            )
        languages_of(given, part.roles)


def _require_projected(config: Config, part: TaskPart) -> None:
    """An error where labels of words or spans do not come with translations."""
    given, method = config.train.translations, method_named(config.train.method)
    if method.is_beside:
        raise ConfigError(
            f"train.method: {method.name} holds what is said of a row against what is "
            f"said of its translation, which only classified sentences allow, since "
            f"words of the two do not stand at the same places; got the task "
            f"{part.name!r} of {part.task.kind}. Use translate_train, or finetune."
        )
    if isinstance(given, AlignedTranslations):
        _require_aligned(config, given, part)
    elif not isinstance(given, FileTranslations) or given.back:
        raise ConfigError(
            f"train.translations: of {part.task.kind} they must be files in which "
            f"labels come with the text, since only classified sentences have the "
            f"label of the row that they are of; got "
            f"{'kind ids' if isinstance(given, IdTranslations) else 'back'}. Write "
            f"files with words and tags, or with question, context and answer, and "
            f"use kind: files; or, of tags, let them be projected by kind: aligned."
        )


def _require_aligned(
    config: Config, given: AlignedTranslations, part: TaskPart
) -> None:
    """An error where tags cannot be projected by what an encoder says of words."""
    if part.task.kind != "tagging" or not has_entities(part.source.labels):
        raise ConfigError(
            f"train.translations: kind aligned projects entities, since a word without "
            f"a partner is then outside of all; got the task {part.name!r} of "
            f"{part.task.kind}. Use files in which labels come with the text."
        )
    if not isinstance(config.model, PretrainedModel):
        raise ConfigError(
            "train.translations: kind aligned compares words by a pretrained encoder; "
            "got a model of kind scratch, which says nothing of them yet. Use a "
            "pretrained one, or files in which tags come with the text."
        )


def translations_of(experiment: Experiment, part: TaskPart) -> tuple[Translations, ...]:
    """Of the training rows of a task, in every language that they are translated into.

    Rows that are added to them by `train.augment` have none.

    Raises:
        DataError: a language has none, or a file is faulty.
    """
    config = experiment.config
    source = read(part.source, part.roles, part.roles.source, "train", "train")
    assert config.train.translations is not None and isinstance(source, Examples)
    return read_translated(
        config.train.translations, part.source, part.roles, source, config.skip_bad_rows
    )


def projected_of(
    experiment: Experiment, part: TaskPart, rows: Sequence[AnyExamples]
) -> tuple[Projected, ...]:
    """Labelled translations of the training rows of words or questions.

    None where the task is another, or nothing is learnt from translations.

    Args:
        rows: the training rows of the source language, then of the others, which are
            not learnt from twice.

    Raises:
        DataError: a language has none, or a file is faulty.
    """
    config, source = experiment.config, rows[0]
    given = config.train.translations
    if part.task.kind not in PROJECTED or not learns_from_translations(config):
        return ()
    if isinstance(given, AlignedTranslations):
        own = [one for one in rows if isinstance(one, TaggedExamples)]
        new = (without_known(one, own) for one in _aligned(experiment, part))
        return tuple(one for one in new if len(one))
    assert isinstance(given, FileTranslations)
    assert isinstance(source, TaggedExamples | QuestionExamples)
    labels, skip = part.source.labels, config.skip_bad_rows
    known = [one for one in rows if isinstance(one, type(source))]
    found = read_projected(given, labels, part.roles, source, skip)
    new = (without_known(one, known) for one in found)
    return tuple(one for one in new if len(one))


@functools.lru_cache(maxsize=4)
def _aligned(experiment: Experiment, part: TaskPart) -> tuple[TaggedExamples, ...]:
    """Of the training rows in files; the encoder runs once, whoever asks."""
    config = experiment.config
    given, source = config.train.translations, part.roles.source
    assert isinstance(given, AlignedTranslations)
    rows = read(part.source, part.roles, source, "train", "train")
    assert isinstance(rows, TaggedExamples)
    layers = experiment.shape.num_layers
    layer = given.layer or default_layer(layers)
    if layer > layers:
        raise ConfigError(
            f"train.translations.layer: must be one of the encoder's {layers}; got "
            f"{layer}. Use a lower one, or leave it out."
        )

    def align(ours: Sentences, theirs: Sentences) -> list[set[tuple[int, int]]]:
        vectors = word_vectors(experiment, part, [*ours, *theirs], layer)
        pairs = zip(vectors[: len(ours)], vectors[len(ours) :], strict=True)
        return [align_words(one, other, given.matching) for one, other in pairs]

    labels, skip = part.source.labels, config.skip_bad_rows
    return read_aligned(given, labels, part.roles, rows, align, skip)


def with_translations(
    experiment: Experiment, part: TaskPart, rows: Rows, source: AnyExamples
) -> Rows:
    """The rows of a task with their translations, as `train.method` reads them.

    Args:
        rows: those of the source first.
        source: what those are of, with what is made of them.
    """
    found = translations_of(experiment, part)
    for one in found:
        texts = [wording.text for wording in one.texts.values()]
        warn(part.tokenizer, texts, one.language, part.tokens.max_unk_rate)
    own = part.own_heads
    numbers = [
        (
            part.roles.every.index(one.language),
            own.index(one.language) if one.language in own else -1,
        )
        for one in found
    ]
    assert isinstance(source, Examples)
    is_beside = method_named(experiment.config.train.method).is_beside
    add = with_beside if is_beside else with_more
    return add(part.tokenizer, rows, source.ids, found, numbers)
