"""Translations: which are taken, from where, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.data import CldrData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.transfer import IdPairs, SetPairs, TransferConfig
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.pairs import Translation, make_pair_batches, read_translations
from xlnas_jax.data.sources import make_source
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError

ROLES = LanguageRoles.from_config(
    LanguagesConfig(source="en", aux_heldout=("pt", "it"), target=("es",))
)
BY_ID = TransferConfig(parallel=IdPairs())
TEXTS = {
    "en": dict(a="one", b="two", c="three", d="four", e="radio", f="one"),
    "pt": dict(f="um!", d="quatro", c="três", b="dois", a="um", e="radio"),
    "it": dict(a="uno", b="due", c="tre", d="quattro", x="dieci"),
}


def invented(asked: list | None = None, **texts: dict[str, str]) -> Source:
    def read(language: str, split: str) -> Examples:
        if asked is not None:
            asked.append((language, split))
        found = (TEXTS | texts)[language]
        labels = np.zeros(len(found), np.int32)
        return Examples(language, split, tuple(found), tuple(found.values()), labels)

    return Source(("x",), lambda: tuple(TEXTS), read)


def test_rows_with_the_same_id_are_translations():
    asked: list[tuple[str, str]] = []
    portuguese, italian = read_translations(BY_ID, invented(asked), ROLES)
    assert {pair.id: pair.target for pair in italian} == {
        k: v for k, v in TEXTS["it"].items() if k != "x"
    }
    assert {pair.id for pair in portuguese} >= {"b", "c", "d"}
    assert set(asked) == {("en", "dev"), ("pt", "dev"), ("it", "dev")}


def test_repeated_texts_and_those_alike_in_both_languages_are_left_out():
    portuguese, _ = read_translations(BY_ID, invented(), ROLES)
    kept = [pair.id for pair in portuguese]
    assert "e" not in kept
    assert len({"a", "f"} & set(kept)) == 1
    assert len({pair.source for pair in portuguese}) == len(kept)


def test_a_limit_takes_the_same_sentences_in_every_language():
    words = {str(i): f"word {i}" for i in range(40)}
    many = {
        "en": words,
        "pt": {k: f"pt {v}" for k, v in words.items()},
        "it": {k: f"it {v}" for k, v in reversed(words.items())},
    }
    config = TransferConfig(parallel=IdPairs(), pairs=10)
    portuguese, italian = read_translations(config, invented(**many), ROLES)
    assert [p.id for p in portuguese] == [p.id for p in italian]
    assert len(portuguese) == 10


def test_names_of_the_cldr_are_parallel():
    source = make_source(CldrData(), ROLES)
    for pairs in read_translations(BY_ID, source, ROLES):
        assert len(pairs) >= 20
        assert all(pair.source != pair.target for pair in pairs)


def test_a_named_set_gives_pairs_of_the_source_and_every_auxiliary(tmp_path: Path):
    for code, line in (("por", "frase {}"), ("ita", "proposizione {}")):
        stem = tmp_path / f"tatoeba.{code}-eng"
        theirs = "\n".join(line.format(i) for i in range(6))
        ours = "\n".join(f"sentence {i}" for i in range(6))
        Path(f"{stem}.{code}").write_text(theirs)
        Path(f"{stem}.eng").write_text(ours)
    config = TransferConfig(parallel=SetPairs("tatoeba", str(tmp_path)))
    portuguese, italian = read_translations(config, invented(), ROLES)
    assert Translation("3", "sentence 3", "frase 3") in portuguese
    assert Translation("5", "sentence 5", "proposizione 5") in italian


def test_where_there_are_none_the_reason_is_told():
    with pytest.raises(ConfigError, match=r"transfer.parallel: must say where.*ids"):
        read_translations(TransferConfig(), invented(), ROLES)
    apart = {"it": {"x": "uno", "y": "due", "a": "tre"}}
    with pytest.raises(DataError, match=r"4 translations of en into it.*got 1"):
        read_translations(BY_ID, invented(**apart), ROLES)


def test_every_sentence_stands_where_it_is_said_to():
    pairs = read_translations(BY_ID, invented(), ROLES)
    texts = [text for own in TEXTS.values() for text in own.values()]
    tokenizer = train_tokenizer(texts, vocab_size=60, max_length=24)
    found = make_pair_batches(pairs, ROLES, tokenizer, 2, 48)
    assert sum(float(b.weight.sum()) for b in found.batches) == len(
        {("en", p.source) for own in pairs for p in own}
    ) + sum(map(len, pairs))
    for own, ours, theirs in zip(pairs, found.sources, found.targets, strict=True):
        for pair, *places in zip(own, ours, theirs, strict=True):
            for text, (bucket, row) in zip(pair[1:], places, strict=True):
                batch = found.batches[bucket]
                ids = tokenizer.encode([text])[0].ids
                flat = np.asarray(batch.tokens).reshape(-1, batch.tokens.shape[-1])
                assert flat[row, : len(ids)].tolist() == list(ids)
                assert int(np.asarray(batch.length).ravel()[row]) == len(ids)
                assert float(np.asarray(batch.weight).ravel()[row]) == 1.0
