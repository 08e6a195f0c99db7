"""One step: the mean gradient of a sandwich, and a weighted sum of losses."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.pretraining.starts import make_params, make_start
from xlnas_jax.pretraining.losses.registry import make_losses
from xlnas_jax.pretraining.step import (
    as_train,
    init_state,
    make_update,
    sandwich,
    supernet_of,
)
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import HeadParams, SupernetParams
from xlnas_jax.types import Batch

# Sums of some hundred float32 terms, in another order.
TOLERANCE = 1e-4


def make_batch(start, rows: int = 6, seq: int = 12) -> Batch:
    rng = np.random.default_rng(0)
    ordinary = np.flatnonzero(~start.masks.is_special)
    tokens = jnp.asarray(rng.choice(ordinary, (rows, seq)), jnp.int32)
    length = jnp.asarray(rng.integers(6, seq + 1, rows), jnp.int32)
    zero = jnp.zeros(rows, jnp.int32)
    number = jnp.arange(rows, dtype=jnp.int32)
    nothing = jnp.zeros((rows, seq), jnp.int32)
    weight = jnp.asarray([1.0] * (rows - 1) + [0.0])
    other = Batch(tokens[:, ::-1], nothing, length, number, zero, weight)
    return Batch(tokens, nothing, length, number, zero, weight, other=other)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlm", "ranking"])
def test_gradients_are_the_mean_over_the_largest_and_what_learns_from_it(name):
    start = make_start("scratch", num_random=0, kd_temperature=2.0, mask_rate=0.4)
    params, batch = make_params(start, True), make_batch(start)
    config, shape, space = start.config.pretrain, start.shape, start.space
    loss = make_losses(config, shape, start.masks)[name]
    supernet, key = supernet_of(config, space, shape), jax.random.key(3)

    def say(params, view, arch):
        own = SupernetParams(params.encoder, HeadParams())
        hiddens = []
        for text in view.texts:
            tables = params.encoder.embeddings
            x = embed(tables, shape, text.tokens, text.segments, jnp.float32)
            hiddens.append(supernet.encode(own, x, text, arch))
        return loss.say(params, tuple(hiddens), view)

    def expected(params):
        view = loss.view(jax.random.split(key, 3)[0], batch)
        said = say(params, view, space.largest())
        other = say(params, view, space.smallest())
        found = loss.lost(said, view)
        apart = loss.apart(other, jax.lax.stop_gradient(said), view)
        return (found + apart) / 2, (found, apart)

    run = jax.jit(sandwich(loss, config, supernet, space, shape))
    found, grads = run(params, batch, key)
    wanted, (first, apart) = jax.jit(jax.grad(expected, has_aux=True))(params)
    assert float(found) == pytest.approx(float(first), rel=1e-5)
    assert float(apart) > 1e-3
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, atol=TOLERANCE),
        grads,
        wanted,
    )


def test_an_update_is_a_step_of_adamw_along_the_weighted_sum():
    start = make_start("scratch", steps=10, warmup_fraction=0.0, weight_decay=0.1)
    config, params = start.config.pretrain, make_params(start, True)
    state = init_state(config, params, 0, data=7)
    generator = np.random.default_rng(0)
    one, other = (
        jax.tree.map(
            lambda leaf: generator.normal(size=leaf.shape).astype(np.float32),
            params,
        )
        for _ in range(2)
    )
    before = jax.tree.map(np.asarray, params)
    update = make_update(config, params)
    # The first step rises from nothing: the second one moves.
    factors = np.float32(0.5), np.float32(2.0)
    grads = jax.device_put((one, other))
    state = update(update(state, grads, factors), grads, factors)

    total = jax.tree.map(lambda a, b: 0.5 * a + 2.0 * b, one, other)
    norm = np.sqrt(sum(np.square(leaf).sum() for leaf in jax.tree.leaves(total)))
    rate, decay = config.learning_rate, 0.1
    kernel = before.head.transform.kernel
    step = np.asarray(total.head.transform.kernel) / norm
    moved = kernel - rate * (step / (np.abs(step) + 1e-8) + decay * kernel)
    np.testing.assert_allclose(state.params.head.transform.kernel, moved, atol=1e-5)
    bias, own = before.head.bias, np.asarray(total.head.bias) / norm
    moved = bias - rate * own / (np.abs(own) + 1e-8)
    np.testing.assert_allclose(state.params.head.bias, moved, atol=1e-5)
    assert (int(state.step), int(state.data)) == (2, 7)


def test_the_optimizer_has_the_options_of_the_section():
    config = make_start("scratch", learning_rate=2e-3, clip_norm=0.5).config.pretrain
    train = as_train(config)
    assert train.learning_rate == train.head_learning_rate == 2e-3
    shared = {field.name for field in dataclasses.fields(train)}
    names = ("warmup_fraction", "schedule", "weight_decay", "clip_norm")
    assert set(names) <= shared
    assert [getattr(train, n) for n in names] == [getattr(config, n) for n in names]
