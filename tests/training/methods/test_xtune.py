"""xTune: two views are told alike, by gradients of each in turn."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.experiments import tiny_config
from tests.models import NUM_LABELS
from tests.training.methods.beside import (
    PARAMS,
    SPACE,
    batch_of,
    embedded_of,
    heard,
    plain,
    setting,
)
from xlnas_jax.config.methods.xtune import XTuneConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.training.methods import finetune, xtune
from xlnas_jax.types import Batch, ConfigError

F = torch.nn.functional
KEY = jax.random.key(0)


def loss_of(batch: Batch, config: XTuneConfig, is_second: bool = False) -> float:
    own = setting(TrainConfig(method="xtune", xtune=config))

    @jax.jit
    def run(batch: Batch) -> jax.Array:
        given = own, PARAMS, embedded_of(batch), batch, SPACE.largest()
        return xtune.loss(*given, is_second, KEY)

    return float(run(batch))


def test_without_consistency_it_is_fine_tuning() -> None:
    config = XTuneConfig(consistency=0.0)
    own, batch = setting(TrainConfig(method="xtune", xtune=config)), batch_of()
    x = embedded_of(batch)
    ours, theirs = (
        jax.jit(lambda x, m=m: m.gradients(own, (), PARAMS, x, batch, KEY)[:2])(given)
        for m, given in ((xtune, x), (finetune, x[0]))
    )
    assert float(ours[0]) == pytest.approx(float(theirs[0]), rel=1e-6)
    pairs = zip(*(jax.tree.leaves(g[1][0]) for g in (ours, theirs)), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, atol=1e-6)


def tensor(logits: jax.Array) -> torch.Tensor:
    return torch.tensor(np.asarray(logits), requires_grad=True)


@pytest.mark.parametrize("kl_reduction", ["batch", "released"])
def test_how_far_views_are_apart_and_its_gradients_are_those_of_pytorch(
    kl_reduction: str,
) -> None:
    batch = batch_of().other
    batch = dataclasses.replace(batch, weight=jnp.ones(4))
    rng = np.random.default_rng(0)
    ours, theirs = (
        jnp.asarray(rng.normal(size=(4, NUM_LABELS)), jnp.float32) for _ in range(2)
    )
    config = XTuneConfig(kl_reduction=kl_reduction)
    own = setting(TrainConfig(xtune=config))
    found, grads = jax.value_and_grad(
        lambda one, other: xtune.apart(own, one, other, batch), argnums=(0, 1)
    )(ours, theirs)
    a, b = tensor(ours), tensor(theirs)
    rows = {"batch": 4, "released": 4 * NUM_LABELS}[kl_reduction]

    def kl(of: torch.Tensor, to: torch.Tensor) -> torch.Tensor:
        chances = F.softmax(to.detach(), -1)
        return F.kl_div(F.log_softmax(of, -1), chances, reduction="sum") / rows

    expected = kl(b, a) + kl(a, b)
    expected.backward()
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-5)
    for ours_grad, one in zip(grads, (a, b), strict=True):
        np.testing.assert_allclose(ours_grad, one.grad.numpy(), atol=1e-6)


def test_the_loss_of_either_stage_is_that_of_pytorch_from_its_parts() -> None:
    batch = heard(batch_of())
    ours, theirs, teacher = (
        tensor(logits).detach()
        for logits in (plain(batch)[1], plain(batch.other)[1], batch.other.said.logits)
    )
    label = torch.tensor(np.asarray(batch.label)).long()
    one, other = (F.cross_entropy(x, label, reduction="none") for x in (ours, theirs))

    def kl(of: torch.Tensor, to: torch.Tensor) -> torch.Tensor:
        found = F.kl_div(F.log_softmax(of, -1), F.softmax(to, -1), reduction="none")
        return found.sum(-1)[:2].mean()

    first = one[:3].mean() + 5.0 * (kl(ours, theirs) + kl(theirs, ours))
    config = XTuneConfig(teaching=0.5)
    assert loss_of(batch, config) == pytest.approx(float(first), rel=1e-4)
    union = torch.cat([one[:3], other[:2]]).mean()
    second = first - one[:3].mean() + union + 0.5 * kl(theirs, teacher)
    found = loss_of(batch, config, is_second=True)
    assert found == pytest.approx(float(second), rel=1e-4)
    soft = dataclasses.replace(config, view_labels=False)
    expected = second - union + one[:3].mean()
    found = loss_of(batch, soft, is_second=True)
    assert found == pytest.approx(float(expected), rel=1e-4)


def test_noise_makes_a_view_without_a_translation() -> None:
    batch = dataclasses.replace(batch_of(), other=None)
    logits = tensor(plain(batch)[1]).detach()
    label = torch.tensor(np.asarray(batch.label)).long()
    plain_loss = float(F.cross_entropy(logits[:3], label[:3]))
    still, noisy = (
        loss_of(batch, XTuneConfig(view="noise", noise=noise)) for noise in (0.0, 0.3)
    )
    assert still == pytest.approx(plain_loss, rel=1e-4)
    assert noisy > plain_loss + 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "xtune learns from translations data"),
        ({"view": "noise", "teaching": 1.0}, "xtune learns from teacher data"),
        ({"consistency": -1.0}, "consistency: must be at least 0"),
    ],
)
def test_what_it_needs_depends_on_what_is_asked_for(options: dict, message) -> None:
    with pytest.raises(ConfigError, match=message):
        train = TrainConfig(method="xtune", xtune=XTuneConfig(**options))
        prepare(tiny_config(train=train))  # and no warm-up


def test_of_noise_alone_it_needs_nothing_but_labels() -> None:
    train = TrainConfig(method="xtune", xtune=XTuneConfig(view="noise"))
    assert prepare(tiny_config(train=train)).config.train.method == "xtune"
