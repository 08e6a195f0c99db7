"""Any text is read as `transformers` reads it, by the same model's tokenizer."""

import functools
from pathlib import Path

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.contract import Tally, generated
from xlnas_jax.data.tokens.tokenizer import Tokenizer, load_tokenizer

MAX_LENGTH = 24
# Of scripts that tokenizers treat in ways of their own.
SCRIPTS = (
    (0x20, 0x7E),  # Latin
    (0xC0, 0x24F),  # Latin with accents
    (0x300, 0x36F),  # accents alone
    (0x370, 0x3FF),  # Greek
    (0x400, 0x4FF),  # Cyrillic
    (0x590, 0x6FF),  # Hebrew, Arabic
    (0x900, 0xDFF),  # of India
    (0xE00, 0xEFF),  # Thai, Lao
    (0x1200, 0x137F),  # Ethiopic
    (0x1E00, 0x1EFF),  # Vietnamese
    (0x2000, 0x206F),  # spaces, marks of direction
    (0x3040, 0x30FF),  # kana
    (0x4E00, 0x9FFF),  # Chinese
    (0xAC00, 0xD7A3),  # Korean
    (0xFE00, 0xFFFD),  # variants, full width, the replacement character
    (0x1F300, 0x1FAFF),  # emoji
    (0x0, 0x1F),  # control characters
    (0x80, 0xA0),  # others of them
)
PIECES = (
    "<s>", "</s>", "<pad>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[UNK]",
    "[MASK]", "##s", "\u2581", " ", "  ", "\t", "\r\n", "\u00a0", "\u3000", "\ufeff",
    "don't", "U.S.A.", "1,234.5", "http://a.b/c?d=e", "\U0001f468\u200d\U0001f469",
    "\U0001f1eb\U0001f1f7", "e\u0301", "\u212b", "\ufb01", "x" * 120,
)  # fmt: skip


def runs() -> st.SearchStrategy[str]:
    """A few characters of one script, or something of its own kind."""
    scripts = [st.characters(min_codepoint=a, max_codepoint=b) for a, b in SCRIPTS]
    texts = [st.text(script, min_size=1, max_size=6) for script in scripts]
    return st.one_of(*texts, st.sampled_from(PIECES))


def texts() -> st.SearchStrategy[str]:
    """Runs with and without spaces between; now and then very many."""
    short = st.lists(runs(), max_size=6)
    pieces = st.one_of(short, short, st.lists(runs(), max_size=6).map(lambda r: r * 99))
    return st.tuples(st.sampled_from(["", " "]), pieces).map(
        lambda p: p[0].join(p[1])[:16_000]
    )


@functools.cache
def both(folder: Path) -> tuple[Tokenizer, transformers.PreTrainedTokenizerFast]:
    ours = load_tokenizer(folder, MAX_LENGTH)
    return ours, transformers.AutoTokenizer.from_pretrained(str(folder))


@pytest.fixture(params=["mini-multilingual", "minilm"])
def folder(request: pytest.FixtureRequest) -> Path:
    """A model of either kind: SentencePiece, and WordPiece that lowers case."""
    if request.param == "minilm":
        return request.getfixturevalue("minilm")
    return request.getfixturevalue("shared") / "models" / request.param


# Characters of either of a pair. The library keeps what it cuts off of both, each part
# with each: of two that are much longer it would take all memory.
MOST_OF_PAIR = 1_000
LIMITS = {"truncation": True, "max_length": MAX_LENGTH}


@generated(40, 2500)
@given(text=texts(), pair=texts())
def test_texts_and_pairs_have_the_same_ids(
    folder: Path, tally: Tally, text: str, pair: str
) -> None:
    ours, theirs = both(folder)
    found = tally.holds(lambda: ours.encode([text]))
    assert found is not None
    assert found[0].ids == theirs(text, **LIMITS)["input_ids"]
    assert tally.holds(lambda: ours.encode([text], [pair])) is not None
    text, pair = text[:MOST_OF_PAIR], pair[:MOST_OF_PAIR]
    found = tally.holds(lambda: ours.encode([text], [pair]))
    assert found is not None
    expected = theirs([text], [pair], return_token_type_ids=True, **LIMITS)
    assert [found[0].ids] == expected["input_ids"]
    assert [found[0].segments] == expected["token_type_ids"]


@generated(40, 2500)
@given(words=st.lists(runs(), max_size=40))
def test_words_have_the_same_ids_and_places(
    folder: Path, tally: Tally, words: list[str]
) -> None:
    ours, theirs = both(folder)
    found = tally.holds(lambda: ours.encode_words([words]))
    assert found is not None
    expected = theirs([words], is_split_into_words=True, **LIMITS)
    ((encoding,), (places,)) = found
    assert encoding.ids == expected["input_ids"][0]
    of_token = expected.word_ids(0)
    first = [of_token.index(n) if n in of_token else -1 for n in range(len(words))]
    assert places.tolist() == first
