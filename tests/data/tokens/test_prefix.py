"""A prefix is read as a part of every text, and moves nothing else."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import transformers

from tests.carried import make_file
from xlnas_jax.data.examples import Answer
from xlnas_jax.data.tokens.coverage import fertility, unk_rate
from xlnas_jax.data.tokens.prefix import with_prefix
from xlnas_jax.data.tokens.tokenizer import Tokenizer, load_tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.data.tokens.windows import answer_span, document_span, make_windows
from xlnas_jax.supernet.carried.directory import write_model
from xlnas_jax.supernet.carried.e5s1 import read
from xlnas_jax.types import ConfigError, DataError

PREFIX = "query: "
TEXTS = ("the abc", "", "  two  words ", "\u4e2d", "caf\u00e9 \u2460", "abc " * 40)
PAIRS = ("xyz", "abc", "", "q", "the", "the " * 40)
WORDS = (("abc", "the"), ("a",), ("caf\u00e9", "\u2460", "x", "the"), ("abc",) * 40)
CONTEXT = "Jack and Jill went up the hill to fetch a pail of water. " * 6
KINDS = ("carried", "own", "wordpiece", "unigram")


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory) -> Path:
    """Of a carried encoder, of one of ours, and of two that are published."""
    if request.param == "wordpiece":
        return request.getfixturevalue("minilm")
    if request.param == "unigram":
        return request.getfixturevalue("shared") / "models" / "mini-multilingual"
    made = tmp_path_factory.mktemp(request.param)
    if request.param == "carried":
        write_model(read(make_file()[0], "here"), made)
    else:
        train_tokenizer([CONTEXT, PREFIX, *TEXTS], 120, 24).save(made)
        settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
        (made / "tokenizer_config.json").write_text(json.dumps(settings))
    return made


@pytest.fixture
def plain(folder: Path) -> Tokenizer:
    return load_tokenizer(folder, 24)


@pytest.fixture
def given(plain: Tokenizer) -> Tokenizer:
    return with_prefix(plain, PREFIX)


def test_a_text_has_the_ids_of_prefix_and_text(plain, given, folder) -> None:
    whole = [PREFIX + text for text in TEXTS]
    found = given.encode(TEXTS)
    assert found == plain.encode(whole)
    assert found != plain.encode(TEXTS)
    oracle = transformers.AutoTokenizer.from_pretrained(str(folder))
    expected = oracle(whole, truncation=True, max_length=24)["input_ids"]
    assert [list(one.ids) for one in found] == expected


def test_of_a_pair_the_first_text_has_it(plain, given) -> None:
    found = given.encode(TEXTS, PAIRS)
    assert found == plain.encode([PREFIX + text for text in TEXTS], PAIRS)


def test_of_words_it_is_words_before_the_first(plain, given) -> None:
    before = PREFIX.split()
    found, places = given.encode_words(WORDS)
    expected, moved = plain.encode_words([[*before, *words] for words in WORDS])
    assert found == expected
    for ours, theirs, words in zip(places, moved, WORDS, strict=True):
        assert len(ours) == len(words)
        np.testing.assert_array_equal(ours, theirs[len(before) :])


def test_labels_stay_with_the_words_they_belong_to(plain, given) -> None:
    (alone,), (first,) = plain.encode_words([("caf\u00e9", "abc", "the")])
    (whole,), (moved,) = given.encode_words([("caf\u00e9", "abc", "the")])
    assert [whole.ids[i] for i in moved] == [alone.ids[i] for i in first]
    assert (moved - first == moved[0] - first[0]).all()
    assert moved[0] > first[0]


def test_words_that_no_longer_fit_are_cut_off(plain, given) -> None:
    _, (without,) = plain.encode_words([WORDS[-1]])
    _, (found,) = given.encode_words([WORDS[-1]])
    assert 0 < (found >= 0).sum() < (without >= 0).sum()
    assert found.max() < given.max_length


def test_windows_are_those_of_prefix_and_question(plain, given) -> None:
    found = make_windows(given, ["Who fell?"], [CONTEXT], 5)
    expected = make_windows(plain, [f"{PREFIX}Who fell?"], [CONTEXT], 5)
    for ours, theirs in zip(*found, *expected, strict=True):
        assert ours.ids == theirs.ids
        assert ours.first == theirs.first
        np.testing.assert_array_equal(ours.offsets, theirs.offsets)


def test_answers_lie_where_they_lay_in_the_context(plain, given) -> None:
    answer = Answer("fetch a pail", CONTEXT.index("fetch", 70))
    spans = []
    for tokenizer in (plain, given):
        (windows,) = make_windows(tokenizer, ["Who?"], [CONTEXT], 5)
        spans.append(document_span(windows, answer))
        held = [(w, answer_span(w, answer)) for w in windows]
        inside = [(w, span) for w, span in held if span is not None]
        for window, (start, end) in inside:
            first, last = (window.offsets[i - window.first] for i in (start, end))
            assert CONTEXT[first[0] : last[1]] == "fetch a pail"
    assert spans[0] == spans[1] is not None


def test_what_is_said_of_a_language_does_not_count_it(plain, given) -> None:
    assert unk_rate(given, TEXTS) == unk_rate(plain, TEXTS)
    assert fertility(given, TEXTS) == fertility(plain, TEXTS)


def test_it_is_kept_and_read_again(given, plain, tmp_path: Path) -> None:
    given.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded.prefix == PREFIX
    assert loaded.encode(TEXTS) == given.encode(TEXTS)
    settings = json.loads((tmp_path / "xlnas_tokenizer.json").read_text())
    # A version that knows no prefix refuses it.
    assert settings["format"] == 2
    plain.save(tmp_path)
    settings = json.loads((tmp_path / "xlnas_tokenizer.json").read_text())
    assert settings["format"] == 1 and "prefix" not in settings


@pytest.mark.parametrize("prefix", [None, 3, ["query: "], " ", "a\nb", "x" * 201])
def test_a_prefix_that_is_none_is_refused(given, tmp_path, prefix: object) -> None:
    given.save(tmp_path)
    file = tmp_path / "xlnas_tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prefix": prefix}))
    with pytest.raises(DataError, match=r"xlnas_tokenizer\.json: prefix must be"):
        Tokenizer.load(tmp_path)


def test_a_prefix_leaves_room_for_a_text(plain: Tokenizer) -> None:
    long = "abc " * 13
    with pytest.raises(ConfigError, match=r"tokens\.prefix: .* half of .* 24; got"):
        with_prefix(plain, long)
    assert with_prefix(dataclasses.replace(plain, max_length=200), long).prefix == long
    assert with_prefix(with_prefix(plain, PREFIX), "").prefix == ""
