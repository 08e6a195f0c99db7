"""X-Mixup: its schedule, its loss from parts, and numbers of its own that are kept."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.experiments import tiny_config
from tests.models import SHAPE
from tests.training.methods.beside import (
    PARAMS,
    SPACE,
    batch_of,
    embedded_of,
    plain,
)
from tests.training.methods.beside import setting as of_config
from xlnas_jax.config.methods.mixup import MixupConfig
from xlnas_jax.config.methods.translations import IdTranslations
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.supernet.stages.mix import MixAt
from xlnas_jax.training.methods import mixup
from xlnas_jax.training.methods.base import Setting
from xlnas_jax.types import Batch, ConfigError

F = torch.nn.functional
GOLD, BACK = jnp.asarray(True), jnp.asarray(False)
PLAIN = MixupConfig(layers=(1,))


def setting(config: MixupConfig = PLAIN) -> Setting:
    return of_config(TrainConfig(method="mixup", mixup=config))


@functools.cache
def make_loss(config: MixupConfig) -> Callable[[Batch, jax.Array], jax.Array]:
    own = setting(config)
    shares = mixup.init(own, jax.random.key(0)).shares

    @jax.jit
    def run(batch: Batch, is_gold: jax.Array) -> jax.Array:
        given = own, PARAMS, embedded_of(batch), shares, batch, SPACE.largest()
        return mixup.loss(*given, is_gold, None)

    return run


def loss_of(
    batch: Batch, config: MixupConfig = PLAIN, is_gold: jax.Array = GOLD
) -> float:
    return float(make_loss(config)(batch, is_gold))


@pytest.mark.parametrize(
    ("step", "rounded"), [(3000, 0.98), (7000, 0.48), (10_000, 0.04)]
)
def test_the_row_itself_is_seen_as_often_as_the_closed_form_says(
    step: int, rounded: float
) -> None:
    found = float(mixup.gold_chance(jnp.asarray(step), 1000.0))
    assert found == pytest.approx(1000 / (1000 + math.exp(step / 1000)), rel=1e-4)
    assert found == pytest.approx(rounded, abs=5e-3)


def test_the_chance_does_not_overflow() -> None:
    steps = jnp.asarray([0, 10**6, 2**31 - 1])
    first, *later = np.asarray(jax.vmap(lambda s: mixup.gold_chance(s, 1000.0))(steps))
    assert first == pytest.approx(1000 / 1001) and later == [0.0, 0.0]


@pytest.mark.parametrize("vector", ["cls", "mean"])
def test_the_loss_is_that_of_pytorch_from_its_parts(vector: str) -> None:
    """Without a share both streams are the plain encoder: what it says is known."""
    config = MixupConfig(layers=(1,), largest_share=0.0, renorm=False, vector=vector)
    batch = batch_of()

    def parts(one: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        hidden, logits = plain(one)
        mask = np.asarray(one.mask)[..., None]
        mean = (np.asarray(hidden) * mask).sum(1) / mask.sum(1)
        chosen = np.asarray(hidden)[:, 0] if vector == "cls" else mean
        return torch.tensor(np.asarray(logits)), torch.tensor(chosen)

    (ours, h_ours), (theirs, h_theirs) = parts(batch), parts(batch.other)
    label = torch.tensor(np.asarray(batch.label)).long()
    ce_ours, ce_theirs = (
        F.cross_entropy(logits, label, reduction="none") for logits in (ours, theirs)
    )
    kl = F.kl_div(F.log_softmax(theirs, -1), F.softmax(ours, -1), reduction="none")
    square = F.mse_loss(h_ours, h_theirs, reduction="none").mean(-1)
    both = 0.4 * ce_ours + 0.6 * ce_theirs + kl.sum(-1) + square
    expected = (both[0] + both[1] + ce_ours[2]) / 3
    assert loss_of(batch, config) == pytest.approx(float(expected), rel=1e-4)


def test_text_beyond_a_translation_that_is_not_there_changes_nothing() -> None:
    batch = batch_of()
    other = batch.other
    wrong = other.tokens.at[2:].set(7)
    changed = dataclasses.replace(batch, other=dataclasses.replace(other, tokens=wrong))
    assert loss_of(changed) == pytest.approx(loss_of(batch), rel=1e-6)
    near = other.tokens.at[0].set(7)
    changed = dataclasses.replace(batch, other=dataclasses.replace(other, tokens=near))
    assert abs(loss_of(changed) - loss_of(batch)) > 1e-3


def test_what_a_translation_is_again_takes_the_rows_place_where_there_is_some() -> None:
    batch = batch_of(with_back=True)
    without = batch_of()
    assert loss_of(batch, is_gold=GOLD) == pytest.approx(loss_of(without), rel=1e-6)
    # The first row alone has one: by hand.
    back = batch.other.other
    by_hand = dataclasses.replace(
        without,
        tokens=without.tokens.at[0].set(back.tokens[0]),
        segments=without.segments.at[0].set(back.segments[0]),
        length=without.length.at[0].set(back.length[0]),
    )
    found = loss_of(batch, is_gold=BACK)
    assert found == pytest.approx(loss_of(by_hand), rel=1e-5)
    assert abs(found - loss_of(without)) > 1e-3
    assert loss_of(without, is_gold=BACK) == pytest.approx(loss_of(without), rel=1e-6)


def test_its_own_numbers_take_a_step_of_adam_and_nothing_else_of_it_does() -> None:
    own, batch = setting(), batch_of()
    state = mixup.init(own, jax.random.key(0))
    assert np.asarray(state.shares).tolist() == [[1.0], [0.0]]

    @jax.jit
    def run(state):
        x = embedded_of(batch)
        _, (grads, x_grad), after = mixup.gradients(
            own, state, PARAMS, x, batch, jax.random.key(1)
        )
        return grads, x_grad, after

    grads, x_grad, after = run(state)
    assert jax.tree.structure(grads) == jax.tree.structure(PARAMS)
    assert [one.shape for one in x_grad] == [(4, 9, SHAPE.width)] * 2
    # The first step of Adam is the learning rate, whatever the gradient's size.
    moved = np.abs(np.asarray(after.shares - state.shares))
    np.testing.assert_allclose(moved, 1e-3, rtol=1e-3)
    assert int(after.step) == 1


def test_a_layer_that_is_data_is_mixed_as_one_that_is_configured() -> None:
    batch, x = batch_of(), embedded_of(batch_of())
    shares = mixup.init(setting(), jax.random.key(0)).shares

    def run(own: Setting) -> tuple[jax.Array, Any]:
        def loss(params: Any) -> jax.Array:
            given = own, params, x, shares, batch, SPACE.largest()
            return mixup.loss(*given, GOLD, None)

        return jax.value_and_grad(loss)(PARAMS)

    @jax.jit
    def chosen(place: jax.Array) -> tuple[jax.Array, Any]:
        own = setting()
        network = own.network._replace(mix=MixAt((0, 1), place))
        return run(own._replace(network=network))

    found = []
    for layer in (0, 1):
        fixed = jax.jit(functools.partial(run, setting(MixupConfig(layers=(layer,)))))()
        own = chosen(jnp.asarray(layer))
        found.append(float(own[0]))
        for one, other in zip(*map(jax.tree.leaves, (fixed, own)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert abs(found[0] - found[1]) > 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"layers": (2,)},
            r"mixup\.layers: .* of the encoder, which has 2",
        ),
        ({"layers": (1, 0)}, "must rise"),
        ({"layers": ()}, "must not be empty"),
        ({"largest_share": 1.5}, "largest_share: must lie in"),
    ],
)
def test_layers_and_shares_that_there_are_not_are_refused(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        train = TrainConfig(
            method="mixup",
            translations=IdTranslations(languages=("fr",)),
            mixup=MixupConfig(**options),
        )
        prepare(tiny_config(train=train))
