"""Parallel text as a translator: of files, named sets, and rows of the same id."""

import numpy as np
import pytest

from xlnas_jax.config.augment.pairs import FilePairs, OwnPairs
from xlnas_jax.config.augment.translators import PairsTranslator, PairWordsTranslator
from xlnas_jax.config.transfer import SetPairs
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.translators.registry import make_translator
from xlnas_jax.types import DataError

TEXTS = {"en": {"a": "one", "b": "two"}, "fr": {"b": "deux", "c": "trois"}, "de": {}}


class Sealed(Examples):
    """Examples of which no label can be read."""

    def __getattribute__(self, name: str):
        assert name != "labels", "a label was looked at"
        return super().__getattribute__(name)


def read_split(language: str, split) -> Examples:
    assert split == "train"
    ids, texts = (
        zip(*TEXTS[language].items(), strict=True) if TEXTS[language] else ((),) * 2
    )
    return Sealed(language, "train", ids, texts, np.zeros(len(ids), np.int32))


SOURCE = Source(("no", "yes"), lambda: tuple(TEXTS), read_split, licence="CC0-1.0")
ROWS = read_split("en", "train")


def made(pairs):
    return make_translator(PairsTranslator(pairs), SOURCE, ROWS, "here")


def test_rows_of_the_same_id_are_translations_and_no_label_is_read() -> None:
    translator = made(OwnPairs())
    assert translator.translate(["two", "one"], "en", "fr") == ["deux", None]
    assert translator.translate(["deux"], "fr", "en") == ["two"]
    assert translator.by("en", ("fr",)).endswith("(licence: CC0-1.0)")
    with pytest.raises(DataError, match="must have ids in common"):
        translator.translate(["one"], "en", "de")


def test_files_of_two_columns_serve_in_both_directions(tmp_path) -> None:
    content = "en\tfr\nGood  day\tBonjour\nGood  day\tSalut\n"
    (tmp_path / "eng-fra.tsv").write_text(content, "utf-8")
    translator = made(FilePairs(f"{tmp_path}/{{source}}-{{target}}.tsv"))
    assert translator.translate(["Good day"], "en", "fr") == ["Bonjour"]
    assert translator.translate(["Salut"], "fr", "en") == ["Good  day"]
    assert str(tmp_path) not in translator.by("en", ("fr",))


def test_tatoeba_translates_its_sentences_and_gives_a_dictionary(shared) -> None:
    pairs = SetPairs("tatoeba", str(shared / "data" / "tatoeba"))
    assert made(pairs).translate(["We agree with you."], "en", "fr") != [None]
    words = PairWordsTranslator(pairs, least=50)
    lexicon = make_translator(words, SOURCE, ROWS, "here")
    found = lexicon.words(["book", "mother"], "en", "fr")
    assert found == [("livre",), ("mère",)]
    assert "CC-BY" in lexicon.by("en", ("fr",))
