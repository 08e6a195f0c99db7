"""Labelled text for a finished model: a configuration's test data, or one file."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.given import Given, config_of
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    LabelSet,
    Source,
    TaggedExamples,
    make_examples,
)
from xlnas_jax.data.readers.columns import make_tagged, read_columns
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.questions import make_questions
from xlnas_jax.data.readers.squad import read_squad
from xlnas_jax.data.sets.base import Columns, Table
from xlnas_jax.data.sources import make_source, read
from xlnas_jax.data.table import read_table
from xlnas_jax.data.translators.tested import Translation
from xlnas_jax.experiment.chosen import with_pool
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.tasks.tagging import has_entities
from xlnas_jax.types import ConfigError, DataError

CONFIG_SUFFIXES = (".yaml", ".yml")
# BCP 47's word for an undetermined language, and a private code that stands for it.
UNKNOWN, UNKNOWN_CODE = "und", "x-und"
HINT = "Set --text-column, --label-column or --pair-column to a name of this file."
# CoNLL-U with its parts of speech, and Universal NER's likeness of it.
NUMBERED = {
    ".conllu": Columns(form=1, tag=3, separator="\t", scheme="plain", conllu=True),
    ".iob2": Columns(form=1, tag=2, separator="\t", conllu=True),
}

Parts = dict[str, AnyExamples]


@dataclass(frozen=True)
class FileColumns:
    """Where a file has what it labels.

    Attributes:
        text, label, pair: names of columns, where texts are classified.
        word, tag: positions of columns, where words are tagged.
    """

    text: str = "text"
    label: str = "label"
    pair: str = ""
    word: int = 0
    tag: int = -1


def read_config(
    given: Given,
    subnet: Subnet,
    languages: tuple[str, ...] = (),
    task: str = "",
    skip_bad_rows: bool = False,
) -> Parts:
    """A configuration's test data by language, with the model's own class ids.

    It is read in the report phase: scoring a finished model is the one use of
    target labels.

    Args:
        languages: all of the task's if none is given.
        task: the task's name; if empty, the only one of the model's kind.

    Raises:
        ConfigError: the task is not there, or not the only one.
        DataError: a label that the model does not know.
    """
    found, roles, source = _open_task(given, subnet, task, skip_bad_rows)
    return {
        code: _relabel(
            read(source, roles, code, "test", "report"), source.labels, subnet.labels
        )
        for code in languages or found.languages.all
    }


def read_translated(
    given: Given,
    subnet: Subnet,
    languages: tuple[str, ...] = (),
    task: str = "",
    skip_bad_rows: bool = False,
) -> tuple[Parts, dict[str, dict[str, int]]]:
    """As `read_config`, with texts in the source language, by `translate_test`.

    Returns:
        Of each other language also how many rows have no translation.

    Raises:
        ConfigError: the configuration says nothing of it; or as `read_config`.
        DataError: the translator does not know a language; or as `read_config`.
    """
    config = config_of(given)
    if config.translate_test is None:
        raise ConfigError(
            "--translate-test: --data must say in translate_test.translator by what "
            "texts are translated; got nothing. Write it, or leave the option out."
        )
    _, roles, source = _open_task(config, subnet, task, skip_bad_rows)
    skip = skip_bad_rows or config.skip_bad_rows
    translation = Translation(
        config.translate_test, source, roles.source, skip=skip, seed=config.seed
    )
    parts, left = {}, {}
    about = config, subnet, languages, task, skip_bad_rows
    for code, own in read_config(*about).items():
        parts[code] = translation(own)
        found = translation.counts.get(normalise(code))
        if found is not None:
            left[code] = {"untranslated": found.left}
    return parts, left


def read_auxiliary(
    path: Path, subnet: Subnet, task: str = "", skip_bad_rows: bool = False
) -> Parts:
    """The dev splits of a configuration's auxiliary languages, to choose by.

    No other language and no test split is read, so that nothing is chosen by a target.

    Raises:
        ConfigError: it is no configuration; or as `read_config`.
        DataError: a label that the model does not know.
    """
    if path.suffix not in CONFIG_SUFFIXES:
        raise ConfigError(
            f"--data: must be a configuration ({', '.join(CONFIG_SUFFIXES)}), which "
            f"says what languages may choose; got {path}. Give that of the search."
        )
    given, roles, source = _open_task(path, subnet, task, skip_bad_rows)
    return {
        code: _relabel(
            read(source, roles, code, "dev", "select"), source.labels, subnet.labels
        )
        for code in given.languages.aux_heldout
    }


def _open_task(
    given: Given, subnet: Subnet, task: str, skip: bool
) -> tuple[TaskConfig, LanguageRoles, Source]:
    config = with_pool(config_of(given))
    return _find_task(config, subnet.task, task, skip or config.skip_bad_rows)


def _find_task(
    config: Config, kind: str, name: str, skip: bool
) -> tuple[TaskConfig, LanguageRoles, Source]:
    """The task of that name, or the only one of the model's kind."""
    tasks = config.every_task
    if name and name not in tasks:
        raise ConfigError(
            f"--task: must be one of the configuration's tasks; got {name!r}. They "
            f"are {', '.join(tasks)}."
        )
    found = {}
    for key, given in tasks.items():
        if key == name or not name:
            roles = LanguageRoles.from_config(given.languages)
            source = make_source(given.data, roles, skip_bad_rows=skip)
            if source.task == kind:
                found[key] = given, roles, source
    if not found:
        raise ConfigError(
            f"--data: the configuration must have a task of the model's kind, "
            f"{kind}; got {name or ', '.join(tasks)}, of another. Give the "
            f"configuration that fits the model, or another --task."
        )
    if len(found) > 1:
        raise ConfigError(
            f"--task: must name one of the configuration's tasks where several are "
            f"of the model's kind, {kind}. They are {', '.join(found)}."
        )
    return next(iter(found.values()))


def _relabel(examples: AnyExamples, theirs: LabelSet, ours: LabelSet) -> AnyExamples:
    """The same examples with class ids of the model's label set."""
    missing = [label for label in theirs if label not in ours]
    if missing:
        raise DataError(
            f"the data has labels that the model does not know: {missing}. "
            f"The model's are {list(ours)}."
        )
    ids = np.asarray([ours.index(label) for label in theirs], np.int32)
    if isinstance(examples, Examples):
        return dataclasses.replace(examples, labels=ids[examples.labels])
    if isinstance(examples, TaggedExamples):
        tags = tuple(ids[row] for row in examples.tags)
        return dataclasses.replace(examples, tags=tags)
    return examples


def read_file(
    path: Path,
    subnet: Subnet,
    languages: tuple[str, ...] = (),
    columns: FileColumns = FileColumns(),
    skip_bad_rows: bool = False,
) -> Parts:
    """One file, in the format of the model's kind, with its own class ids.

    TSV, CSV or JSONL where texts are classified; a word a line where words are
    tagged (see `NUMBERED` for CoNLL-U); JSON as in SQuAD v1.1 where questions are
    answered.

    Args:
        languages: the one that the file is in; unknown if empty.
    """
    if len(languages) > 1:
        raise DataError(
            f"{path}: a file is in one language; got {', '.join(languages)}. Give "
            f"one --language, or a configuration."
        )
    key = languages[0] if languages else UNKNOWN
    code = UNKNOWN_CODE if key == UNKNOWN else key
    faults, origin = Faults(skip_bad_rows), str(path)
    if subnet.task == "qa":
        questions = read_squad(origin, faults)
        return {key: make_questions(questions, code, code, "test", origin, faults)}
    if subnet.task == "retrieval":
        raise ConfigError(
            f"--data: a model for retrieval is scored on translations, which a "
            f"configuration names; got {path}. Give a configuration with data of kind "
            f"pairs."
        )
    about = subnet.labels, code, "test", origin, faults
    if subnet.task == "tagging":
        form = _columns(path, columns, has_entities(subnet.labels))
        return {key: make_tagged(read_columns(origin, form, faults), *about)}
    table = Table(text=columns.text, label=columns.label, pair=columns.pair)
    rows = read_table(origin, table, faults, hint=HINT, known=subnet.labels)
    return {key: make_examples(rows, *about)}


def _columns(path: Path, columns: FileColumns, has_entities: bool) -> Columns:
    """How to read a file of tagged words."""
    if path.suffix in NUMBERED:
        return NUMBERED[path.suffix]
    scheme = "IOB2" if has_entities else "plain"
    return Columns(form=columns.word, tag=columns.tag, scheme=scheme)
