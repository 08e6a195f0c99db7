"""Byte-pair tokenizers of newer encoders give what `transformers` gives, in any script.

Of three kinds: on bytes, split by spaces (ModernBERT); on bytes, split by a pattern and
whole words first (EuroBERT); on characters, with bytes for those that are not known
(mmBERT).
"""

import json
from pathlib import Path

import pytest
import tokenizers
import transformers
from tokenizers import (
    Regex,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tests.data.tokens.trimming.material import names
from xlnas_jax.data.tokens.published import require_agreement
from xlnas_jax.data.tokens.tokenizer import load_tokenizer

SCRIPTS = (
    *("en", "ru", "el", "hi", "ar", "he", "th", "ka", "hy", "am", "zh", "ja", "ko"),
    *("bn", "ta", "te", "km", "my", "lo", "si", "gu"),
)
SPECIALS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
BYTES = [f"<0x{number:02X}>" for number in range(256)]
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+|[^\s]"
KINDS = ["bytes", "pattern", "fallback"]


def made(kind: str) -> tokenizers.Tokenizer:
    """Trained on names in three languages; all others are taken apart."""
    if kind == "fallback":
        found = tokenizers.Tokenizer(
            models.BPE(unk_token="[UNK]", fuse_unk=True, byte_fallback=True)
        )
        found.normalizer = normalizers.Replace(" ", "▁")
        found.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_previous")
        alphabet, special = [], [*SPECIALS, *BYTES]
    else:
        found = tokenizers.Tokenizer(models.BPE(ignore_merges=kind == "pattern"))
        first = pre_tokenizers.Split(Regex(PATTERN), "isolated")
        whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        found.normalizer = normalizers.NFC()
        found.pre_tokenizer = (
            pre_tokenizers.Sequence([first, whole])
            if kind == "pattern"
            else pre_tokenizers.ByteLevel(add_prefix_space=False)
        )
        found.decoder = decoders.ByteLevel()
        alphabet, special = pre_tokenizers.ByteLevel.alphabet(), SPECIALS
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    found.train_from_iterator(names("en", "fr", "ru"), trainer)
    found.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_transformers_in_twenty_scripts(kind, tmp_path: Path) -> None:
    made(kind).save(str(tmp_path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    texts = [one for code in SCRIPTS for one in names(code)[:20]]
    texts += ["", " a  b ", "e\u0301tude", "100000 + 7 = ?", "🙂 [MASK] <0x41>"]
    assert len(texts) > 300
    ours = load_tokenizer(str(tmp_path), 4096)
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    assert [one.ids for one in ours.encode(texts)] == theirs(texts)["input_ids"]
    require_agreement(ours.backend, tmp_path, texts[:50])
    # What no merge knows is spelt in bytes, not lost.
    assert all(3 not in one.ids for one in ours.encode(texts))
