"""Texts that were translated before: by text, and by id, there and back."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.augment.translators import FileTranslator
from xlnas_jax.data.examples import Examples
from xlnas_jax.data.translators.files import Written
from xlnas_jax.types import DataError

ROWS = Examples("en", "train", ("a", "b"), ("one", "two"), np.zeros(2, np.int32))


def made(folder: Path, rows: Examples = ROWS, suffix: str = "tsv") -> Written:
    config = FileTranslator(f"{folder}/{{source}}-{{target}}.{suffix}")
    return Written(config, rows, "here", skip=False)


def test_texts_are_found_by_their_own_words(tmp_path) -> None:
    (tmp_path / "en-fr.tsv").write_text("source\ttarget\none\tun\ntwo\t\n", "utf-8")
    found = made(tmp_path).translate(["two", "one", "three"], "en", "fr")
    assert found == [None, "un", None]
    assert made(tmp_path).words(["one", "x"], "en", "fr") == [("un",), ()]


def test_ids_name_rows_and_what_they_were_translated_into(tmp_path) -> None:
    line = '{{"id": "{}", "text": "{}"}}\n'
    (tmp_path / "en-fr.jsonl").write_text(line.format("a", "un"), "utf-8")
    back = line.format("a", "the one") + line.format("c", "x")
    (tmp_path / "fr-en.jsonl").write_text(back, "utf-8")
    translator = made(tmp_path, suffix="jsonl")
    assert translator.translate(["one", "two"], "en", "fr") == ["un", None]
    assert translator.translate(["un"], "fr", "en") == ["the one"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("source\ttarget\n", "at least one translation; got none"),
        ("one\tun\ntwo\tdeux\n", "must have columns source and target"),
    ],
)
def test_what_holds_no_translations_is_refused(tmp_path, content, message) -> None:
    (tmp_path / "en-fr.tsv").write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        made(tmp_path).translate(["one"], "en", "fr")


def test_ids_do_not_name_rows_of_two_texts(tmp_path) -> None:
    (tmp_path / "en-fr.tsv").write_text("id\ttext\na\tun\n", "utf-8")
    paired = dataclasses.replace(ROWS, pairs=("x", "y"))
    with pytest.raises(DataError, match="only where a row is one text"):
        made(tmp_path, paired).translate(["one"], "en", "fr")


def test_a_direction_is_not_taken_for_the_other(tmp_path) -> None:
    (tmp_path / "fr-en.tsv").write_text("source\ttarget\nun\tone\n", "utf-8")
    with pytest.raises(DataError, match=r"must be a file of English.*got fr-en"):
        made(tmp_path).translate(["one"], "en", "fr")
