"""Whose texts decide which pieces of a vocabulary are kept."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xlnas_jax import files
from xlnas_jax.config.config import Config
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.data import sources
from xlnas_jax.data.examples import Source
from xlnas_jax.data.readers.layout import NotThereError
from xlnas_jax.data.readers.lines import MAX_FILE, split_lines
from xlnas_jax.data.texts import read_unlabelled
from xlnas_jax.data.tokens.trimming.cutting import Text
from xlnas_jax.languages.codes import named, nearest, normalise
from xlnas_jax.languages.roles import LanguageRoles, Split
from xlnas_jax.types import ConfigError, DataError

Found = Sequence[tuple[LanguageRoles, Source]]

# Never a test split.
SPLITS: tuple[Split, ...] = ("train", "dev")


def wanted_languages(config: Config, settings: VocabularyConfig) -> dict[str, str]:
    """Canonical codes of the languages whose texts count, and how they are spelled."""
    tasks = config.every_task.values()
    every = [code for task in tasks for code in task.languages.every]
    return {normalise(code): code for code in settings.languages or every}


def counted_texts(
    config: Config,
    wanted: Mapping[str, str],
    settings: VocabularyConfig,
    found: Found,
) -> Iterator[tuple[str, Sequence[Text]]]:
    """Texts of each language, then of each file, after what it is called."""
    for code, spelled in wanted.items():
        yield spelled, _texts_of(code, config, found)
    before = dict.fromkeys(_prefix(config, task) for task in config.every_task.values())
    # By number: what is kept of a run does not say where its author keeps files.
    for number, path in enumerate(settings.files):
        lines = _texts_in(path)
        yield f"files[{number}]", [prefix + line for prefix in before for line in lines]


def _prefix(config: Config, task: TaskConfig) -> str:
    """What stands before every text of a task."""
    return (task.tokens or config.tokens).prefix


def _texts_of(code: str, config: Config, found: Found) -> Sequence[Text]:
    """What all tasks have of a language in the splits that count, or without labels.

    With what stands before it, as it will be tokenised.
    """
    _require_known(code, found)
    texts: list[Text] = []
    for task, (roles, source) in zip(config.every_task.values(), found, strict=True):
        prefix = _prefix(config, task)
        for split in SPLITS if code in source.languages() else ():
            with contextlib.suppress(NotThereError):
                texts += sources.read_wording(source, code, split, prefix)
        if code == roles.source and source.learnt is not None:
            seen = set(texts)
            every = sources.wording(source.learnt().examples, prefix)
            texts += [text for text in dict.fromkeys(every) if text not in seen]
        if code in roles.unlabelled:
            read = read_unlabelled(
                *(task.texts, source, roles, code),
                is_paired=source.task == "qa" or sources.is_paired(source, roles),
                skip=config.skip_bad_rows,
            )
            # What stands in the task's own data, too, is counted once.
            seen = set(texts)
            every = (*(prefix + text for text in read.texts), *(read.pairs or ()))
            texts += [text for text in dict.fromkeys(every) if text not in seen]
    if not texts:
        raise DataError(
            f"model.vocabulary: every language must have texts in a split of "
            f"{', '.join(SPLITS)}, since those of a test split decide nothing; got "
            f"none of {named(code)}. Name the other languages in "
            f"model.vocabulary.languages, and texts of this one in "
            f"model.vocabulary.files."
        )
    return texts


def _require_known(code: str, found: Found) -> None:
    known = {one for _, source in found for one in source.languages()}
    known |= {one for roles, _ in found for one in roles.unlabelled}
    if code not in known:
        raise ConfigError(
            f"model.vocabulary.languages: every language must be one of the data; got "
            f"{named(code)}. The nearest are {', '.join(nearest(code, known))}; other "
            f"texts can be given in model.vocabulary.files."
        )


def _texts_in(path: str) -> list[str]:
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
