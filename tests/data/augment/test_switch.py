"""Switched words: how many, which, and that all that is labelled stays true."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.data.translators.doubles import Told
from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.config.augment.ways import CodeSwitch, Paraphrase
from xlnas_jax.data.augment.outcome import Outcome
from xlnas_jax.data.augment.switch import (
    KEPT,
    LEFT,
    NO_OTHER,
    NO_WORD,
    OTHERS,
    SWITCHED,
    TRANSLATABLE,
    UNSPACED,
    Switch,
)
from xlnas_jax.data.examples import Answer, Examples, QuestionExamples, TaggedExamples
from xlnas_jax.tasks.tagging import has_entities

TRANSLATOR = DictionaryTranslator("{source}-{target}")
WORDS = tuple("abcdefghij")
# French has all words but the last two, Swahili the first five.
FRENCH = {word: (f"fr{word}", f"le fr{word}") for word in WORDS[:8]}
SWAHILI = {word: (f"sw{word}",) for word in WORDS[:5]}
BACK = {f"fr{word}": (word, f"{word}{word}") for word in WORDS[:4]}
BACK |= {f"le fr{word}": (word,) for word in WORDS[:8]}
BACK |= {f"fr{word}": (word,) for word in WORDS[4:8]}
TABLE: Mapping = {
    ("en", "fr"): FRENCH,
    ("en", "sw"): SWAHILI,
    ("fr", "en"): BACK,
}
LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
# An answer may begin and end anywhere, within words too.
SPANS = st.tuples(st.integers(0, 40), st.integers(1, 12))


def switch(
    config: CodeSwitch | Paraphrase, labels=LABELS, languages=("fr", "sw"), seed=0
) -> Switch:
    return Switch(config, Told(TABLE), "en", languages, labels, seed)


def texts(*given: str) -> Examples:
    ids = tuple(map(str, range(len(given))))
    return Examples("en", "train", ids, given, np.zeros(len(given), np.int32))


def of(outcome: Outcome, name: str) -> list:
    return [change[name] for change in outcome.changes]


@pytest.mark.parametrize(("rate", "sentence_rate"), [(0.3, 1.0), (0.7, 0.5)])
def test_rates_are_those_that_were_asked_for(rate: float, sentence_rate: float) -> None:
    rng = np.random.default_rng(0)
    rows = texts(*(" ".join(rng.choice(WORDS, 12)) for _ in range(300)))
    config = CodeSwitch(TRANSLATOR, rate=rate, sentence_rate=sentence_rate)
    outcome = switch(config)(rows)
    assert list(outcome.places) == list(range(300))
    left = outcome.counts[LEFT]
    assert left == sum(not change for change in outcome.changes)
    assert binomtest(300 - left, 300, sentence_rate).pvalue > 1e-3
    seen, made = outcome.counts[TRANSLATABLE], outcome.counts[SWITCHED]
    assert binomtest(made, seen, rate).pvalue > 1e-3
    new = [t for change in outcome.changes if change for t in change["texts"].split()]
    french = sum(word.startswith("fr") for word in new)
    swahili = sum(word.startswith("sw") for word in new)
    assert french + swahili == made
    # Of eight words five are in both languages, and French has them half the time.
    assert binomtest(french, made, (3 + 5 / 2) / 8).pvalue > 1e-3


def test_what_is_left_over_is_counted() -> None:
    rows = texts("a i j", "i", "a 言語", "A!")
    outcome = switch(CodeSwitch(TRANSLATOR, rate=1.0), languages=("sw",))(rows)
    assert list(outcome.places) == [0, 2]  # the capital is another word here
    assert of(outcome, "texts") == ["swa i j", "swa 言語"]
    assert outcome.counts[NO_WORD] == 2
    assert outcome.counts[OTHERS] == 2
    assert outcome.counts[UNSPACED] == 1


def test_the_same_seed_gives_the_same_rows_whatever_stands_beside_them() -> None:
    rows = texts(*(" ".join(WORDS) for _ in range(20)))
    one = of(switch(CodeSwitch(TRANSLATOR))(rows), "texts")
    assert one == of(switch(CodeSwitch(TRANSLATOR))(rows), "texts")
    few = dataclasses.replace(rows, ids=rows.ids[7:9], texts=rows.texts[7:9])
    assert of(switch(CodeSwitch(TRANSLATOR))(few), "texts") == one[7:9]
    assert one != of(switch(CodeSwitch(TRANSLATOR), seed=1)(rows), "texts")
    assert len(set(one)) > 10  # rows draw apart


def test_both_texts_of_a_pair_are_switched() -> None:
    rows = dataclasses.replace(texts("a"), pairs=("b",))
    outcome = switch(CodeSwitch(TRANSLATOR, rate=1.0), languages=("sw",))(rows)
    assert outcome.changes == [{"texts": "swa", "pairs": "swb"}]


def test_a_paraphrase_is_another_word_with_a_translation_in_common() -> None:
    """`a` is fra in French, which is aa, too; of `e` nothing but itself comes back."""
    config = Paraphrase(TRANSLATOR, rate=1.0)
    outcome = switch(config, languages=("fr",))(texts("a e i", "e"))
    assert of(outcome, "texts") == ["aa e i"]
    assert outcome.counts[NO_OTHER] == 1


def entities(tags, labels=LABELS) -> list[tuple[str, int]]:
    """Type of each entity, and how many words it has; every tag must continue one."""
    found: list[tuple[str, int]] = []
    before = "O"
    for tag in (labels[number] for number in tags):
        if tag[0] == "B":
            found.append((tag[2:], 1))
        elif tag[0] == "I":
            assert before[2:] == tag[2:], "an entity goes on that was not begun"
            found[-1] = (tag[2:], found[-1][1] + 1)
        before = tag
    return found


@st.composite
def tagged(draw) -> tuple[tuple[str, ...], list[int]]:
    words: list[str] = []
    tags: list[int] = []
    for kind in draw(st.lists(st.sampled_from(["O", "PER", "LOC"]), min_size=1)):
        size = 1 if kind == "O" else draw(st.integers(1, 3))
        first = "O" if kind == "O" else f"B-{kind}"
        words += [draw(st.sampled_from(WORDS)) for _ in range(size)]
        tags += [LABELS.index(first)]
        tags += [LABELS.index(f"I-{kind}")] * (size - 1) if kind != "O" else []
    return tuple(words), tags


@settings(max_examples=50)
@given(tagged(), st.floats(0, 1), st.integers(0, 100))
def test_tags_stay_with_their_words(sentence, rate: float, seed: int) -> None:
    words, tags = sentence
    rows = TaggedExamples(
        "en", "train", ("x",), (words,), (np.asarray(tags, np.int32),)
    )
    outcome = switch(CodeSwitch(TRANSLATOR, rate=rate), seed=seed)(rows)
    if not outcome.places:
        assert not set(words) & set(FRENCH)
        return
    (change,) = outcome.changes
    new, theirs = change["words"], change["tags"].tolist()
    assert len(new) == len(theirs) and all(" " not in word for word in new)
    assert [kind for kind, _ in entities(theirs)] == [k for k, _ in entities(tags)]
    # Word by word: what came of each has its tag, and then goes on with it.
    at = 0
    for word, tag in zip(words, tags, strict=True):
        size = 2 if new[at] == "le" else 1
        assert new[at + size - 1] in (word, f"fr{word}", f"sw{word}")
        goes_on = LABELS.index("I" + LABELS[tag][1:]) if tag else 0
        assert theirs[at : at + size] == [tag, goes_on][:size]
        at += size
    assert at == len(new)


def test_tags_that_cannot_go_on_take_one_word() -> None:
    labels = ("O", "B-PER")
    assert has_entities(labels)
    rows = TaggedExamples(
        "en", "train", ("x",), (("f", "g"),), (np.asarray([1, 0], np.int32),)
    )
    config = CodeSwitch(TRANSLATOR, rate=1.0)
    for seed in range(8):
        (change,) = switch(config, labels, ("fr",), seed)(rows).changes
        assert change["words"][0] == "frf"


def test_plain_tags_are_those_of_all_words_that_come_of_one() -> None:
    rows = TaggedExamples(
        "en", "train", ("x",), (("f", "g"),), (np.asarray([1, 0], np.int32),)
    )
    config = CodeSwitch(TRANSLATOR, rate=1.0)
    for seed in range(8):
        outcome = switch(config, ("NOUN", "VERB"), ("fr",), seed)(rows)
        (change,) = outcome.changes
        kinds = "".join(str(tag) for tag in change["tags"])
        assert kinds.strip("0") in ("1", "11") and kinds.strip("1") in ("0", "00")


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12),
    st.lists(SPANS, min_size=1, max_size=3),
    st.sampled_from(["switch", "keep"]),
    st.integers(0, 100),
)
def test_answers_are_what_stands_where_they_stood(words, spans, answers, seed) -> None:
    context = " ".join(f"{word}" for word in words) + "."
    given = []
    for start, size in spans:
        start = start % len(context)
        given.append(Answer(context[start : start + size], start))
    rows = QuestionExamples(
        *("en", "en", "train", ("x",)), ("which a",), (context,), (tuple(given),)
    )
    config = CodeSwitch(TRANSLATOR, rate=0.6, answers=answers)
    (change,) = switch(config, (), seed=seed)(rows).changes
    new = change["contexts"]
    assert len(change["answers"]) == len(given)
    for old, one in zip(given, change["answers"], strict=True):
        assert one.text and new[one.start : one.start + len(one.text)] == one.text
        if answers == "keep":
            assert one.text == old.text
        # As many spaces stand before it as before, but for words that are two now.
        head, before = context[: old.start], new[: one.start]
        assert before.replace("le ", "").count(" ") == head.count(" ")


def test_words_of_an_answer_are_switched_or_kept_as_asked() -> None:
    rows = QuestionExamples(
        *("en", "en", "train", ("x",)),
        ("i",),
        ("a b c d",),
        ((Answer("b c", 2), Answer("a b c d", 0)),),
    )
    switched = switch(CodeSwitch(TRANSLATOR, rate=1.0), (), ("sw",))(rows)
    assert switched.changes[0]["answers"] == (
        Answer("swb swc", 4),
        Answer("swa swb swc swd", 0),
    )
    kept = dataclasses.replace(rows, answers=((Answer("b c", 2),),))
    outcome = switch(CodeSwitch(TRANSLATOR, rate=1.0, answers="keep"), (), ("sw",))(
        kept
    )
    assert outcome.changes[0]["contexts"] == "swa b c swd"
    assert outcome.changes[0]["answers"] == (Answer("b c", 4),)
    assert outcome.counts[KEPT] == 2
