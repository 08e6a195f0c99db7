"""Translations of the training rows of an experiment, and who may have some."""

from collections.abc import Sequence

from xlnas_jax.config.config import Config
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.batches.translated_rows import with_beside, with_more
from xlnas_jax.data.examples import AnyExamples, Examples
from xlnas_jax.data.sources import read
from xlnas_jax.data.tokens.coverage import warn
from xlnas_jax.data.translated import Translations, languages_of, read_translated
from xlnas_jax.experiment.parts import Experiment, TaskPart, learns_from_translations
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.types import ConfigError


def require_translatable(config: Config, parts: Sequence[TaskPart]) -> None:
    """An error where rows cannot be translated, or not into these languages.

    Labels of sentences are those of their translations. Those of words and spans
    would have to be found there.

    Raises:
        ConfigError, LeakError: which task, and why not.
    """
    if not learns_from_translations(config) or config.train.translations is None:
        return
    for part in parts:
        if part.task.kind != "classification":
            raise ConfigError(
                f"train.method: {config.train.method} gives translations the labels of "
                f"the rows that they are of, which only classified sentences have; got "
                f"the task {part.name!r} of {part.task.kind}. Use finetune, sandwich "
                f"or distill."
            )
        languages_of(config.train.translations, part.roles)


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
