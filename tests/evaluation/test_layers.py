"""Vectors of every layer are what the network itself makes of each text."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.terminal.heard import Heard
from xlnas_jax.evaluation.layers import encode_layers
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.search.teacher import full_architecture
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import Batch

TEXTS = ("Peru", "South Georgia & South Sandwich Islands", "Zambian Kwacha", "euro")


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def params(experiment: Experiment) -> SupernetParams:
    return init_params(experiment).of_task(experiment.parts[0].name)


def test_there_is_one_more_than_layers(experiment, params) -> None:
    heard = Heard()
    found = encode_layers(experiment, experiment.parts[0], params, TEXTS, heard)
    assert heard.parts("encoding texts") > 0
    shape = experiment.shape
    assert found.shape == (shape.num_layers + 1, len(TEXTS), shape.width)
    assert np.isfinite(found).all()


def test_the_last_layer_is_what_the_network_pools(experiment, params) -> None:
    part = experiment.parts[0]
    (encoding,) = part.tokenizer.encode([TEXTS[1]])
    tokens = jnp.asarray([encoding.ids], jnp.int32)
    batch = Batch(
        tokens=tokens,
        segments=jnp.zeros_like(tokens),
        length=jnp.asarray([tokens.shape[1]], jnp.int32),
        label=jnp.zeros(1, jnp.int32),
        language=jnp.zeros(1, jnp.int32),
        weight=jnp.ones(1),
    )
    supernet = make_supernet(experiment.space, experiment.shape)
    x = supernet.embed(params.encoder.embeddings, batch)
    arch = full_architecture(experiment)
    hidden = supernet.encode(params, x, batch, arch)
    found = encode_layers(experiment, part, params, TEXTS)
    assert np.allclose(found[-1, 1], hidden[0].mean(0), atol=1e-5)
    assert np.allclose(found[0, 1], x[0].mean(0), atol=1e-5)


def test_a_text_has_the_same_vectors_whatever_stands_beside_it(
    experiment, params
) -> None:
    part = experiment.parts[0]
    whole = encode_layers(experiment, part, params, TEXTS)
    alone = encode_layers(experiment, part, params, TEXTS[2:3])
    assert np.allclose(whole[:, 2:3], alone, atol=1e-5)


def test_they_are_in_the_order_of_texts_however_they_are_batched(
    experiment, params
) -> None:
    part = experiment.parts[0]
    one_bucket = dataclasses.replace(
        part, tokens=dataclasses.replace(part.tokens, num_buckets=1)
    )
    texts = TEXTS[::-1]
    found = encode_layers(experiment, one_bucket, params, texts)
    whole = encode_layers(experiment, part, params, TEXTS)
    assert np.allclose(found[:, ::-1], whole, atol=1e-5)
