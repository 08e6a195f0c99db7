"""Dictionaries of files: how they are found, read and looked up."""

from pathlib import Path

import pytest

from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.data.translators.dictionary import WordByWord, read_lexicons
from xlnas_jax.types import DataError

WORDS = "the le\nthe la\ncat chat\npotato\tpomme de terre\ndog Hund\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "eng-fra.txt").write_text(WORDS, "utf-8")
    return tmp_path


def made(folder: Path, least: int = 1, skip: bool = False) -> WordByWord:
    config = DictionaryTranslator(f"{folder}/{{source}}-{{target}}.txt", least=least)
    return WordByWord(read_lexicons(config, "here", skip))


def test_a_word_has_its_translations_in_their_order_and_its_capitals(folder) -> None:
    words = ["the", "The", "THE", "Dog", "Potato", "bird"]
    assert made(folder).words(words, "en", "fr") == [
        ("le", "la"),
        ("Le", "La"),
        ("LE", "LA"),
        ("Hund",),  # which is not in small letters
        ("Pomme de terre",),
        (),
    ]


def test_texts_are_translated_word_by_word_and_keep_what_is_none(folder) -> None:
    texts = ["The cat, the dog!", "a bird"]
    assert made(folder).translate(texts, "en", "fr") == ["Le chat, le Hund!", None]


def test_a_file_of_the_other_direction_is_read_backwards(folder) -> None:
    assert made(folder).words(["chat", "la"], "fr", "en") == [("cat",), ("the",)]


@pytest.mark.parametrize(
    ("content", "least", "message"),
    [
        ("", 1, r"at least 1 words \(least\); got 0 of English \(en\) into French"),
        ("a b\n", 3, "at least 3 words.*got 1"),
        ("a b\nword\n", 1, "line 2: every line must be a word.*got 'word'"),
        ("a b c\n", 1, "line 1: every line must be a word"),
        ("a\t\n", 1, "line 1: every line must be a word"),
    ],
    ids=["empty", "few", "one word", "three words", "no translation"],
)
def test_what_is_no_dictionary_is_refused(tmp_path, content, least, message) -> None:
    (tmp_path / "en-fr.txt").write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        made(tmp_path, least).words(["a"], "en", "fr")


def test_faulty_lines_are_passed_over_where_that_is_asked(tmp_path) -> None:
    (tmp_path / "en-fr.txt").write_text("word\na b\n", "utf-8")
    assert made(tmp_path, skip=True).words(["a"], "en", "fr") == [("b",)]


def test_a_missing_language_is_named_with_those_that_are_there(folder) -> None:
    with pytest.raises(DataError, match=r"here: .*English \(en\) and German.*en-fr"):
        made(folder).words(["a"], "en", "de")
