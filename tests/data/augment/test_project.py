"""Entities and answers in another wording: found as they were, or not at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlnas_jax.data.augment.project import project_answers, project_tags
from xlnas_jax.data.examples import Answer

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
WORDS = ("Ana", "of", "Rio", "Negro", "saw", "Bo")
TAGS = [1, 0, 3, 4, 0, 1]


def test_entities_are_found_wherever_they_stand() -> None:
    other = "Bo was seen by Ana, from Rio Negro."
    words, tags = project_tags(WORDS, TAGS, other, LABELS) or ((), [])
    assert words == (
        *("Bo", "was", "seen", "by", "Ana", ",", "from", "Rio", "Negro", "."),
    )
    assert tags == [1, 0, 0, 0, 1, 0, 0, 3, 4, 0]


@pytest.mark.parametrize(
    "other",
    [
        "Bo was seen by Ana from Black River.",  # one is gone
        "Bo saw Ana, and Ana saw Rio Negro.",  # one stands twice
        "Bo saw Anas of Rio Negro",  # within another word
        "",
    ],
)
def test_what_is_not_found_for_sure_is_not_guessed(other: str) -> None:
    assert project_tags(WORDS, TAGS, other, LABELS) is None


def test_an_entity_within_another_is_not_found_there() -> None:
    words, tags = ("New", "York", "and", "York"), [3, 4, 0, 3]
    assert project_tags(words, tags, "York and New York", LABELS) is None
    found = project_tags(words, tags, "New York or York", LABELS)
    assert found == (("New", "York", "or", "York"), tags)


def test_several_occurrences_are_told_by_their_order() -> None:
    text, other = "a bus, a car, a bus", "the bus, the car and a bus"
    answers = (Answer("bus", 16), Answer("car", 9), Answer("a car", 7))
    assert project_answers(text, other, answers) == (
        Answer("bus", other.rindex("bus")),
        Answer("car", other.index("car")),
    )


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(["ab", "b", "c.", "ab-b", "é"]), min_size=1),
    st.lists(st.sampled_from(["ab", "b", "c.", "x", "é"])),
    st.tuples(st.integers(0, 9), st.integers(1, 6)),
)
def test_a_projected_answer_is_the_text_that_stands_there(own, other, span) -> None:
    text, wording = " ".join(own), " ".join(other)
    start = span[0] % len(text)
    answer = Answer(text[start : start + span[1]], start)
    for found in project_answers(text, wording, (answer,)):
        assert found.text == answer.text
        assert wording[found.start : found.start + len(found.text)] == found.text
