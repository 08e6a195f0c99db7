"""FILTER: which layers see both texts, and what is learnt of either."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.experiments import tiny_config
from tests.training.methods.beside import (
    PARAMS,
    SPACE,
    SUPERNET,
    batch_of,
    embedded_of,
    heard,
    plain,
    setting,
)
from xlnas_jax.config.methods.filter import FilterConfig
from xlnas_jax.config.methods.translations import IdTranslations
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.training.methods import filter as method
from xlnas_jax.types import Batch, ConfigError

F = torch.nn.functional
# Rows of both texts in one product are added in another order.
TOLERANCE = 2e-5


def hidden_of(batch: Batch, separate: int, joint: int) -> list[np.ndarray]:
    """Of real tokens; of others zeros."""
    config = FilterConfig(separate, joint)

    @jax.jit
    def run(batch: Batch):
        texts, x = (batch, batch.other), embedded_of(batch)[:2]
        streams = SUPERNET.streams(None)
        return method.joined_hidden(streams, config, PARAMS, x, texts, None)

    found = zip(run(batch), (batch, batch.other), strict=True)
    return [np.asarray(one) * np.asarray(text.mask)[..., None] for one, text in found]


def masked(batch: Batch) -> np.ndarray:
    return np.asarray(plain(batch)[0]) * np.asarray(batch.mask)[..., None]


def test_without_joint_layers_it_is_two_encoders() -> None:
    batch = batch_of()
    for separate in (0, 2):
        ours, theirs = hidden_of(batch, separate, 0)
        np.testing.assert_allclose(ours, masked(batch), atol=TOLERANCE)
        np.testing.assert_allclose(theirs, masked(batch.other), atol=TOLERANCE)


def test_of_joint_layers_alone_it_is_the_encoder_of_both_texts_as_one() -> None:
    batch = batch_of()
    ours, theirs = hidden_of(batch, 0, 3)
    x, other = embedded_of(batch)
    for row in range(2):
        n, m = int(batch.length[row]), int(batch.other.length[row])
        one = jnp.concatenate([x[row, :n], other[row, :m]])[None]
        text = dataclasses.replace(
            jax.tree.map(lambda leaf: leaf[:1], dataclasses.replace(batch, other=None)),
            tokens=jnp.zeros((1, n + m), jnp.int32),
            segments=jnp.zeros((1, n + m), jnp.int32),
            length=jnp.asarray([n + m]),
        )
        whole = np.asarray(SUPERNET.encode_full(PARAMS, one, text))[0]
        np.testing.assert_allclose(ours[row, :n], whole[:n], atol=TOLERANCE)
        np.testing.assert_allclose(theirs[row, :m], whole[n:], atol=TOLERANCE)
    # A row without a translation sees itself alone.
    np.testing.assert_allclose(ours[2:], masked(batch)[2:], atol=TOLERANCE)


def loss_of(batch: Batch, self_teaching: float) -> float:
    own = setting(TrainConfig(method="filter", filter=FilterConfig(1, 0)))

    @jax.jit
    def run(batch: Batch) -> jax.Array:
        given = own, PARAMS, embedded_of(batch), batch, SPACE.largest()
        return method.loss(*given, self_teaching, None)

    return float(run(batch))


def test_the_loss_is_that_of_pytorch_from_its_parts() -> None:
    batch = heard(batch_of())
    ours, theirs, teacher = (
        torch.tensor(np.asarray(logits))
        for logits in (plain(batch)[1], plain(batch.other)[1], batch.other.said.logits)
    )
    label = torch.tensor(np.asarray(batch.label)).long()
    one, other = (F.cross_entropy(x, label, reduction="none") for x in (ours, theirs))
    kl = F.kl_div(F.log_softmax(theirs, -1), F.softmax(teacher, -1), reduction="none")
    for weight in (0.0, 0.7):
        both = (one + other) / 2 + weight * kl.sum(-1)
        expected = (both[0] + both[1] + one[2]) / 3
        assert loss_of(batch, weight) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"joint": 2}, "must be among the encoder's 2; got 1 and 2"),
        ({"self_teaching": 1.0}, "filter learns from teacher data"),
        ({"separate": -1}, "separate: must be at least 0"),
    ],
)
def test_what_cannot_be_run_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train = TrainConfig(  # and no warm-up
            method="filter",
            translations=IdTranslations(languages=("fr",)),
            filter=FilterConfig(**options),
        )
        prepare(tiny_config(train=train))
