"""What is written is read by `transformers` as by us, and holds what was packed."""

from pathlib import Path

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from safetensors.numpy import load_file

from tests.carried import CHARACTERS, PIECES, SIZES, VOCABULARY, make_file
from xlnas_jax.data.tokens.published import require_agreement
from xlnas_jax.data.tokens.tokenizer import load_tokenizer
from xlnas_jax.supernet.carried.directory import make_tokenizer, write_model
from xlnas_jax.supernet.carried.e5s1 import read
from xlnas_jax.supernet.pretrained import load_encoder, read_shape
from xlnas_jax.types import CheckpointError

TEXTS = ("query: the abc", " a  the\t", "\u2460\uff21", "1\uff5e1", "e\u0301", "<mask>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("model")
    write_model(read(make_file()[0], "here"), found)
    return found


def test_tensors_have_the_names_and_numbers_of_the_packed_ones(folder: Path) -> None:
    _, packed = make_file()
    stored = load_file(folder / "model.safetensors")
    expected = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.0.attention.self.key.weight": "l0.k.w",
        "encoder.layer.0.attention.output.dense.bias": "l0.ao.b",
        "encoder.layer.1.attention.output.LayerNorm.weight": "l1.aln.w",
        "encoder.layer.1.intermediate.dense.weight": "l1.fi.w",
        "encoder.layer.1.output.dense.weight": "l1.fo.w",
        "encoder.layer.1.output.LayerNorm.bias": "l1.oln.b",
    }
    assert len(stored) == len(packed)
    for theirs, ours in expected.items():
        np.testing.assert_array_equal(stored[theirs], packed[ours])


def test_transformers_finds_every_weight_where_it_looks_for_it(folder: Path) -> None:
    model, found = transformers.AutoModel.from_pretrained(
        str(folder), add_pooling_layer=False, output_loading_info=True
    )
    assert not found["missing_keys"] and not found["unexpected_keys"]
    assert model.config.layer_norm_eps == 1e-12
    hidden = model.eval()(input_ids=torch.tensor([[0, 5, 2]])).last_hidden_state
    assert torch.isfinite(hidden).all()


def test_we_read_it_as_any_other_checkpoint(folder: Path) -> None:
    shape = read_shape(folder)
    sizes = shape.width, shape.num_layers, shape.num_heads, shape.ffn
    assert sizes == SIZES[:4]
    assert (shape.vocab_size, shape.pad_id) == (VOCABULARY, 1)
    _, packed = make_file()
    kernel = load_encoder(folder, shape).layers.up.kernel
    np.testing.assert_array_equal(np.asarray(kernel)[1], packed["l1.fi.w"].T)


def test_texts_are_cut_as_by_the_rules_of_xlm_r(folder: Path) -> None:
    ours = load_tokenizer(folder, 16)
    cut = {text: ours.backend.encode(text).tokens[1:-1] for text in TEXTS}
    assert cut["query: the abc"] == [
        *("\u2581que", "ry", ":", "\u2581the", "\u2581", "a", "b", "c")
    ]
    # White space around is none of the text, and a run of it one space.
    assert cut[" a  the\t"] == ["\u2581", "a", "\u2581the"]
    assert cut["\u2460\uff21"] == ["\u2581", "1", "A"]  # the latter is unknown
    assert ours.backend.encode("\uff21").ids == [0, 4, 3, 2]
    # The one character that NFKC would change and SentencePiece does not.
    assert cut["1\uff5e1"] == ["\u2581", "1", "\uff5e", "1"]
    assert cut["e\u0301"] == ["\u2581", "\u00e9"]
    assert (ours.pad_id, ours.unk_id) == (1, 3)
    require_agreement(ours.backend, folder, TEXTS)


def test_every_piece_keeps_its_id(folder: Path) -> None:
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert [backend.id_to_token(i) for i in range(len(PIECES))] == list(PIECES)
    assert backend.get_vocab_size(with_added_tokens=True) == len(PIECES)


def test_a_vocabulary_of_another_kind_is_refused() -> None:
    other = ("[CLS]", *PIECES[1:])
    with pytest.raises(CheckpointError, match=r"must be \('<s>'.*got \('\[CLS\]'"):
        make_tokenizer(read(make_file(other)[0], "here"))
    without_mask = (*PIECES[:-1], "<none>")
    with pytest.raises(CheckpointError, match="and <mask>"):
        make_tokenizer(read(make_file(without_mask)[0], "here"))


def test_characters_that_would_become_something_else_are_named() -> None:
    odd = {**CHARACTERS, "b": "c"}
    with pytest.raises(CheckpointError, match=r"'b' must become 'b'.*got 'c'"):
        make_tokenizer(read(make_file(mapped=odd)[0], "here"))
