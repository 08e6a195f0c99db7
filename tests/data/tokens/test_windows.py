"""Windows: the library's own pairs, and answers at their original characters."""

import dataclasses
import json
import unicodedata
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models

from xlnas_jax.data.examples import Answer
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.squad import read_squad
from xlnas_jax.data.tokens.tokenizer import Tokenizer, load_tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.data.tokens.windows import (
    Window,
    answer_span,
    document_span,
    make_windows,
)
from xlnas_jax.types import ConfigError

QUESTION = "Who fell down the hill?"
CONTEXT = "Jack and Jill went up the hill to fetch a pail of water. " * 6 + "Jack fell."
KINDS = ("wordpiece", "unigram", "own")


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return train_tokenizer([CONTEXT, QUESTION], vocab_size=120, max_length=40)


@pytest.fixture(scope="module")
def many(minilm: Path, shared: Path) -> dict[str, Tokenizer]:
    """A real WordPiece, a real Unigram, and one of ours that knows four scripts."""
    texts = [
        row.context
        for code in ("ar", "hi", "zh", "en")
        for row in read_squad(str(shared / f"data/xquad/xquad.{code}.json"), Faults())
    ]
    return {
        "wordpiece": load_tokenizer(minilm, 384),
        "unigram": load_tokenizer(shared / "models/mini-multilingual", 384),
        "own": train_tokenizer(texts[::40], 1500, 384),
    }


def document(windows: tuple[Window, ...]) -> dict[int, tuple[int, int]]:
    """Character range of every token of the context, by its document position."""
    return {
        window.shift + number: tuple(pair)
        for window in windows
        for number, pair in enumerate(window.offsets.tolist())
    }


def cut(windows: tuple[Window, ...], context: str, answer: Answer) -> str:
    """The text that the answer's tokens stand for."""
    span = document_span(windows, answer)
    assert span is not None
    offsets = document(windows)
    return context[offsets[span[0]][0] : offsets[span[1]][1]]


@pytest.mark.parametrize("max_length", [30, 64, 384])
@pytest.mark.parametrize("doc_stride", [3, 10])
@pytest.mark.parametrize("kind", KINDS)
def test_windows_equal_those_of_the_library(
    many: dict[str, Tokenizer], kind: str, max_length: int, doc_stride: int
) -> None:
    backend = many[kind].backend
    tokenizer = dataclasses.replace(many[kind], max_length=max_length)
    question = backend.encode("Who fell?", add_special_tokens=False).ids
    size = max_length - backend.num_special_tokens_to_add(True) - len(question)
    oracle = Backend.from_str(backend.to_str())
    # What the library calls stride is the overlap.
    overlap = size - doc_stride
    oracle.enable_truncation(max_length, stride=overlap, strategy="only_second")
    first = oracle.encode("Who fell?", CONTEXT)
    expected = [first, *first.overflowing]
    (windows,) = make_windows(tokenizer, ["Who fell?"], [CONTEXT], doc_stride)
    assert [list(window.ids) for window in windows] == [e.ids for e in expected]
    # The library gives windows after the first other segments than the template's.
    assert list(windows[0].segments) == first.type_ids
    kinds = dict(zip(first.sequence_ids, first.type_ids, strict=True))
    for window, one in zip(windows, expected, strict=True):
        inside = slice(window.first, window.last)
        assert set(window.segments[inside]) == {kinds[1]}
        before = first.type_ids[: window.first]
        assert list(window.segments[: window.first]) == before
        assert len(window.segments) == len(one.ids)
    assert [list(range(window.first, window.last)) for window in windows] == [
        [place for place, text in enumerate(one.sequence_ids) if text == 1]
        for one in expected
    ]


def test_every_token_of_the_context_has_one_document_position(own: Tokenizer) -> None:
    (windows,) = make_windows(own, [QUESTION], [CONTEXT], doc_stride=5)
    whole = own.backend.encode(CONTEXT, add_special_tokens=False).ids
    seen: dict[int, set[int]] = {}
    for window in windows:
        for place in range(window.first, window.last):
            position = window.shift + place - window.first
            seen.setdefault(position, set()).add(window.ids[place])
    assert seen == {position: {token} for position, token in enumerate(whole)}
    assert [window.shift for window in windows][:3] == [0, 5, 10]
    assert len(windows) > 5


def test_a_short_context_is_one_window_with_its_template(own: Tokenizer) -> None:
    (windows,) = make_windows(own, ["Who?"], ["Jack fell."])
    (expected,) = own.encode(["Who?"], ["Jack fell."])
    assert len(windows) == 1
    assert list(windows[0].ids) == expected.ids
    assert list(windows[0].segments) == expected.segments


def test_long_questions_are_cut_and_counted(minilm: Path) -> None:
    faults = Faults()
    tokenizer = load_tokenizer(minilm, 384)
    long = "why " * 70
    windows = make_windows(tokenizer, [long, "why"], [CONTEXT] * 2, faults=faults)
    assert windows[0][0].first == 1 + 64 + 1
    assert windows[1][0].first == 1 + 1 + 1
    assert faults.report(0, 0).notes == {"question cut to 64 tokens": 1}


def test_a_window_without_room_is_refused(own: Tokenizer) -> None:
    small = Tokenizer(own.backend, own.pad_id, own.unk_id, max_length=7)
    with pytest.raises(ConfigError, match=r"tokens\.max_length.*at least 8"):
        make_windows(small, [QUESTION], [CONTEXT])
    with pytest.raises(ConfigError, match="stride of 1"):
        make_windows(own, [QUESTION], [CONTEXT], doc_stride=0)


def test_a_tokenizer_that_drops_everything_is_refused() -> None:
    backend = Backend(models.BPE())
    empty = Tokenizer(backend, pad_id=0, unk_id=None, max_length=32)
    with pytest.raises(ConfigError, match="pair"):
        make_windows(empty, ["a"], ["a"])


def test_an_answer_is_found_only_in_windows_that_hold_all_of_it(
    own: Tokenizer,
) -> None:
    (windows,) = make_windows(own, [QUESTION], [CONTEXT], doc_stride=5)
    answer = Answer("fetch a pail of water", CONTEXT.index("fetch", 100))
    span = document_span(windows, answer)
    assert span is not None
    spans = [answer_span(window, answer) for window in windows]
    expected = [
        w.shift <= span[0] and span[1] < w.shift + w.last - w.first for w in windows
    ]
    assert [found is not None for found in spans] == expected
    assert 0 < sum(expected) < len(windows)
    for window, found in zip(windows, spans, strict=True):
        if found is not None:
            move = window.shift - window.first
            assert (found[0] + move, found[1] + move) == span


def test_an_answer_inside_a_token_is_widened_to_it(minilm: Path) -> None:
    tokenizer = load_tokenizer(minilm, 384)
    context = "It was the hill."
    (windows,) = make_windows(tokenizer, ["What?"], [context])
    assert cut(windows, context, Answer("ill", 12)) == "hill"
    assert cut(windows, context, Answer(" the ", 6)) == "the"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "answer",
    [
        "ﬁne",
        "①",
        "ｱｲｳ",
        "½",
        "cafe\u0301",
        "é",
        "𝕏𝕐",
        "हिन्दी",
        "العَرَبِيُّ",
        "我们",
        "ᄀ\u1161",
    ],
)
def test_answers_survive_normalisation(many, kind: str, answer: str) -> None:
    context = f"  one {answer} two\u00a0{answer}\u3000end"
    second = Answer(answer, context.rindex(answer))
    windows = make_windows(many[kind], ["q"] * 2, [context, answer])
    assert cut(windows[0], context, Answer(answer, context.index(answer))) == answer
    assert cut(windows[0], context, second) == answer
    assert cut(windows[1], answer, Answer(answer, 0)) == answer


def test_an_answer_of_dropped_characters_has_no_span(many) -> None:
    context = "one \u200d two"
    (windows,) = make_windows(many["wordpiece"], ["q"], [context])
    assert document_span(windows, Answer("\u200d", 4)) is None
    assert answer_span(windows[0], Answer("\u200d", 4)) is None
    assert document_span(windows, Answer("two", 6)) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "code",
    ["ar", "zh", *(pytest.param(c, marks=pytest.mark.slow) for c in ("hi", "tr"))],
)
def test_xquad_answers_are_cut_from_the_original(
    shared: Path, many, kind: str, code: str
) -> None:
    rows = read_squad(str(shared / f"data/xquad/xquad.{code}.json"), Faults())[::7]
    found = make_windows(
        many[kind], [row.question for row in rows], [row.context for row in rows]
    )
    texts = [
        (cut(windows, row.context, row.answers[0]), row.answers[0].text.strip())
        for windows, row in zip(found, rows, strict=True)
    ]
    assert [pair for pair in texts if pair[1] not in pair[0]] == []
    assert all(text == text.strip() for text, _ in texts)
    # Answers that end inside a token are widened; that is rare in every script.
    assert sum(text == gold for text, gold in texts) > 0.95 * len(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_are_inside_and_in_order(shared: Path, many, kind: str) -> None:
    content = json.loads((shared / "data/xquad/xquad.ar.json").read_text())
    context = content["data"][0]["paragraphs"][0]["context"]
    (windows,) = make_windows(many[kind], ["q"], [context])
    ranges = [pair for _, pair in sorted(document(windows).items())]
    assert all(0 <= start <= end <= len(context) for start, end in ranges)
    assert ranges == sorted(ranges)
    covered = {place for start, end in ranges for place in range(start, end)}
    letters = {i for i, c in enumerate(context) if unicodedata.category(c)[0] == "L"}
    assert letters <= covered
