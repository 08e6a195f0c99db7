"""Tiny pretrained encoders with a vocabulary of six languages, and data in three."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers

from tests.data.tokens.trimming.material import SPECIALS, names, trained
from tests.experiment.test_inspection import write_split
from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.model import PretrainedModel, VocabularyConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.trimming.trim import content_of
from xlnas_jax.space.shape import FROM_PADDING
from xlnas_jax.supernet.families.registry import FAMILIES, spec_of

LANGUAGES = LanguagesConfig(source="en", aux_heldout=("fr",), target=("ru",))
# Of the word table, more than the tokenizer has pieces.
SPARE_ROWS = 7
LENGTH = 24
EXACT = VocabularyConfig()
# Of families whose `config.json` says more than that of BERT, or otherwise.
MORE = {
    "distilbert": {"hidden_dim": 36},
    "modernbert": {"norm_eps": 1e-5, "local_attention": 6},
    "deberta-v2": {
        "position_buckets": 6,
        "relative_attention": True,
        "position_biased_input": False,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "pos_att_type": "p2c|c2p",
        "type_vocab_size": 0,
    },
    "eurobert": {"num_attention_heads": 4, "num_key_value_heads": 2},
}


def with_specials_last(tokenizer: Tokenizer) -> Tokenizer:
    """A Unigram tokenizer whose special pieces stand behind all others."""
    content = content_of(tokenizer.backend)
    model, first = content["model"], len(SPECIALS)
    pieces = [*model["vocab"][first:], *model["vocab"][:first]]
    place = {piece: id for id, (piece, _) in enumerate(pieces)}
    place["<mask>"] = len(pieces)
    content["model"] = {**model, "vocab": pieces, "unk_id": place["<unk>"]}
    for one in content["added_tokens"]:
        one["id"] = place[one["content"]]
    for name, one in content["post_processor"]["special_tokens"].items():
        one["ids"] = [place[name]]
    backend = tokenizers.Tokenizer.from_str(json.dumps(content))
    pad_id, unk_id = place["<pad>"], place["<unk>"]
    return dataclasses.replace(tokenizer, backend=backend, pad_id=pad_id, unk_id=unk_id)


def save_encoder(
    folder: Path, family: str, tokenizer: Tokenizer, seed: int = 0
) -> torch.nn.Module:
    """Weights that are all random, so that none can be mixed up with another."""
    torch.manual_seed(seed)
    pad_id = tokenizer.pad_id
    is_offset = spec_of(family).positions == FROM_PADDING
    sizes = {
        "vocab_size": tokenizer.vocab_size + SPARE_ROWS,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 36,
        "max_position_embeddings": LENGTH + (pad_id + 1) * is_offset,
        "type_vocab_size": 2 if family == "bert" else 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": pad_id,
        **MORE.get(family, {}),
    }
    config = transformers.AutoConfig.for_model(family, **sizes)
    kind = FAMILIES[family].classes + "ForMaskedLM"
    model = getattr(transformers, kind)(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.3)
    model.save_pretrained(folder)
    tokenizer.backend.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return model


def write_texts(folder: Path, **changes: str) -> Path:
    """Names in three languages, a tenth of them each for dev and test.

    Args:
        changes: `LANGUAGE_SPLIT="text"`: one more row there.
    """
    for code in LANGUAGES.all:
        texts = names(code)
        tenth = len(texts) // 10
        parts = {"dev": texts[:tenth], "test": texts[tenth : 2 * tenth]}
        parts["train"] = texts[2 * tenth :]
        for split, own in parts.items():
            more = [changes[f"{code}_{split}"]] if f"{code}_{split}" in changes else []
            rows = [
                (text, ("sport", "travel")[number % 2])
                for number, text in enumerate([*own, *more])
            ]
            write_split(folder / code / f"{split}.jsonl", rows)
    return folder


def trimmed_config(
    model: Path, data: Path, vocabulary: VocabularyConfig | None, **changes: Any
) -> Config:
    """A small search with such an encoder on such data."""
    given: dict[str, Any] = {
        "languages": LANGUAGES,
        "data": TableData(path=f"{data}/{{language}}/{{split}}.jsonl"),
        "model": PretrainedModel(path=str(model), vocabulary=vocabulary),
        "space": SpaceConfig(heads=(1, 3), ffn=(12, 36), pooling=("mean",)),
    }
    return tiny_config(**{**given, **changes})


def make(
    folder: Path,
    kind: str = "Unigram",
    vocabulary: VocabularyConfig | None = EXACT,
    family: str | None = None,
    **changes: Any,
) -> Config:
    """Model, data and configuration, in a folder."""
    family = family or ("bert" if kind == "WordPiece" else "xlm-roberta")
    save_encoder(folder / "model", family, trained(kind))
    write_texts(folder / "data")
    return trimmed_config(folder / "model", folder / "data", vocabulary, **changes)


def padded(rows: list[list[int]], fill: int) -> np.ndarray:
    array = np.full((len(rows), LENGTH), fill, np.int32)
    for number, row in enumerate(rows):
        array[number, : len(row)] = row
    return array
