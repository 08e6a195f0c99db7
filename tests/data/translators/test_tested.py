"""Test rows in the source language: labels stay, what has no translation is counted."""

from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.augment.pairs import FilePairs
from xlnas_jax.config.augment.translate_test import TranslateTestConfig
from xlnas_jax.config.augment.translators import (
    DictionaryTranslator,
    FileTranslator,
    PairsTranslator,
)
from xlnas_jax.data.examples import (
    Answer,
    Examples,
    QuestionExamples,
    Source,
    TaggedExamples,
)
from xlnas_jax.data.translators.tested import Left, Translation, told
from xlnas_jax.types import ConfigError, DataError

ROWS = Examples(
    *("es", "test", ("a", "b", "c")),
    ("el gato", "la casa roja", "xyz"),
    np.asarray([1, 0, 1]),
)
TAGGED = TaggedExamples(
    *("es", "test", ("a", "b")),
    (("el", "gato", "Ada"), ("Roma", "xyz")),
    (np.asarray([0, 0, 1]), np.asarray([1, 0])),
)
WORDS = "el\tthe\nla\tthe\ngato\tcat\ncasa\thouse\nroja\tred hot\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "es-en.txt").write_text(WORDS, "utf-8")
    (tmp_path / "es-en.tsv").write_text(
        "id\ttext\nb\tthe red house\nc\t\na\tthe cat\n", "utf-8"
    )
    return tmp_path


def source(task: str = "classification") -> Source:
    return Source(labels=("x", "y"), languages=tuple, read=None, task=task)  # type: ignore[arg-type]


def by_words(folder: Path, task: str = "classification") -> Translation:
    path = f"{folder}/{{source}}-{{target}}.txt"
    config = TranslateTestConfig(DictionaryTranslator(path, least=1))
    return Translation(config, source(task), "eng")


def test_texts_are_translated_and_labels_stay(folder) -> None:
    translation = by_words(folder)
    found = translation(ROWS)
    assert isinstance(found, Examples)
    assert found.texts == ("the cat", "the house red hot", "xyz")
    assert found.language == "en" and found.ids == ROWS.ids
    np.testing.assert_array_equal(found.labels, ROWS.labels)
    assert translation.counts == {"es": Left(3, 1)}
    assert told([translation]) == "dictionary {source}-{target}.txt (licence: unknown)"


def test_files_go_by_the_ids_of_test_rows(folder) -> None:
    path = f"{folder}/{{source}}-{{target}}.tsv"
    translation = Translation(TranslateTestConfig(FileTranslator(path)), source(), "en")
    translation.require("es", ROWS)
    found = translation(ROWS)
    assert found.texts == ("the cat", "the red house", "xyz")
    assert translation.counts == {"es": Left(3, 1)}
    with pytest.raises(DataError, match="sw"):
        translation.require("sw", ROWS)


def test_of_a_pair_both_texts_are_translated_or_none_is(folder) -> None:
    rows = Examples(
        *("es", "test", ("a", "b"), ("el gato", "la casa")),
        np.asarray([0, 1]),
        pairs=("gato", "xyz"),
    )
    translation = by_words(folder)
    found = translation(rows)
    assert isinstance(found, Examples)
    assert found.texts == ("the cat", "la casa")
    assert found.pairs == ("cat", "xyz")
    assert translation.counts == {"es": Left(2, 1)}


def test_every_tag_stays_with_its_word(folder) -> None:
    translation = by_words(folder, "tagging")
    translation.require("es", TAGGED)
    found = translation(TAGGED)
    assert isinstance(found, TaggedExamples)
    assert found.words == (("the", "cat", "Ada"), ("Roma", "xyz"))
    for one, other in zip(found.tags, TAGGED.tags, strict=True):
        np.testing.assert_array_equal(one, other)
    assert translation.counts == {"es": Left(2, 1)}


def test_the_source_itself_is_left_as_it_is(folder) -> None:
    rows = Examples("en", "test", ("a",), ("gato",), np.asarray([0]))
    translation = by_words(folder)
    assert translation(rows) is rows
    assert translation.counts == {}


def test_sentences_are_no_translation_of_tagged_words(folder) -> None:
    (folder / "pairs.es-en.tsv").write_text("el gato\tthe cat\n", "utf-8")
    pairs = FilePairs(f"{folder}/pairs.{{source}}-{{target}}.tsv")
    config = TranslateTestConfig(PairsTranslator(pairs))
    translation = Translation(config, source("tagging"), "en")
    with pytest.raises(ConfigError, match=r"one by one.*Use dictionary"):
        translation(TAGGED)
    with pytest.raises(ConfigError, match="translated one by one"):
        translation.require("es", TAGGED)


def test_answers_are_refused(folder) -> None:
    rows = QuestionExamples(
        *("es", "es", "test", ("a",), ("quien",), ("Ada vino",)),
        ((Answer("Ada", 0),),),
    )
    with pytest.raises(ConfigError, match="whose answers stand in the text itself"):
        by_words(folder, "qa")(rows)
