"""Published tokenizers read texts as `transformers` does, or are refused."""

import json
from pathlib import Path

import pytest
import tokenizers
import transformers
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from xlnas_jax.data.tokens.published import require_agreement
from xlnas_jax.data.tokens.tokenizer import load_tokenizer
from xlnas_jax.types import ConfigError

WORDS = ["The", "Café", "of", "Hà", "Nội", "中文", "unbelievable"]
LETTERS = sorted({c for word in WORDS for c in word + word.lower()} | set("cafehanoi"))


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    """A BERT tokenizer whose pipeline lowers case, without a word of settings."""
    pieces = [*LETTERS, *(f"##{c}" for c in LETTERS), *WORDS]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {piece: i for i, piece in enumerate([*specials, *pieces])}
    backend = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"model_type": "bert", "pad_token_id": 0}')
    return tmp_path


@pytest.mark.parametrize(
    "settings",
    [
        {"do_lower_case": False},
        {"do_lower_case": True},
        {"do_lower_case": True, "strip_accents": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": False, "tokenize_chinese_chars": False},
    ],
    ids=str,
)
def test_settings_that_contradict_the_pipeline_are_as_transformers_has_them(
    bert: Path, settings: dict[str, bool]
) -> None:
    content = {"tokenizer_class": "BertTokenizer", "pad_token": "[PAD]", **settings}
    (bert / "tokenizer_config.json").write_text(json.dumps(content))
    ours = load_tokenizer(bert, 32)
    theirs = transformers.AutoTokenizer.from_pretrained(str(bert))
    text = " ".join(WORDS)
    assert ours.encode([text])[0].ids == theirs(text)["input_ids"]
    require_agreement(ours.backend, bert, [text])


def test_the_first_text_that_is_read_otherwise_is_named(bert: Path) -> None:
    content = {"tokenizer_class": "BertTokenizer", "pad_token": "[PAD]"}
    (bert / "tokenizer_config.json").write_text(json.dumps(content))
    other = load_tokenizer(bert, 32).backend
    other.normalizer = normalizers.Replace("o", "a")
    with pytest.raises(ConfigError, match=r"of 'of' it gives .*'a'.*`transformers` "):
        require_agreement(other, bert, ["caf", "of", "Nội"])


def test_words_of_a_byte_level_tokenizer_have_the_space_before_them(
    tmp_path: Path,
) -> None:
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=specials)
    backend.train_from_iterator(["the town is big and the sea is deep"] * 9, trainer)
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"pad_token_id": 1}')
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>"
    )
    ours, words = load_tokenizer(tmp_path, 32), ["the", "sea", "is", "big"]
    plain = theirs("the sea is big")["input_ids"]
    spaced = theirs(" the sea is big")["input_ids"]
    ((encoding,), (places,)) = ours.encode_words([words])
    assert encoding.ids == spaced != plain
    assert places[0] == 1
    # A text has its spaces, and is left as it is; so is what is saved.
    assert ours.encode(["the sea is big"])[0].ids == plain
    assert '"add_prefix_space": false' in ours.to_text()
