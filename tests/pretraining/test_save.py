"""`transformers` computes the same of what is saved; a search begins with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers

from tests.experiments import tiny_config
from tests.pretraining.starts import TEXTS, make_params, make_start
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.experiment.prepare import prepare as prepare_search
from xlnas_jax.experiment.weights import init_params as init_search
from xlnas_jax.pretraining.losses.masked import make_masked
from xlnas_jax.pretraining.save import save_pretrained
from xlnas_jax.pretraining.step import supernet_of
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import HeadParams, SupernetParams
from xlnas_jax.types import Batch

# Two float32 programs that add in different orders, over two layers.
TOLERANCE = 1e-4
FAMILIES = [
    ("xlm-roberta", True),
    pytest.param("scratch", True, marks=pytest.mark.slow),
    pytest.param("bert", False, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("family", "is_tied"), FAMILIES)
@pytest.mark.parity
def test_transformers_computes_the_same_logits_and_loss(family, is_tied, tmp_path):
    start = make_start(family)
    params = make_params(start, is_tied)
    save_pretrained(tmp_path / "model", start, params, {"format": 1})
    model = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    assert tokenizer.mask_token_id == start.masks.mask_id
    tokens = jnp.asarray(inputs["input_ids"].numpy(), jnp.int32)
    length = jnp.asarray(inputs["attention_mask"].numpy().sum(1), jnp.int32)

    config = start.config.pretrain
    loss = make_masked("mlm", config, start.shape, start.masks)
    supernet = supernet_of(config, start.space, start.shape)

    @jax.jit
    def run(params, tokens, length):
        zero = jnp.zeros_like(tokens)
        ones = jnp.ones(len(length))
        batch = Batch(tokens, zero, length, zero[:, 0], zero[:, 0], ones)
        view = loss.view(jax.random.key(2), batch)
        text = view.texts[0]
        tables = params.encoder.embeddings
        x = embed(tables, start.shape, text.tokens, text.segments, jnp.float32)
        own = SupernetParams(params.encoder, HeadParams())
        hidden = supernet.encode_full(own, x, text)
        said = loss.say(params, (hidden,), view)
        return text.tokens, view.told, said, loss.lost(said, view)

    seen, told, said, lost = jax.tree.map(np.asarray, run(params, tokens, length))
    is_told = told.weight > 0
    labels = np.full(seen.shape, -100)
    for row, column in zip(*np.nonzero(is_told), strict=True):
        labels[row, told.position[row, column]] = told.wanted[row, column]
    with torch.no_grad():
        found = model(
            input_ids=torch.tensor(seen).long(),
            attention_mask=inputs["attention_mask"],
            labels=torch.tensor(labels),
        )
    theirs = np.take_along_axis(found.logits.numpy(), told.position[:, :, None], 1)
    assert is_told.sum() >= 2
    np.testing.assert_allclose(said[is_told], theirs[is_told], atol=TOLERANCE)
    assert float(lost) == pytest.approx(float(found.loss), abs=TOLERANCE)


def test_a_search_begins_with_what_was_saved(tmp_path):
    start = make_start("xlm-roberta")
    params = make_params(start, True)
    save_pretrained(tmp_path / "model", start, params, {})
    config = tiny_config(
        model=PretrainedModel(str(tmp_path / "model")),
        space=start.config.space,
        constraints=ConstraintsConfig(),
    )
    experiment = prepare_search(config)
    found = init_search(experiment).encoder
    for one, other in zip(
        jax.tree.leaves(found), jax.tree.leaves(params.encoder), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert experiment.parts[0].tokenizer.to_text() == start.tokenizer.to_text()


def test_what_was_there_is_replaced_whole(tmp_path):
    start = make_start("scratch")
    for facts in ({"run": 1}, {"run": 2}):
        save_pretrained(tmp_path / "model", start, make_params(start, True), facts)
    assert '"run": 2' in (tmp_path / "model" / "pretraining.json").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
