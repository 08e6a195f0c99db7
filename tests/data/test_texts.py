"""Text without labels: from every place, joined, and nothing but text."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.data import TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.texts import LineTexts, OwnTexts, SetTexts
from xlnas_jax.data.sources import make_source
from xlnas_jax.data.texts import Texts, read_unlabelled
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError, LeakError

LANGUAGES = LanguagesConfig(
    source="en", aux_heldout=("fr",), target=("sw",), unlabelled=("fr", "nl")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for code, texts in {
        "en": ["one", "two"],
        "fr": ["un", "deux", "un"],
        "sw": ["moja", "mbili"],
    }.items():
        for split in ("train", "dev", "test"):
            path = tmp_path / code / f"{split}.tsv"
            path.parent.mkdir(exist_ok=True)
            rows = [f"{text} {split}\t{'ab'[n % 2]}" for n, text in enumerate(texts)]
            path.write_text("\n".join(["text\tlabel", *rows]) + "\n", "utf-8")
    (tmp_path / "nl.txt").write_text("een\n\n twee \nun train\n", "utf-8")
    (tmp_path / "fr.txt").write_text("trois\nun train\n", "utf-8")
    return tmp_path


def read(folder: Path, language: str, *places, languages=LANGUAGES, **options) -> Texts:
    roles = LanguageRoles.from_config(languages)
    data = TableData(f"{folder}/{{language}}/{{split}}.tsv")
    return read_unlabelled(places, make_source(data, roles), roles, language, **options)


def test_own_text_is_the_training_split_without_its_labels(folder: Path) -> None:
    found = read(folder, "fr", OwnTexts())
    assert (found.language, found.pairs) == ("fr", None)
    assert found.texts == ("un train", "deux train")
    assert set(vars(found)) == {"language", "texts", "pairs"}


def test_what_a_language_has_in_each_place_is_joined_once(folder: Path) -> None:
    lines = LineTexts(f"{folder}/{{language}}.txt")
    assert read(folder, "fr", OwnTexts(), lines).texts == (
        *("un train", "deux train"),
        "trois",
    )
    # No split of it among the labelled data: what other places have is enough.
    assert read(folder, "nl", OwnTexts(), lines).texts == ("een", " twee ", "un train")


def test_a_limit_is_of_its_place_and_keeps_the_order(folder: Path) -> None:
    many = [f"{n} phrase" for n in range(300)]
    (folder / "fr.txt").write_text("\n".join(many) + "\n", "utf-8")
    lines = LineTexts(f"{folder}/{{language}}.txt", limit=30)
    found = read(folder, "fr", OwnTexts(limit=1), lines).texts
    assert len(found) == 31
    assert found[0] in ("un train", "deux train")
    places = [many.index(text) for text in found[1:]]
    assert places == sorted(places)
    # From all of it, and not from its beginning.
    assert np.histogram(places, bins=3, range=(0, 300))[0].min() >= 3


def test_languages_of_a_parallel_set_differ_in_what_is_drawn(folder: Path) -> None:
    drawn = []
    for code, word in (("fr", "phrase"), ("nl", "zin")):
        texts = [f"{n} {word}" for n in range(300)]
        (folder / f"{code}.txt").write_text("\n".join(texts) + "\n", "utf-8")
        lines = LineTexts(f"{folder}/{{language}}.txt", limit=60)
        found = read(folder, code, lines).texts
        assert read(folder, code, lines).texts == found
        drawn.append({text.split()[0] for text in found})
    # As many are common as of two draws that know nothing of each other: about 12.
    assert len(drawn[0] & drawn[1]) < 30


def test_a_side_of_parallel_text_is_text(folder: Path) -> None:
    for end, text in (("fra", "un\ndeux\n"), ("eng", "one\ntwo\n")):
        (folder / f"tatoeba.fra-eng.{end}").write_text(text, "utf-8")
    found = read(folder, "fr", SetTexts("tatoeba", str(folder)))
    assert found.texts == ("un", "deux")


def test_of_pairs_plain_text_stands_beside_the_next(folder: Path) -> None:
    lines = LineTexts(f"{folder}/{{language}}.txt")
    found = read(folder, "nl", lines, is_paired=True)
    assert found.texts == ("een", " twee ", "un train")
    assert found.pairs == (" twee ", "un train", "een")


def test_a_language_without_text_is_named(folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"unlabelled.*Dutch.*the training split of data"
    ):
        read(folder, "nl", OwnTexts())


@pytest.mark.parametrize("language", ["en", "sw", "de"])
def test_other_languages_cannot_be_read(folder: Path, language: str) -> None:
    with pytest.raises(LeakError, match="unlabelled"):
        read(folder, language, OwnTexts())


def test_text_of_a_target_can_be_where_it_is_allowed(folder: Path) -> None:
    allowed = dataclasses.replace(LANGUAGES, unlabelled=("sw",), target_text=True)
    found = read(folder, "sw", OwnTexts(), languages=allowed)
    assert found.texts == ("moja train", "mbili train")


def test_half_a_character_is_refused(folder: Path) -> None:
    (folder / "fr.jsonl").write_text('{"text": "\\ud800", "label": "a"}\n')
    roles = LanguageRoles.from_config(
        dataclasses.replace(LANGUAGES, unlabelled=("fr",))
    )
    source = make_source(TableData(f"{folder}/{{language}}/{{split}}.tsv"), roles)
    broken = source._replace(
        read=lambda language, split: dataclasses.replace(
            source.read(language, split), texts=("a\ud800", "b", "c")
        )
    )
    with pytest.raises(DataError, match="lone surrogate"):
        read_unlabelled([OwnTexts()], broken, roles, "fr")
