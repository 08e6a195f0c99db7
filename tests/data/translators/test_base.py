"""A translator gives one translation for each text, or is named as one that fails."""

from typing import Any

import pytest

from xlnas_jax.data.translators.base import Named
from xlnas_jax.types import DataError


class Fixed:
    """Says the same whatever it is asked."""

    def __init__(self, said: Any) -> None:
        self.said = said

    def translate(self, texts, source, target):
        return self.said

    def words(self, words, source, target):
        return self.said


@pytest.mark.parametrize("said", [[], ["un"], ["un", "deux", "trois"]], ids=len)
def test_another_number_of_translations_is_refused_by_name(said) -> None:
    named = Named("train.augment[2].translator", "file x.tsv", Fixed(said))
    expected = r"train\.augment\[2\]\.translator: file x\.tsv must give one text.*2 "
    with pytest.raises(DataError, match=expected + r"given.*English \(en\).*French"):
        named.translate(["one", "two"], "en", "fr")
    if len(said) != 2:
        with pytest.raises(DataError, match="one list of words for each of 2"):
            named.words(["one", "two"], "en", "fr")


def test_nothing_at_all_is_refused_as_well() -> None:
    named = Named("here", "silence", Fixed(None))
    with pytest.raises(DataError, match=r"silence must give.*got None"):
        named.translate(["one"], "en", "fr")


def test_an_empty_translation_is_none_and_few_texts_are_given_at_once() -> None:
    asked = []

    class Counted(Fixed):
        def translate(self, texts, source, target):
            asked.append(list(texts))
            return [text.strip("x") for text in texts]

    named = Named("here", "it", Counted(None), most=2)
    assert named.translate(["a", "x", "b"], "en", "fr") == ["a", None, "b"]
    assert asked == [["a", "x"], ["b"]]


def test_licences_are_said_and_unknown_ones_too() -> None:
    known = Named("w", "net", Fixed([]), lambda a, b: {"fr": "mit"}.get(b, ""))
    assert known.by("en", ("fr", "de")) == "net (licence: mit)"
    assert known.by("en", ("de",)) == "net (licence: unknown)"
