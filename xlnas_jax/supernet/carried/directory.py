"""An encoder written in Hugging Face's format, so that any library reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tokenizers
from safetensors.numpy import save_file
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from xlnas_jax.supernet.carried.cursor import refused
from xlnas_jax.supernet.carried.e5s1 import Contents, axes_of
from xlnas_jax.supernet.names import CONFIG, WEIGHTS
from xlnas_jax.types import brief

_TOKENIZER, _SETTINGS = "tokenizer.json", "tokenizer_config.json"
# What BERT calls what a file of the format calls `emb.word`, `l0.q` ...
_EMBEDDINGS = {
    "word": "word_embeddings",
    "pos": "position_embeddings",
    "type": "token_type_embeddings",
    "ln": "LayerNorm",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PIECES, _MASK = ("<s>", "</s>", "<pad>", "<unk>"), "<mask>"
# NFKC changes it, and the normalisation of SentencePiece does not; nothing else has
# the other one, which is no character.
_TILDE, _KEPT = "\uff5e", "\ufdd0"


def write_model(contents: Contents, folder: Path) -> None:
    """Write configuration, weights and tokenizer into a folder that is there.

    Raises:
        CheckpointError: the contents make no encoder.
        OSError: they cannot be written.
    """
    tokenizer = make_tokenizer(contents)
    tensors = {theirs: contents.tensor(ours) for ours, theirs in _names(contents)}
    save_file(tensors, str(folder / WEIGHTS), {"format": "pt"})
    (folder / _TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    for name, content in ((CONFIG, _config(contents)), (_SETTINGS, _settings())):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def make_tokenizer(contents: Contents) -> tokenizers.Tokenizer:
    """XLM-R's pipeline: characters normalised, then words cut into Unigram pieces.

    Raises:
        CheckpointError: the vocabulary is of another kind.
    """
    special = contents.special
    named = tuple(contents.pieces[number][0] for number in special)
    if named != _PIECES or not any(piece == _MASK for piece, _ in contents.pieces):
        must = f"special tokens must be {_PIECES} and {_MASK}; got {brief(named)}"
        raise refused(contents.where, must)
    found = tokenizers.Tokenizer(models.Unigram(contents.pieces, special.unknown))
    found.normalizer = _normalizer(contents)
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    found.decoder = decoders.Metaspace()
    # The space before a mask is part of it.
    mask = tokenizers.AddedToken(_MASK, lstrip=True, special=True)
    found.add_special_tokens([*_PIECES, mask])
    begin, end = _PIECES[:2]
    found.post_processor = processors.TemplateProcessing(
        single=[begin, "$A", end],
        pair=[begin, "$A", end, end, "$B", end],
        special_tokens=[(begin, special.begin), (end, special.end)],
    )
    return found


def _normalizer(contents: Contents) -> normalizers.Normalizer:
    """What makes of characters what the file says that becomes of them.

    Raises:
        CheckpointError: the file says otherwise of one.
    """
    found = normalizers.Sequence(
        [
            normalizers.Replace(_TILDE, _KEPT),
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(_KEPT, _TILDE),
        ]
    )
    for character, text in contents.characters.items():
        ours = found.normalize_str(character)
        if ours != text:
            must = f"{brief(character)} must become {brief(ours)}, as in XLM-R"
            raise refused(contents.where, f"{must}; got {brief(text)}")
    return found


def _names(contents: Contents) -> Iterator[tuple[str, str]]:
    """Every tensor's name in the file, and in BERT."""
    for name, _ in axes_of(contents.sizes.layers):
        room, *inner = name.split(".")
        end = "bias" if inner[-1] == "b" else "weight"
        if room == "emb":
            yield name, f"embeddings.{_EMBEDDINGS[inner[0]]}.{end}"
        else:
            layer = room.removeprefix("l")
            yield name, f"encoder.layer.{layer}.{_LAYER[inner[0]]}.{end}"


def _config(contents: Contents) -> dict[str, Any]:
    sizes, special = contents.sizes, contents.special
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.ffn,
        "vocab_size": sizes.vocabulary,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.types,
        "layer_norm_eps": sizes.epsilon,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "pad_token_id": special.padding,
        "position_embedding_type": "absolute",
    }


def _settings() -> dict[str, Any]:
    """What `transformers` must know of the tokenizer."""
    begin, end, padding, unknown = _PIECES
    return {
        # Others of `transformers` would replace the normaliser by none.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "bos_token": begin,
        "cls_token": begin,
        "eos_token": end,
        "sep_token": end,
        "pad_token": padding,
        "unk_token": unknown,
        "mask_token": _MASK,
    }
