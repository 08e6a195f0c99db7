"""What text says of languages, against counts by hand."""

import math

import pytest

from xlnas_jax.languages.distance.texts import (
    Morphology,
    fertility_gap,
    morphology,
    subword_distance,
)


def test_the_distance_is_the_share_of_tokens_that_the_source_lacks() -> None:
    found = subword_distance([[1, 2], [3]], [[1, 9, 9], [2]])
    assert found == (0.5, 1.0)
    assert subword_distance([[1]], [[1, 1]]).value == 0.0


@pytest.mark.parametrize("pair", [([], [[1]]), ([[1]], [[]])])
def test_without_text_nothing_is_known(pair) -> None:
    assert subword_distance(*pair).confidence == 0.0


def test_words_are_counted_whatever_their_case() -> None:
    texts = ["The cat the dog", "a cat"]
    found = morphology("en", texts, [[1, 2, 3, 4, 5], [6, 7]], 100)
    assert found == Morphology(6, 7 / 6, 4 / 6, 2 / 4, 16 / 6)


def test_only_the_first_words_are_counted() -> None:
    found = morphology("en", ["a b a c"], [[1] * 8], 3)
    assert found is not None
    assert (found.num_words, found.type_token_ratio) == (3, 2 / 3)
    assert found.fertility == 2.0


@pytest.mark.parametrize("code", ["zh", "ja", "th", "my", "bo"])
def test_scripts_without_spaces_have_no_words_to_count(code: str) -> None:
    assert morphology(code, ["text"], [[1]]) is None


def test_the_gap_is_the_share_of_pieces_on_top() -> None:
    def of(fertility: float) -> Morphology:
        return Morphology(10, fertility, 0.5, 0.5, 4.0)

    assert fertility_gap(of(1.5), of(3.0)) == 0.5
    assert fertility_gap(of(2.0), of(1.0)) == 0.0
    assert math.isclose(fertility_gap(of(1.0), of(4.0)), 0.75)
    assert fertility_gap(None, of(1.0)) == 0.5
