"""What is held out is learnt from in no form, and what is missing is named."""

import pytest

from tests.pretraining.planted import make_config, words, write_corpus
from xlnas_jax.config.data import SetData
from xlnas_jax.config.texts import LineTexts
from xlnas_jax.pretraining.texts import Corpus, Pair, divide, read_corpus
from xlnas_jax.types import ConfigError, DataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    write_corpus(folder)
    return folder


def test_texts_and_pairs_are_those_of_the_places(folder):
    corpus = read_corpus(make_config(folder))
    assert corpus.languages == ("en", "fr")
    lines = (folder / "fr.txt").read_text().splitlines()
    assert list(corpus.texts["fr"]) == list(dict.fromkeys(lines))
    assert corpus.pairs.keys() == {"fr"}
    turn = dict(zip(words("en"), words("fr"), strict=True))
    for pair in corpus.pairs["fr"]:
        assert " ".join(turn[word] for word in pair.source.split()) == pair.text


def test_only_what_some_loss_learns_from_is_read(folder):
    plain = read_corpus(make_config(folder, pairs=(), tlm=0.0, ranking=0.0))
    assert plain.texts and not plain.pairs
    paired = read_corpus(make_config(folder, texts=(), mlm=0.0))
    assert paired.pairs and not paired.texts


def test_nothing_that_is_held_out_is_learnt_from(folder):
    # The verses are plain text, too: a side of a held-out pair would be one.
    both = (
        LineTexts(f"{folder}/{{language}}.txt"),
        LineTexts(f"{folder}/{{language}}.v"),
    )
    for language in ("en", "fr"):
        verses = (folder / f"{language}.tsv").read_text().splitlines()
        lines = "\n".join(verse.split("\t")[1] for verse in verses)
        (folder / f"{language}.v").write_text(lines + "\n")
    learnt, kept = divide(read_corpus(make_config(folder, texts=both)), 12)
    heldout = {text for texts in kept.texts.values() for text in texts}
    heldout |= {side for pair in kept.pairs["fr"] for side in pair}
    assert len(kept.texts["en"]) == len(kept.texts["fr"]) == len(kept.pairs["fr"]) == 12
    assert not heldout & {text for own in learnt.texts.values() for text in own}
    assert not heldout & {side for pair in learnt.pairs["fr"] for side in pair}
    assert len(learnt.pairs["fr"]) > 100 and len(learnt.texts["fr"]) > 100


def test_a_tenth_is_held_out_at_most_and_the_same_in_every_run():
    texts = {"en": [f"text {n}" for n in range(50)]}
    corpus = Corpus(("en",), texts, {})
    learnt, kept = divide(corpus, 64)
    assert len(kept.texts["en"]) == 5
    assert {*learnt.texts["en"], *kept.texts["en"]} == set(texts["en"])
    turned = Corpus(("en",), {"en": texts["en"][::-1]}, {})
    assert set(divide(turned, 64).kept.texts["en"]) == set(kept.texts["en"])


def test_languages_of_parallel_text_share_the_sentences_that_are_held_out():
    pairs = {
        code: [Pair(f"text {n}", f"{code} {n}") for n in range(40)]
        for code in ("fr", "de")
    }
    _, kept = divide(Corpus(("en", "fr", "de"), {}, pairs), 4)
    shared = [{pair.source for pair in own} for own in kept.pairs.values()]
    assert shared[0] == shared[1] and len(shared[0]) == 4


def refused(config, kind, *words):
    with pytest.raises(kind) as found:
        divide(read_corpus(config), 12)
    message = str(found.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_language_without_text_is_named(folder):
    config = make_config(folder, languages=("en", "fr", "sw"), into=("fr",))
    refused(
        config, DataError, "pretrain.languages: there must be text of", "Swahili (sw)"
    )


def test_a_language_without_translations_is_named(folder):
    (folder / "sw.txt").write_text("moja mbili\ntatu nne\n" * 20)
    config = make_config(folder, languages=("en", "fr", "sw"))
    refused(config, DataError, "pretrain.pairs", "into Swahili (sw)", "pretrain.into")
    plain = make_config(folder, languages=("en", "fr", "sw"), into=("fr",))
    assert read_corpus(plain).pairs.keys() == {"fr"}


def test_a_language_of_one_text_has_none_to_learn_from(tmp_path):
    for language in ("en", "fr"):
        (tmp_path / f"{language}.txt").write_text("one text\n")
    config = make_config(tmp_path, pairs=(), tlm=0.0, ranking=0.0)
    refused(config, DataError, "pretrain.texts: some of English (en) must be left")


def test_two_spellings_of_a_language_are_one(folder):
    config = make_config(folder, languages=("en", "fr", "fra"), into=("fr",))
    refused(config, ConfigError, "each must be named once", "fra")


def test_places_of_pairs_must_have_pairs(folder):
    config = make_config(folder, pairs=(SetData("wikiann", path=str(folder)),))
    with pytest.raises((ConfigError, DataError)):
        read_corpus(config)
