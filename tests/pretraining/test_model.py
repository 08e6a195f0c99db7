"""What a pretraining can begin with, and what it says where it cannot."""

import json

import jax
import numpy as np
import pytest
from tokenizers import Tokenizer as Backend

from tests.pretraining.planted import make_config, meanings, words, write_corpus
from xlnas_jax.config.model import PretrainedModel, VocabularyConfig
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.pretraining.model import init_params, prepare
from xlnas_jax.pretraining.save import save_pretrained
from xlnas_jax.supernet.families import registry
from xlnas_jax.types import ConfigError, DataError

TEXTS = [" ".join(words("en")[n] for n in row) for row in meanings(40, 0)]


@pytest.fixture(scope="module")
def new():
    """A model from nothing."""
    return prepare(make_config("x"), TEXTS)


@pytest.fixture(scope="module")
def folder(new, tmp_path_factory):
    """The same as a directory in Hugging Face's format."""
    path = tmp_path_factory.mktemp("saved") / "model"
    save_pretrained(path, new, init_params(new), {})
    return path


def test_a_model_from_nothing_has_a_token_to_mask_by_behind_all_others(new):
    backend = new.tokenizer.backend
    assert backend.token_to_id("<mask>") == new.masks.mask_id
    assert new.masks.mask_id == new.shape.vocab_size - 1 == backend.get_vocab_size() - 1
    special = np.flatnonzero(new.masks.is_special).tolist()
    assert special == [0, 1, 2, 3, new.masks.mask_id]


def test_what_was_saved_is_begun_with_again(new, folder):
    again = prepare(make_config("x", model=PretrainedModel(str(folder))), TEXTS)
    assert again.folder == folder and again.family.name == "bert"
    for one, other in zip(
        jax.tree.leaves(init_params(again)),
        jax.tree.leaves(init_params(new)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.masks.is_special, new.masks.is_special)
    assert again.masks.mask_id == new.masks.mask_id


def edited(folder, tmp_path):
    """A copy to change."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_a_checkpoint_without_a_head_gets_a_new_one(folder, tmp_path):
    from safetensors.numpy import load_file, save_file

    copy = edited(folder, tmp_path)
    tensors = load_file(copy / "model.safetensors")
    kept = {name: one for name, one in tensors.items() if name.startswith("bert.")}
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    start = prepare(make_config("x", model=PretrainedModel(str(copy))), TEXTS)
    head = init_params(start).head
    assert head.decoder is None and not np.asarray(head.bias).any()
    assert 0.01 < float(np.std(np.asarray(head.transform.kernel))) < 0.03


def test_a_tokenizer_without_a_mask_is_refused(folder, tmp_path):
    copy = edited(folder, tmp_path)
    text = (copy / "tokenizer.json").read_text().replace("<mask>", "<hidden>")
    (copy / "tokenizer.json").write_text(text)
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    del settings["mask_token"]
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    assert Backend.from_file(str(copy / "tokenizer.json")).token_to_id("<hidden>")
    with pytest.raises(DataError, match="must have a token that stands for a masked"):
        prepare(make_config("x", model=PretrainedModel(str(copy))), TEXTS)


def test_a_family_without_the_head_is_refused(monkeypatch):
    headless = registry.FAMILIES["bert"]._replace(mlm=())
    monkeypatch.setitem(registry.FAMILIES, "bert", headless)
    with pytest.raises(ConfigError, match="got bert, which has none"):
        prepare(make_config("x"), TEXTS)


def changed(**sections) -> Pretraining:
    base = make_config("x")
    given = {"model": base.model, "pretrain": base.pretrain, "tokens": base.tokens}
    return Pretraining(**given | sections)


def test_more_tokens_than_the_model_takes_are_refused(folder):
    model, tokens = PretrainedModel(str(folder)), TokensConfig(max_length=33)
    with pytest.raises(ConfigError, match="takes at most 32 tokens; got 33"):
        prepare(changed(model=model, tokens=tokens), TEXTS)


@pytest.mark.parametrize("part", ["adapter", "lora", "prefix"])
def test_parts_that_no_pretrained_encoder_has_are_refused(part):
    with pytest.raises(ConfigError, match="adapter, lora and prefix are put in"):
        prepare(changed(space=SpaceConfig(**{part: (0, 4)})), TEXTS)


def test_a_vocabulary_is_not_trimmed_here():
    with pytest.raises(ConfigError, match=r"model\.vocabulary"):
        changed(model=PretrainedModel("x", vocabulary=VocabularyConfig()))


def test_texts_of_a_run_are_what_the_tokenizer_is_trained_on(tmp_path, new):
    write_corpus(tmp_path, 20, 10)
    other = prepare(
        make_config(tmp_path), (tmp_path / "fr.txt").read_text().split("\n")
    )
    ours, theirs = (one.tokenizer.backend.get_vocab() for one in (new, other))
    assert "▁ba" in str(ours) and "▁ka" in str(theirs) and "▁ka" not in str(ours)
