"""What training rows are in other languages: texts alone.

A translation has the label of the row that it is of. Whatever stands beside the text
where it comes from, no label is looked at there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from xlnas_jax.config.methods.translations import AnyTranslations, FileTranslations
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.form import require_text, require_unicode
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import read_text, split_lines
from xlnas_jax.data.readers.patterns import match_files, unknown_language
from xlnas_jax.data.readers.records import read_records
from xlnas_jax.languages.codes import named, normalise
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError, brief


class Wording(NamedTuple):
    """A text, and the second one of a pair."""

    text: str
    pair: str | None = None


@dataclass(frozen=True, eq=False)
class Translations:
    """What rows of the source are in one language, by their ids.

    Attributes:
        texts: not every row must have one.
        backs: what some of these are in the source language again.
    """

    language: str
    texts: Mapping[str, Wording]
    backs: Mapping[str, Wording] = field(default_factory=dict)


def languages_of(config: AnyTranslations, roles: LanguageRoles) -> tuple[str, ...]:
    """The languages that training rows are translated into.

    Raises:
        LeakError: one of them may not be.
        ConfigError: there is none.
    """
    languages = tuple(map(normalise, config.languages)) or roles.translated
    for language in languages:
        roles.require_translation(language)
    if not languages:
        raise ConfigError(
            "train.translations: there must be a language to translate into; got none. "
            "Name some in languages.unlabelled, whose text alone is read, or in "
            "languages.aux_train."
        )
    return languages


def read_translated(
    config: AnyTranslations,
    source: Source,
    roles: LanguageRoles,
    rows: Examples,
    skip: bool = False,
) -> tuple[Translations, ...]:
    """Translations of the training rows into every language.

    Args:
        rows: of the source language.
        skip: pass over faulty rows of files.

    Raises:
        LeakError, ConfigError: as `languages_of`.
        DataError: a language has none, or a file is faulty.
    """
    found = []
    for language in languages_of(config, roles):
        backs: dict[str, Wording] = {}
        if isinstance(config, FileTranslations):
            texts = _of_file(config.path, language, rows, skip)
            if config.back:
                backs = _of_file(config.back, language, rows, skip)
        else:
            texts = _of_rows(source, language, rows)
        if not texts:
            raise DataError(
                f"train.translations: some of the {len(rows)} training rows must have "
                f"a translation into {named(language)}; got none. Ids must be those of "
                f"the source's rows, such as {brief(rows.ids[0])}."
            )
        found.append(Translations(language, texts, backs))
    return tuple(found)


def _of_rows(source: Source, language: str, rows: Examples) -> dict[str, Wording]:
    """Training rows of another language that have the same id."""
    found = source.read(language, "train")
    require_text(found)
    assert isinstance(found, Examples)  # as those of the source are
    pairs = found.pairs or (None,) * len(found)
    wordings = map(Wording, found.texts, pairs)
    by_id = dict(zip(found.ids, wordings, strict=True))
    return {name: by_id[name] for name in rows.ids if name in by_id}


def _of_file(
    pattern: str, language: str, rows: Examples, skip: bool
) -> dict[str, Wording]:
    """What the one file of a language has."""
    path = path_of(pattern, language)
    is_plain = path.endswith(".txt")
    given = _lines(path, rows) if is_plain else _records(path, rows, Faults(skip))
    found: dict[str, Wording] = {}
    for name, wording, place in given:
        for text in filter(None, wording):
            require_unicode(text, place)
        if all(text is None or text.strip() for text in wording):
            found[name] = wording
    return found


def path_of(pattern: str, language: str) -> str:
    """The one file of a language, however its code is spelled in the name.

    Raises:
        ConfigError: there is none.
    """
    expanded = Path(pattern).expanduser().as_posix()
    forms = match_files(expanded)
    if language not in forms:
        raise unknown_language(language, forms, f"train.translations ({pattern})")
    return expanded.replace("{language}", forms[language])


def _lines(path: str, rows: Examples) -> Iterator[tuple[str, Wording, str]]:
    lines = split_lines(read_text(path))
    if rows.pairs is not None:
        raise DataError(
            f"{path}: rows are pairs of texts, and a line is one text. Write a TSV "
            f"file with columns id, text and pair."
        )
    if len(lines) != len(rows):
        raise DataError(
            f"{path}: line k must be the translation of the source's training row k, "
            f"of which there are {len(rows)}; got {len(lines)} lines. Leave the line "
            f"of a row without one empty, or write a TSV file with columns id and text."
        )
    for number, (name, line) in enumerate(zip(rows.ids, lines, strict=True), start=1):
        yield name, Wording(line), f"{path}, line {number}"


def _records(
    path: str, rows: Examples, faults: Faults
) -> Iterator[tuple[str, Wording, str]]:
    known, seen = set(rows.ids), set[str]()
    columns = ("id", "text", *(("pair",) if rows.pairs is not None else ()))
    for line, record in read_records(path, None, faults):
        if record is None:
            continue
        place = f"{path}, line {line}"
        values = [record.get(name) for name in columns]
        name, *texts = values
        if not all(isinstance(value, str) for value in values):
            faults.reject(
                "no text",
                f"{place}: every row must have text in {', '.join(columns)}; got "
                f"{brief(dict(record))}. Correct it.",
            )
        elif is_new(name, known, seen, place, faults):
            yield str(name), Wording(*map(str, texts)), place


def is_new(
    name: object, known: set[str], seen: set[str], place: str, faults: Faults
) -> bool:
    """Whether an id is that of a training row, and stands for the first time.

    Args:
        seen: takes it, if it is.

    Raises:
        DataError: it is not, unless faulty rows are passed over.
    """
    if isinstance(name, str) and name in known and name not in seen:
        seen.add(name)
        return True
    what = "stands twice" if name in seen else "is none of them"
    faults.reject(
        "unknown id",
        f"{place}: every id must be that of one training row of the source, once; got "
        f"{brief(name)}, which {what}. Correct or remove the row.",
    )
    return False
