"""A source with augmented rows: who may be used, and what is refused at the door."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from xlnas_jax.config.augment.pairs import OwnPairs
from xlnas_jax.config.augment.translators import DictionaryTranslator, PairsTranslator
from xlnas_jax.config.augment.ways import BackTranslation, CodeSwitch, Paraphrase
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.data import sources
from xlnas_jax.data.augment.learnt import with_augmentation
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError, LeakError

LANGUAGES = LanguagesConfig(
    source="en",
    aux_train=("it",),
    aux_heldout=("pt",),
    target=("fr", "sw"),
    unlabelled=("fr",),
    target_text=True,
)
ROLES = LanguageRoles.from_config(LANGUAGES)
TEXTS = ("the cat", "a dog", "the dog", "one cat")
READS: list[tuple[str, str]] = []


def read_split(language: str, split) -> Examples:
    READS.append((language, split))
    labels = np.asarray([0, 1, 1, 0], np.int32)
    return Examples(language, split, tuple("abcd"), TEXTS, labels)


SOURCE = Source(("no", "yes"), lambda: ROLES.all, read_split)


@pytest.fixture
def translator(tmp_path) -> DictionaryTranslator:
    for code in ("fr", "it", "de"):
        lines = f"cat {code}cat\ndog {code}dog\nhound {code}dog\n"
        (tmp_path / f"en-{code}.txt").write_text(lines, "utf-8")
    return DictionaryTranslator(f"{tmp_path}/{{source}}-{{target}}.txt", least=2)


def test_rows_are_read_once_and_added_with_their_labels(translator) -> None:
    way = CodeSwitch(translator, languages=("fr",), rate=1.0, share=0.5)
    source = with_augmentation(SOURCE, (way,), ROLES, 0)
    found = sources.read_learnt(source, ROLES)
    assert isinstance(found, Examples)
    assert found.texts[:4] == TEXTS and len(found) == 6
    for text, label in zip(found.texts[4:], found.labels[4:], strict=True):
        assert text.split()[1] in ("frcat", "frdog")
        assert label == text.endswith("dog")
    READS.clear()
    assert source.learnt is not None and source.learnt().examples is found
    assert READS == []
    # What the files hold is what it was.
    assert sources.read(source, ROLES, "en", "train", "train").texts == TEXTS


def test_languages_are_by_default_all_that_rows_may_be_translated_into(
    translator,
) -> None:
    source = with_augmentation(SOURCE, (CodeSwitch(translator),), ROLES, 0)
    assert source.learnt is not None
    (made,) = source.learnt().made
    assert made.languages == ("it", "fr")
    assert made.counts["rows added"] == 4


@pytest.mark.parametrize("kind", [CodeSwitch, Paraphrase, BackTranslation])
@pytest.mark.parametrize("language", ["sw", "pt"])
def test_text_of_a_language_is_used_where_its_role_allows_it_alone(
    translator, kind: Any, language: str
) -> None:
    with pytest.raises(LeakError, match="may be translated into"):
        with_augmentation(SOURCE, (kind(translator, languages=(language,)),), ROLES, 0)


@pytest.mark.parametrize("kind", [Paraphrase, BackTranslation])
def test_rows_may_go_through_a_language_that_plays_no_part(translator, kind) -> None:
    way = kind(translator, languages=("de",))
    assert with_augmentation(SOURCE, (way,), ROLES, 0).learnt is not None
    switch = CodeSwitch(translator, languages=("de",))
    with pytest.raises(LeakError):
        with_augmentation(SOURCE, (switch,), ROLES, 0)
    with pytest.raises(ConfigError, match="another language than their own"):
        with_augmentation(SOURCE, (kind(translator, languages=("eng",)),), ROLES, 0)


def test_there_must_be_a_language(translator) -> None:
    bare = LanguageRoles("en", (), ("pt",), ("fr",))
    with pytest.raises(ConfigError, match=r"augment\[0\]\.languages: there must"):
        with_augmentation(SOURCE, (CodeSwitch(translator),), bare, 0)


def test_what_makes_nothing_of_any_row_is_refused_with_the_reasons() -> None:
    # Rows of one id have the same text in all languages here.
    way = BackTranslation(PairsTranslator(OwnPairs()), languages=("fr",))
    source = with_augmentation(SOURCE, (way,), ROLES, 0)
    assert source.learnt is not None
    expected = r"augment\[0\]: back_translation must make.*4 came back as it was"
    with pytest.raises(DataError, match=expected):
        source.learnt()


def test_a_dictionary_that_is_missing_is_named_with_its_option(translator) -> None:
    path = translator.path.replace("{source}-", "{source}-x-")
    way = CodeSwitch(dataclasses.replace(translator, path=path), languages=("fr",))
    source = with_augmentation(SOURCE, (way,), ROLES, 0)
    assert source.learnt is not None
    with pytest.raises(DataError, match=r"augment\[0\]\.translator: there must be"):
        source.learnt()


def test_tasks_whose_rows_cannot_be_augmented_are_refused(translator) -> None:
    way = CodeSwitch(translator)
    with pytest.raises(ConfigError, match="must have labels; got translations"):
        with_augmentation(SOURCE._replace(task="retrieval"), (way,), ROLES, 0)
    tags = SOURCE._replace(task="tagging", labels=("NOUN", "VERB"))
    assert with_augmentation(tags, (way,), ROLES, 0).learnt is not None
    back = BackTranslation(translator)
    with pytest.raises(ConfigError, match="every word has a tag"):
        with_augmentation(tags, (back,), ROLES, 0)


def test_without_entries_the_source_is_what_it_was() -> None:
    assert with_augmentation(SOURCE, (), ROLES, 0) is SOURCE
