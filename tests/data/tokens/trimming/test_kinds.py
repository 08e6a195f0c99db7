"""What else decides how a text is cut stays, too: by hand, where it would matter."""

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from tests.data.tokens.trimming.material import EVERY, names, trained, trimmed_by
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.trim import content_of, trim


def tokens(tokenizer: Tokenizer, *texts: str) -> list[list[str]]:
    return [tokenizer.backend.encode(text).tokens for text in texts]


def test_unigram_keeps_what_an_unknown_character_costs() -> None:
    # Unknown characters cost ten more than the worst piece. With it: -25 - 10 - 1 for
    # an unknown one and `abc`, -30 for `éa` and `bc`. Without: -26 and -30.
    pieces = {"<unk>": 0.0, "abc": -1.0, "éa": -15.0, "bc": -15.0, "zzz": -25.0}
    singles = {piece: -15.0 for piece in "abcz"}
    model = models.Unigram([*pieces.items(), *singles.items()], unk_id=0)
    whole = Tokenizer(tokenizers.Tokenizer(model), 0, 0, 8)
    assert tokens(whole, "éabc") == [["éa", "bc"]]

    trimmed, kept = trimmed_by(whole, ["éabc", "abc"])
    assert tokens(trimmed, "éabc", "abc") == [["éa", "bc"], ["abc"]]
    lost = kept[kept != 4]  # without `zzz`
    assert tokens(trim(whole, lost), "éabc") == [["é", "abc"]]


def test_wordpiece_keeps_what_made_a_word_unknown() -> None:
    pieces = ["<unk>", "a", "##b", "x", "abcde", "abcd", "##ef"]
    model = models.WordPiece({p: n for n, p in enumerate(pieces)}, unk_token="<unk>")
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = Tokenizer(backend, 0, 0, 8)
    texts = ["abcdef abcd xef"]  # of the first word `abcde` fits, and then nothing
    assert tokens(whole, *texts) == [["<unk>", "abcd", "x", "##ef"]]

    trimmed, kept = trimmed_by(whole, texts)
    assert tokens(trimmed, *texts) == tokens(whole, *texts)
    lost = kept[kept != 4]  # without `abcde`
    assert tokens(trim(whole, lost), *texts)[0][:2] == ["abcd", "##ef"]


def test_wordpiece_does_not_look_at_a_word_that_is_too_long() -> None:
    model = models.WordPiece(
        {"<unk>": 0, "a": 1, "##a": 2, "aaa": 3},
        unk_token="<unk>",
        max_input_chars_per_word=4,
    )
    whole = Tokenizer(tokenizers.Tokenizer(model), 0, 0, 8)
    _, kept = trimmed_by(whole, ["aaaaa"])
    assert kept.tolist() == [0, 1, 2]


@pytest.mark.parametrize("mark", ["", "##"])
def test_bpe_keeps_the_merges_of_what_it_keeps(mark: str) -> None:
    pieces = ["a", *(f"{mark}{c}" for c in "bcd"), "ab", f"{mark}cd", "abcd", "abc"]
    merges = [("a", f"{mark}b"), (f"{mark}c", f"{mark}d"), ("ab", f"{mark}cd")]
    model = models.BPE(
        {piece: number for number, piece in enumerate(pieces)},
        [*merges, ("ab", f"{mark}c")],
        **({"continuing_subword_prefix": mark} if mark else {}),
    )
    whole = Tokenizer(tokenizers.Tokenizer(model), 0, None, 8)
    assert tokens(whole, "abcd", "abc") == [["abcd"], ["abc"]]

    trimmed, kept = trimmed_by(whole, ["abcd"])
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 6]  # its parts, though no text has them
    assert content_of(trimmed.backend)["model"]["merges"] == [list(m) for m in merges]
    assert tokens(trimmed, "abcd", "abc") == [["abcd"], ["ab", f"{mark}c"]]


def test_bpe_keeps_marks_of_the_end_of_a_word() -> None:
    pieces = ["a", "b", "a</w>", "b</w>", "ab</w>"]
    model = models.BPE(
        {piece: number for number, piece in enumerate(pieces)},
        [("a", "b</w>")],
        end_of_word_suffix="</w>",
    )
    whole = Tokenizer(tokenizers.Tokenizer(model), 0, None, 8)
    trimmed, kept = trimmed_by(whole, ["b"])
    assert kept.tolist() == [0, 1, 2, 3]
    assert tokens(trimmed, "ab", "b") == [["a", "b</w>"], ["b</w>"]]


@pytest.mark.parametrize("make", [models.Unigram, models.BPE])
def test_bytes_stay_where_they_stand_for_unknown_characters(make) -> None:
    pieces = ["<unk>", *(f"<0x{n:02X}>" for n in range(256)), "aa", "a"]
    if make is models.Unigram:
        vocabulary = [(piece, -1.0 - n) for n, piece in enumerate(pieces)]
        model = models.Unigram(vocabulary, unk_id=0, byte_fallback=True)
    else:
        vocabulary = {piece: n for n, piece in enumerate(pieces)}
        model = models.BPE(
            vocabulary, [("a", "a")], unk_token="<unk>", byte_fallback=True
        )
    whole = Tokenizer(tokenizers.Tokenizer(model), 0, 0, 8)
    trimmed, kept = trimmed_by(whole, ["a"])
    assert set(range(257)) <= set(kept.tolist())
    assert 257 not in kept
    assert tokens(trimmed, "é") == tokens(whole, "é") == [["<0xC3>", "<0xA9>"]]


@pytest.mark.parametrize("kind", EVERY)
def test_every_character_of_the_vocabulary_stays(kind: str) -> None:
    whole = trained(kind)
    _, kept = trimmed_by(whole, [])
    pieces = {whole.backend.id_to_token(int(id)) for id in kept}
    before = {"Unigram": "\u2581", "WordPiece": "##", "BPE": ""}[kind]
    singles = {p for p in whole.backend.get_vocab() if len(p.removeprefix(before)) == 1}
    assert singles <= pieces
    assert len(singles) > 100
    # Nothing else does, but five specials, and of Unigram what unknown ones cost.
    assert len(pieces - singles) <= 5 + (kind == "Unigram")


@pytest.mark.parametrize("kind", EVERY)
def test_the_most_frequent_pieces_are_those_that_stay(kind: str) -> None:
    whole, texts = trained(kind), names("fr")
    used = [id for one in whole.backend.encode_batch(list(texts)) for id in one.ids]
    _, always = trimmed_by(whole, [])
    _, some = trimmed_by(whole, texts, most=20)
    _, often = trimmed_by(whole, texts, min_count=4)
    _, every = trimmed_by(whole, texts)
    beside = [id for id in every if id not in always]
    if kind != "BPE":  # of which parts are kept besides
        assert len(some) == len(always) + 20
        least = min(used.count(id) for id in some if id not in always)
        assert least >= max(used.count(id) for id in beside if id not in some)
        assert sorted(id for id in beside if used.count(id) >= 4) == [
            id for id in often if id not in always
        ]
    assert set(always) < set(some) < set(every)
    assert set(always) < set(often) < set(every)
    assert trimmed_by(whole, texts, min_count=10**6)[1].tolist() == always.tolist()
