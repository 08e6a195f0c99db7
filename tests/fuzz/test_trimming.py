"""Any tokenizer is trimmed so that covered text is cut as before, or refused."""

import json
from typing import Any

import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers, processors

from tests.data.tokens.trimming.material import EVERY, trimmed_by
from tests.fuzz.contract import Tally, generated
from tests.fuzz.test_configs import changed, places
from xlnas_jax.data.tokens.published import speaking, unknown_id
from xlnas_jax.data.tokens.tokenizer import Tokenizer, require_ids_within
from xlnas_jax.data.tokens.trimming.trim import content_of

ROWS = 24
SPECIALS = ["<s>", "</s>", "<pad>", "<unk>"]
TEXTS = st.lists(st.text(st.sampled_from("abcé ▁#<"), max_size=9), max_size=4)


def small(kind: str) -> dict[str, Any]:
    """A tokenizer of a dozen pieces, as its file has it."""
    mark = "##" if kind == "WordPiece" else ""
    pieces = [*SPECIALS, "a", *(f"{mark}{c}" for c in "bc"), "ab", "abc", f"{mark}bc"]
    vocabulary = {piece: id for id, piece in enumerate(pieces)}
    if kind == "Unigram":
        scores = [(piece, -float(id)) for piece, id in vocabulary.items()]
        made = tokenizers.Tokenizer(models.Unigram([*scores, ("▁", -2.0)], unk_id=3))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    elif kind == "WordPiece":
        made = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
    else:
        merges = [("a", "b"), ("ab", "c"), ("b", "c")]
        made = tokenizers.Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    made.add_special_tokens([*SPECIALS, "<mask>"])
    made.post_processor = processors.BertProcessing(("</s>", 1), ("<s>", 0))
    return content_of(made)


SMALL = {kind: small(kind) for kind in EVERY}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, ROWS),
    st.floats(-9, 9),
    st.sampled_from(["a", "b", "ab", "<s>", "é", "", "x", "##c", "▁a", "<unk>"]),
)


def read(content: Any) -> Tokenizer:
    with speaking("here", "be read"):
        backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    found = Tokenizer(backend, pad_id=2, unk_id=unknown_id(backend), max_length=16)
    require_ids_within(found, ROWS, 2, "here")
    return found


@generated(quick=250, long=6_000)
@given(kind=st.sampled_from(EVERY), texts=TEXTS, data=st.data())
def test_a_changed_tokenizer_is_trimmed_or_refused(
    tally: Tally, kind: str, texts: list[str], data: st.DataObject
) -> None:
    content: Any = SMALL[kind]
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(places(content)))
        how = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        content = changed(content, path, data.draw(VALUES), how)
    whole = tally.holds(lambda: read(content))
    if whole is None:
        return
    found = tally.holds(lambda: trimmed_by(whole, texts))
    if found is None:
        return
    trimmed, kept = found
    before = tally.holds(lambda: whole.encode(texts))
    if before is not None:
        after = trimmed.encode(texts)
        assert [kept[one.ids].tolist() for one in after] == [one.ids for one in before]
