"""Rows that went into another language and came back: which pass, and what is kept."""

import dataclasses

import numpy as np
import pytest

from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.config.augment.ways import BackTranslation
from xlnas_jax.data.augment import round_trip
from xlnas_jax.data.augment.round_trip import RoundTrip, shared
from xlnas_jax.data.examples import Answer, Examples, QuestionExamples, TaggedExamples

CONFIG = BackTranslation(DictionaryTranslator("{source}-{target}"))
LABELS = ("O", "B-PER", "I-PER")


class Returning:
    """What each text comes back as; through German it is doubled."""

    def __init__(self, back: dict[str, str | None]) -> None:
        self.back = back
        self.asked: list[tuple[str, str, int]] = []

    def translate(self, texts, source, target):
        self.asked.append((source, target, len(texts)))
        if source == "en":
            return [f"{target}:{t}" if t in self.back else None for t in texts]
        found = [self.back[text.partition(":")[2]] for text in texts]
        return [f"{t} {t}" if t and source == "de" else t for t in found]

    def words(self, words, source, target):
        raise AssertionError("words are not asked for")


def trip(back: dict[str, str | None], config=CONFIG, languages=("fr",)) -> RoundTrip:
    return RoundTrip(config, Returning(back), "en", languages, LABELS, 0)


def texts(*given: str) -> Examples:
    ids = tuple(map(str, range(len(given))))
    return Examples("en", "train", ids, given, np.zeros(len(given), np.int32))


@pytest.mark.parametrize(
    ("back", "reason"),
    [
        ({}, round_trip.NONE_THERE),
        ({"the old man": None}, round_trip.NONE_BACK),
        ({"the old man": "The  old man"}, round_trip.AS_IT_WAS),
        ({"the old man": "the old man who went to sea"}, round_trip.TOO_LONG),
        ({"the old man": "man"}, round_trip.TOO_LONG),
        ({"the old man": "a young girl"}, round_trip.TOO_FAR),
    ],
)
def test_what_does_not_pass_is_dropped_and_counted(back, reason) -> None:
    outcome = trip(back)(texts("the old man"))
    assert outcome.places == [] and dict(outcome.counts) == {reason: 1}


def test_what_passes_takes_the_place_of_the_text() -> None:
    outcome = trip({"the old man": "the aged man", "x": "y"})(texts("x", "the old man"))
    assert outcome.places == [1]
    assert outcome.changes == [{"texts": "the aged man"}]


def test_the_filter_is_that_of_the_configuration() -> None:
    back = {"the old man": "a young man"}
    assert shared("the old man", "a young man") == pytest.approx(1 / 3)
    strict = dataclasses.replace(CONFIG, overlap=0.34)
    assert trip(back)(texts("the old man")).places == [0]
    assert trip(back, strict)(texts("the old man")).places == []
    long = {"old man": "old man, old man, old man"}
    assert trip(long)(texts("old man")).places == []
    wide = dataclasses.replace(CONFIG, ratio=4.0)
    assert trip(long, wide)(texts("old man")).places == [0]


def test_each_row_goes_through_one_language_the_same_every_time() -> None:
    rows = texts(*(f"row {n}" for n in range(40)))
    back = {text: f"the {text}" for text in rows.texts}
    made = trip(back, languages=("fr", "de"))
    outcome = made(rows)
    doubled = sum(change["texts"].count("row") == 2 for change in outcome.changes)
    dropped = outcome.counts[round_trip.TOO_LONG]
    assert doubled + dropped > 8 and len(outcome.places) - doubled > 8
    assert trip(back, languages=("fr", "de"))(rows) == outcome
    # Two calls each, there and back, whatever the number of rows.
    assert len(made.translator.asked) == 4  # type: ignore[attr-defined]


def test_a_pair_passes_as_a_whole() -> None:
    rows = dataclasses.replace(texts("a b", "a b"), pairs=("c d", "e f"))
    outcome = trip({"a b": "a b x", "c d": "c d", "e f": "z"})(rows)
    assert outcome.places == [0]
    assert outcome.changes == [{"texts": "a b x", "pairs": "c d"}]


def test_tags_and_answers_are_found_again_or_the_row_is_dropped() -> None:
    words = (("Ana", "saw", "us"), ("Ana", "left"))
    tags = tuple(np.asarray(t, np.int32) for t in ([1, 0, 0], [1, 0]))
    rows = TaggedExamples("en", "train", ("0", "1"), words, tags)
    outcome = trip({"Ana saw us": "we saw Ana", "Ana left": "Anna left"})(rows)
    assert outcome.places == [0]
    assert outcome.counts[round_trip.NOT_FOUND] == 1
    assert outcome.changes[0]["words"] == ("we", "saw", "Ana")
    assert outcome.changes[0]["tags"].tolist() == [0, 0, 1]

    asked = QuestionExamples(
        *("en", "en", "train", ("0",)), ("who left",), ("then Ana left",), ((),)
    )
    answers = (Answer("then", 0), Answer("Ana", 5))
    asked = dataclasses.replace(asked, answers=(answers,))
    back = {"who left": "who went", "then Ana left": "so left Ana"}
    (change,) = trip(back)(asked).changes
    assert change["answers"] == (Answer("Ana", 8),)
