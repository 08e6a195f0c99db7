"""What trimming costs is counted right: by hand, and on real text."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from tests.data.tokens.trimming.material import trimmed_by
from xlnas_jax.data.tokens.tokenizer import Tokenizer, load_tokenizer
from xlnas_jax.data.tokens.trimming.compare import compare
from xlnas_jax.data.tokens.trimming.trim import trim


def test_tokens_and_unknown_ones_are_counted_by_hand() -> None:
    pieces = ["<unk>", "a", "##b", "ab", "c", "cd"]
    model = models.WordPiece({p: n for n, p in enumerate(pieces)}, unk_token="<unk>")
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = Tokenizer(backend, 0, 0, 8)
    kept = np.array([0, 1, 2, 4])  # without `ab` and `cd`
    trimmed = trim(whole, kept)
    # Before: ab c; cd; ? a. After: a ##b c; ?; ? a.
    found, others = compare(whole, trimmed, kept, ["ab c", "cd", "x a"])
    assert (found.num_texts, found.num_others, others) == (3, 2, (0, 1))
    assert (found.before, found.after) == (5, 6)
    assert (found.unknown_before, found.unknown_after) == (1, 2)
    assert found.growth == pytest.approx(6 / 5 - 1)
    assert found.unknown_rates == pytest.approx((1 / 5, 2 / 6))
    nothing, _ = compare(whole, trimmed, kept, [])
    assert (nothing.growth, nothing.unknown_rates) == (0.0, (0.0, 0.0))


def sib200(folder: Path, splits: tuple[str, ...], *languages: str) -> list[str]:
    """Texts of all languages, or of those."""
    found = []
    for path in sorted(folder.glob("*_*")):
        if not languages or path.name in languages:
            for split in splits:
                with (path / f"{split}.tsv").open(encoding="utf-8") as file:
                    rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                    found += [row["text"] for row in rows]
    return found


def assert_covered(whole: Tokenizer, texts: list[str], most_kept: float) -> None:
    trimmed, kept = trimmed_by(whole, texts)
    assert len(kept) <= most_kept * whole.vocab_size
    for old, new in zip(
        whole.backend.encode_batch(texts),
        trimmed.backend.encode_batch(texts),
        strict=True,
    ):
        assert new.tokens == old.tokens
        assert kept[new.ids].tolist() == old.ids
    assert compare(whole, trimmed, kept, texts)[1] == ()


MODELS = pytest.mark.parametrize("model", ["mini-multilingual", "minilm"])


@pytest.fixture
def published(model: str, request: pytest.FixtureRequest, shared: Path) -> Tokenizer:
    """Unigram, or WordPiece, to which most of these scripts are unknown."""
    is_bert = model == "minilm"
    folder = request.getfixturevalue(model) if is_bert else shared / "models" / model
    return load_tokenizer(folder, 64)


@MODELS
def test_covered_texts_of_three_scripts_have_their_tokens(
    shared: Path, published: Tokenizer
) -> None:
    codes = "fra_Latn", "rus_Cyrl", "amh_Ethi"
    texts = sib200(shared / "data/sib200", ("dev", "test"), *codes)
    assert_covered(published, texts, 0.7)


@MODELS
@pytest.mark.slow
def test_covered_texts_of_all_languages_have_their_tokens(
    shared: Path, published: Tokenizer
) -> None:
    texts = sib200(shared / "data/sib200", ("train", "dev", "test"))
    assert len(texts) > 80_000
    assert_covered(published, texts, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("languages", [(), ("eng_Latn", "swh_Latn", "mya_Mymr")])
def test_covered_texts_have_the_tokens_of_a_real_encoder(
    shared: Path, languages: tuple[str, ...]
) -> None:
    folder = os.environ.get("XLNAS_E5", "")
    if not folder:
        pytest.skip("XLNAS_E5 names no folder of multilingual-e5-small")
    whole = load_tokenizer(folder, 64)
    splits = ("train", "dev", "test")
    texts = sib200(shared / "data/sib200", splits, *languages)
    assert_covered(whole, texts, 0.2 if languages else 0.7)
