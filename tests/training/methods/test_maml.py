"""X-MAML: halves of each language's rows, and gradients through a step on the first."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, random_batch, tiny_params
from tests.training.toys import SPACE, TASK, toy_params, toy_setting
from xlnas_jax.config.methods.maml import MamlConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.methods import maml
from xlnas_jax.training.methods.base import Setting, label_loss
from xlnas_jax.training.step import network_of
from xlnas_jax.types import Batch

# Of the source, of language 1 (one without a label), and of language 2.
LANGUAGES = jnp.asarray([0, 1, 2, 1, 1, 2, 1, 1], jnp.int32)
LABELLED = jnp.asarray([1.0] * 6 + [0.0, 1.0])
# Of each language, the rows of its halves.
ROWS = {1: ([1, 3], [4, 7]), 2: ([2], [5])}
RATE = 0.05
KEY = jax.random.key(3)


def batch() -> Batch:
    made = random_batch(0, 8, 6)
    return dataclasses.replace(
        made, language=LANGUAGES, labelled=LABELLED, weight=jnp.ones(8)
    )


def config(rate: float, order: str = "second", **changes) -> TrainConfig:
    return TrainConfig(maml=MamlConfig(order=order, inner_rate=rate), **changes)


def test_a_language_is_halved_among_its_labelled_rows() -> None:
    first, second = maml.halves(batch(), jnp.asarray(1, jnp.int32))
    assert first.tolist() == [0, 1, 0, 1, 0, 0, 0, 0]
    assert second.tolist() == [0, 0, 0, 0, 1, 0, 0, 1]
    odd = dataclasses.replace(batch(), weight=jnp.ones(8).at[1].set(0.0))
    first, second = maml.halves(odd, jnp.asarray(1, jnp.int32))
    assert first.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert second.tolist() == [0, 0, 0, 0, 1, 0, 0, 1]


def found(setting: Setting, params):
    """Loss and gradients of the method."""
    run = jax.jit(functools.partial(maml.gradients, setting))
    loss, (grads, of_tokens), _ = run((), params, None, batch(), KEY)
    assert of_tokens is None
    return loss, grads


def loss_on(setting: Setting, params, rows: list[int]):
    """Plain mean loss of some rows, of the network that the method draws."""
    own = dataclasses.replace(
        batch(), weight=jnp.zeros(8).at[jnp.asarray(rows)].set(1.0)
    )
    arch = maml.whole(SPACE, jax.random.split(KEY)[0])
    x = setting.network.embed(params, own)
    said = setting.network.full(params, x, own, arch)
    return label_loss(setting, said.logits, own)


def expected(setting: Setting, params, order: str):
    """Written out: one language after another."""
    loss = functools.partial(loss_on, setting)

    def after(params, given, support, query):
        slope = jax.grad(loss)(given, support)
        return loss(jax.tree.map(lambda w, g: w - RATE * g, params, slope), query)

    def total(params):
        given = jax.lax.stop_gradient(params) if order == "first" else params
        own = [after(params, given, *rows) for rows in ROWS.values()]
        return sum(own), own

    grads, losses = jax.jit(jax.grad(total, has_aux=True))(params)
    return np.mean(losses), grads


def assert_close(one, other, **tolerance) -> None:
    jax.tree.map(functools.partial(np.testing.assert_allclose, **tolerance), one, other)


@pytest.mark.parametrize("order", ["first", "second"])
def test_gradients_of_all_languages_are_added_each_through_its_step(order) -> None:
    setting = toy_setting(config(RATE, order))
    loss, grads = found(setting, toy_params())
    value, same = expected(setting, toy_params(), order)
    assert float(loss) == pytest.approx(float(value), rel=1e-5)
    assert_close(grads, same, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_so_they_are_of_a_real_network() -> None:
    supernet = make_supernet(SPACE, SHAPE)
    setting = Setting(config(RATE), network_of(supernet), SPACE, TASK, auxiliary=2)
    loss, grads = found(setting, tiny_params())
    value, same = expected(setting, tiny_params(), "second")
    assert float(loss) == pytest.approx(float(value), rel=1e-4)
    assert_close(grads, same, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("order", ["first", "second"])
def test_without_a_step_it_is_plain_training_on_the_second_halves(order) -> None:
    setting = toy_setting(config(0.0, order))
    _, grads = found(setting, toy_params())

    @jax.jit
    def plain(params):
        every = [
            jax.grad(lambda p, q=query: loss_on(setting, p, q))(params)
            for _, query in ROWS.values()
        ]
        return jax.tree.map(jnp.add, *every)

    jax.tree.map(np.testing.assert_array_equal, grads, plain(toy_params()))


def test_embeddings_that_are_not_trained_take_no_step_and_have_no_gradient() -> None:
    setting = toy_setting(config(RATE, "second", freeze_embeddings=True))
    _, grads = found(setting, toy_params())
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(grads.encoder.embeddings))
    assert np.any(grads.encoder.layers["up"]["kernel"])
