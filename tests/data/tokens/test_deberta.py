"""Tokenizers of DeBERTa give what `transformers` gives, in any script.

Its class puts together anew what `tokenizer.json` has before the pieces, as its
settings say; so a file of an older version is read otherwise than it was written.
"""

import json
from pathlib import Path

import pytest
import tokenizers
import transformers
from tokenizers import models, pre_tokenizers, trainers

from tests.data.tokens.test_byte_pairs import SCRIPTS
from tests.data.tokens.trimming.material import names
from xlnas_jax.data.tokens.published import masking_id, require_agreement
from xlnas_jax.data.tokens.tokenizer import load_tokenizer

SPECIALS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
HARD = ["", " a  b ", "a\nb\t c", "étude", "ﬁne ½, ＡＢ，c", "a\u00a0b", "[MASK] a-b"]
OLDER = [
    {"type": "Strip", "strip_left": True, "strip_right": True},
    {"type": "NFKC"},
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
]


@pytest.fixture(scope="module")
def pieces() -> list[tuple[str, float]]:
    """Trained on names in three languages; of others there are characters at most."""
    found = tokenizers.Tokenizer(models.Unigram())
    found.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=600,
        special_tokens=SPECIALS,
        unk_token="[UNK]",
        show_progress=False,
    )
    found.train_from_iterator(names("en", "fr", "ru"), trainer)
    return [(p, score) for p, score in json.loads(found.to_str())["model"]["vocab"]]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": True},
        {"split_by_punct": True},
        {"add_prefix_space": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_older", [False, True])
def test_ids_are_those_of_transformers_in_twenty_scripts(
    pieces, settings, is_older, tmp_path: Path
) -> None:
    made = transformers.DebertaV2Tokenizer(vocab=pieces, unk_id=3, **settings)
    made.save_pretrained(tmp_path)
    if is_older:
        content = json.loads((tmp_path / "tokenizer.json").read_text())
        content["normalizer"] = {"type": "Sequence", "normalizers": OLDER}
        (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    texts = [one for code in SCRIPTS for one in names(code)[:10]] + HARD
    ours = load_tokenizer(str(tmp_path), 4096)
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    assert isinstance(theirs, transformers.DebertaV2Tokenizer) and len(texts) > 200
    assert [one.ids for one in ours.encode(texts)] == theirs(texts)["input_ids"]
    require_agreement(ours.backend, tmp_path, texts[:50])
    assert (ours.pad_id, ours.unk_id) == (0, 3)
    # It stands behind all pieces.
    assert masking_id(tmp_path, ours.backend) == len(pieces) == theirs.mask_token_id
