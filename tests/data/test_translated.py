"""Translations of training rows: whose they are, and that they are text alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.translations import (
    AnyTranslations,
    FileTranslations,
    IdTranslations,
)
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.translated import Translations, languages_of, read_translated
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError, LeakError

LANGUAGES = LanguagesConfig(
    source="en",
    aux_train=("it",),
    aux_heldout=("fr", "pt"),
    target=("sw",),
    unlabelled=("fr", "nl"),
)
ROLES = LanguageRoles.from_config(LANGUAGES)
ROWS = Examples(
    *("en", "train", ("a", "b", "c"), ("one", "two", "three")), np.arange(3, dtype="i4")
)
PAIRED = dataclasses.replace(ROWS, pairs=("1", "2", "3"))


class Sealed(Examples):
    """Examples of which no label can be read."""

    def __getattribute__(self, name: str):
        assert name != "labels", "a label of another language was looked at"
        return super().__getattribute__(name)


def sealed(language: str, ids: tuple[str, ...]) -> Examples:
    texts = tuple(f"{language} {name}" for name in ids)
    return Sealed(language, "train", ids, texts, np.zeros(len(ids), np.int32))


IDS = {"it": ("c", "a"), "fr": ("b", "x"), "nl": ("x",), "sw": ("a",)}


def read_split(language: str, split) -> Examples:
    assert split == "train"
    return sealed(language, IDS[language])


SOURCE = Source(("no", "yes"), lambda: ("en", *IDS), read_split)


def read(
    config: AnyTranslations, rows: Examples = ROWS, roles: LanguageRoles = ROLES
) -> dict[str, Translations]:
    found = read_translated(config, SOURCE, roles, rows)
    return {one.language: one for one in found}


def plain(found: Translations) -> dict[str, tuple]:
    return {name: tuple(one) for name, one in found.texts.items()}


def test_rows_of_the_same_id_are_translations_and_no_label_of_theirs_is_read() -> None:
    found = read(IdTranslations(languages=("ita", "fr")))
    assert plain(found["it"]) == {"a": ("it a", None), "c": ("it c", None)}
    assert plain(found["fr"]) == {"b": ("fr b", None)}
    # The seal is one: whoever reads a label is stopped.
    with pytest.raises(AssertionError, match="looked at"):
        assert sealed("it", ("a",)).labels


def test_all_languages_without_labels_are_translated_into_where_none_is_named() -> None:
    assert languages_of(IdTranslations(), ROLES) == ("it", "fr", "nl")
    with pytest.raises(DataError, match=r"some of the 3 training rows.*got none"):
        read(IdTranslations())  # nl has no such id


@pytest.mark.parametrize("language", ["pt", "sw", "en"])
def test_no_other_language_is_translated_into(language: str) -> None:
    with pytest.raises(LeakError, match="may be translated into"):
        languages_of(IdTranslations(languages=(language,)), ROLES)


def test_text_of_a_target_only_where_that_is_said() -> None:
    said = dataclasses.replace(LANGUAGES, unlabelled=("sw",), target_text=True)
    roles = LanguageRoles.from_config(said)
    found = read(IdTranslations(languages=("sw",)), roles=roles)
    assert plain(found["sw"]) == {"a": ("sw a", None)}
    silent = dataclasses.replace(said, target_text=False)
    with pytest.raises(ConfigError, match="target_text"):
        LanguageRoles.from_config(silent)


def test_there_must_be_a_language_to_translate_into() -> None:
    none = dataclasses.replace(LANGUAGES, aux_train=(), unlabelled=())
    with pytest.raises(ConfigError, match="must be a language to translate into"):
        languages_of(IdTranslations(), LanguageRoles.from_config(none))


def files(folder: Path, **texts: str) -> FileTranslations:
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")
    suffix = next(iter(texts)).rpartition("_")[2]
    return FileTranslations(f"{folder}/{{language}}.{suffix}", languages=("it",))


def test_files_are_matched_by_id_or_by_line(tmp_path: Path) -> None:
    given = "id\ttext\nc\ttre\na\tuno\nb\t \n"
    by_id = files(tmp_path, ita_tsv=given)
    assert plain(read(by_id)["it"]) == {"a": ("uno", None), "c": ("tre", None)}
    by_line = files(tmp_path, it_txt="uno\n\ntre\n")
    assert plain(read(by_line)["it"]) == plain(read(by_id)["it"])
    (tmp_path / "back_it.txt").write_text("1\n2\n\n", "utf-8")
    both = dataclasses.replace(by_line, back=f"{tmp_path}/back_{{language}}.txt")
    backs = read(both)["it"].backs
    assert {name: one.text for name, one in backs.items()} == {"a": "1", "b": "2"}


def test_pairs_of_texts_have_pairs_of_translations(tmp_path: Path) -> None:
    given = '{"id": "a", "text": "uno", "pair": "I"}\n'
    found = read(files(tmp_path, it_jsonl=given), PAIRED)
    assert plain(found["it"]) == {"a": ("uno", "I")}
    with pytest.raises(DataError, match="a line is one text"):
        read(files(tmp_path, it_txt="uno\ndue\ntre\n"), PAIRED)
    with pytest.raises(DataError, match="must have text in id, text, pair"):
        read(files(tmp_path, it_tsv="id\ttext\na\tuno\n"), PAIRED)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("it_txt", "uno\ndue\n", "there are 3; got 2 lines"),
        ("it_tsv", "id\ttext\nz\tuno\n", "'z', which is none of them"),
        ("it_tsv", "id\ttext\na\tuno\na\tuno\n", "'a', which stands twice"),
        ("it_tsv", "id\ttexts\na\tuno\n", "must have text in id, text;"),
        ("it_tsv", "id\ttext\n", "got none. Ids must be those"),
        ("nl_tsv", "id\ttext\na\teen\n", "train.translations"),
    ],
)
def test_what_is_missing_in_a_file_is_said(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(files(tmp_path, **{name: text}))


def test_a_pattern_without_a_language_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"path: must contain \{language\}"):
        FileTranslations("translated.tsv")
    with pytest.raises(ConfigError, match=r"back: must contain \{language\}"):
        FileTranslations("{language}.tsv", back="back.tsv")
