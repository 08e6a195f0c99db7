"""New pieces behind old ones: old ids stay, texts of the language get shorter."""

import numpy as np
import pytest
from tokenizers import processors

from tests.data.tokens.trimming.material import SPECIALS, names, trained
from xlnas_jax.data.tokens.extending import (
    KINDS,
    extend,
    new_pieces,
    parts_of,
    with_pieces,
)
from xlnas_jax.types import ConfigError, DataError

# Of a script that none of the tokenizers has.
NEW = names("ka")


@pytest.fixture(scope="module", params=KINDS)
def both(request):
    old = trained(request.param)
    return old, extend(old, NEW, 300)


def tokens_of(tokenizer, texts) -> list[list[str]]:
    encoded = tokenizer.backend.encode_batch(list(texts))
    return [one.tokens for one in encoded]


def test_old_pieces_keep_their_ids_and_new_ones_follow(both) -> None:
    old, new = both
    before = old.backend.get_vocab(with_added_tokens=True)
    after = new.tokenizer.backend.get_vocab(with_added_tokens=True)
    assert before.items() <= after.items()
    assert len(new.pieces) > 50
    assert {after[piece] for piece in new.pieces} == {
        *range(len(before), len(after)),
    }
    assert [after[piece] - new.first for piece in new.pieces] == [
        *range(len(new.pieces))
    ]
    assert new.tokenizer.backend.encode("<mask>").ids[1] == before["<mask>"]
    for special in SPECIALS:
        assert after[special] == before[special]


def test_text_of_the_language_is_told_in_fewer_pieces_and_none_is_unknown(both) -> None:
    old, new = both
    before = old.backend.encode_batch(list(NEW))
    after = new.tokenizer.backend.encode_batch(list(NEW))
    assert all(old.unk_id in one.ids for one in before)
    unknown = np.mean([new.tokenizer.unk_id in one.ids for one in after])
    assert unknown < 0.05
    characters = sum(map(len, NEW))
    assert sum(len(one.ids) for one in after) < 0.6 * characters
    used = {token for one in after for token in one.tokens}
    longer = {piece for piece in new.pieces if len(piece.strip("▁#")) > 1}
    assert len(longer) > 30
    assert longer <= used


def test_other_words_of_the_language_are_known_by_their_characters(both) -> None:
    known = {c for text in NEW for c in text if c.isalpha()}
    word = "".join(sorted(known))[:40]
    _, new = both
    ids = new.tokenizer.backend.encode(f"{word} {word[::-1]}").ids
    assert new.tokenizer.unk_id not in ids


def test_words_of_other_scripts_are_cut_as_before(both) -> None:
    """Marks between words may stand in new pieces, too."""
    old, new = both
    texts = [w for one in names("fr", "ru", "hi") for w in one.split() if w.isalpha()]
    assert tokens_of(new.tokenizer, texts) == tokens_of(old, texts)


def test_parts_are_what_stood_in_the_place_of_a_piece() -> None:
    for kind, prefix in zip(KINDS, ("▁", ""), strict=True):
        old = trained(kind)
        words = [word for text in names("it") for word in text.split()[:1]]
        words = [word.strip(",").lower() for word in words if word.isascii()]
        found = parts_of(old, [prefix + word for word in words])
        old.backend.post_processor = processors.TemplateProcessing(single="$A")
        for word, ids in zip(words, found, strict=True):
            wanted = old.backend.encode(word).ids
            assert ids == [id for id in wanted if id != old.unk_id]


def test_parts_of_what_stands_within_a_word_stand_within_words() -> None:
    old = trained("WordPiece")
    (ids,) = parts_of(old, ["##land"])
    tokens = [old.backend.id_to_token(id) for id in ids]
    assert all(token.startswith("##") for token in tokens)
    assert "".join(token.removeprefix("##") for token in tokens) == "land"


def test_new_pieces_are_no_cheaper_than_the_worst_of_before() -> None:
    """By which unknown characters are priced."""
    old = trained("Unigram")
    made = with_pieces(old, [("▁ზზზ", -1e6)]).tokenizer
    strange = ["日本", "abc 日"]
    assert tokens_of(made, strange) == tokens_of(old, strange)


def test_pieces_that_are_there_are_not_new() -> None:
    old = trained("Unigram")
    known = old.backend.get_vocab()
    found = dict(new_pieces(old.backend, names("en"), 100))
    assert not found.keys() & known.keys()


def test_where_nothing_is_to_be_added_it_says_so() -> None:
    old = trained("Unigram")
    known = [p[1:] for p in old.backend.get_vocab() if p[0] == "▁" and len(p) == 2]
    texts = [" ".join(sorted(known)[:4])] * 9
    with pytest.raises(DataError, match="must use pieces that the tokenizer does not"):
        extend(old, texts, 16)


def test_merged_pieces_cannot_be_added_to() -> None:
    with pytest.raises(ConfigError, match="kind Unigram or WordPiece"):
        extend(trained("BPE"), NEW, 100)
