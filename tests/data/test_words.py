"""Words of texts in many scripts, and texts with others in their place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlnas_jax.data.words import moved, replaced, tokens_of, words_of


@pytest.mark.parametrize(
    ("text", "words", "unspaced"),
    [
        ("It's a well-known 3rd way.", ["It's", "a", "well", "known", "rd", "way"], 0),
        ("Η 'γλώσσα' μου", ["Η", "γλώσσα", "μου"], 0),
        ("यह भाषा है।", ["यह", "भाषा", "है"], 0),  # vowel signs are marks
        ("می\u200cخواهم", ["می\u200cخواهم"], 0),
        ("我喜欢 Python，你呢", ["Python"], 2),
        ("ภาษาไทย ok", ["ok"], 1),
        ("", [], 0),
        ("12 - 3.", [], 0),
    ],
)
def test_words_are_letters_with_their_marks(text, words, unspaced) -> None:
    found = words_of(text)
    assert [text[a:b] for a, b in found.spans] == words
    assert found.unspaced == unspaced


def test_tokens_are_all_but_white_space() -> None:
    text = "The U.S. (of 1,000)  भाषा!"
    assert "".join(tokens_of(text)) == "".join(text.split())
    assert tokens_of(text)[-2:] == ["भाषा", "!"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text("ab ", max_size=4), st.text("XY", max_size=3))))
def test_places_outside_what_is_replaced_move_with_the_text(parts) -> None:
    """Kept and replaced parts in turn: what is kept is found where it went."""
    text, changes, kept = "", [], []
    for own, other in parts:
        kept.append((len(text), len(text) + len(own)))
        text += own
        changes.append(((len(text), len(text) + 1), other))
        text += "#"
    new = replaced(text, changes)
    assert new == "".join(own + other for own, other in parts)
    for (start, end), (own, _) in zip(kept, parts, strict=True):
        assert new[moved(start, changes) : moved(end, changes)] == own
