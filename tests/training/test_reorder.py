import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from tests.models import (
    NUM_LABELS,
    SHAPE,
    as_shared,
    random_batch,
    tiny_params,
    tiny_space,
)
from xlnas_jax.space.stage import Run
from xlnas_jax.supernet.heads import pool, read_out
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.reorder import Importance, importance, reorder

SPACE = tiny_space()
measure = jax.jit(importance, static_argnums=(1, 2, 3, 4))
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))


def random_ranking(seed: int) -> Importance:
    rng, sizes = np.random.default_rng(seed), (SHAPE.num_heads, SHAPE.ffn)
    heads, ffn = (rng.random((SHAPE.num_layers, n), np.float32) for n in sizes)
    return {"heads": jnp.asarray(heads), "ffn": jnp.asarray(ffn)}


@jax.jit
def full_logits(params, batch):
    supernet = make_supernet(SPACE, SHAPE)
    x = supernet.embed(params.encoder.embeddings, batch)
    return supernet.apply_full(params, x, batch, SPACE.largest(), None)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_computes_the_same_function(seed):
    params, batch = tiny_params(), random_batch(0, 6, 16)
    moved = reorder(params, SPACE, random_ranking(seed))
    before, after = full_logits(params, batch), full_logits(moved, batch)
    np.testing.assert_allclose(before, after, atol=1e-5)
    assert (params.encoder.layers.up.kernel != moved.encoder.layers.up.kernel).any()


def test_the_most_important_come_first():
    ranking = random_ranking(0)
    layers = tiny_params().encoder.layers
    # Bias vectors that carry their own importance show where each unit went.
    layers = layers.replace(
        query=layers.query.replace(
            bias=jnp.broadcast_to(ranking["heads"][..., None], layers.query.bias.shape)
        ),
        up=layers.up.replace(bias=ranking["ffn"]),
    )
    moved = reorder(layers, SPACE, ranking)
    assert (jnp.diff(moved.up.bias, axis=-1) <= 0).all()
    assert (jnp.diff(moved.query.bias[..., 0], axis=-1) <= 0).all()


def test_optimizer_moments_move_with_their_weights():
    params, ranking = tiny_params(), random_ranking(1)
    learner = init_learner(as_shared(params), optax.adam(1e-3))
    # Moments equal to the weights must still equal them after the move.
    adam = learner.opt_state[0]._replace(mu=as_shared(params))
    moved = reorder(
        learner.replace(opt_state=(adam, *learner.opt_state[1:])), SPACE, ranking
    )
    same = jax.tree.map(np.array_equal, moved.params, moved.opt_state[0].mu)
    assert all(jax.tree.leaves(same))
    assert isinstance(moved.opt_state[0].mu.encoder.layers, LayerParams)


def test_importance_does_not_depend_on_batching():
    params, batch = tiny_params(), random_batch(0, 8, 16)
    whole = measure(params, SPACE, SHAPE, TASK, "mean", batch)
    halves = [
        measure(
            params,
            SPACE,
            SHAPE,
            TASK,
            "mean",
            jax.tree.map(lambda leaf, s=s: leaf[s], batch),
        )
        for s in (slice(0, 4), slice(4, 8))
    ]
    summed = jax.tree.map(jnp.add, *halves)
    np.testing.assert_allclose(whole["heads"], summed["heads"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(whole["ffn"], summed["ffn"], rtol=1e-3, atol=1e-4)


def test_importance_is_the_slope_of_the_loss_under_shrinking_a_neuron():
    """Central differences on one example: scaling W2's row scales the neuron."""
    params = tiny_params()
    batch = jax.tree.map(lambda leaf: leaf[:1], random_batch(0, 2, 10))
    batch = batch.replace(weight=jnp.ones(1))
    found = measure(params, SPACE, SHAPE, TASK, "cls", batch)
    layers = params.encoder.layers
    step = 1e-2

    @jax.jit
    def loss(scale: float) -> jax.Array:
        kernel = layers.down.kernel.at[1, 5].multiply(scale)
        down = layers.down.replace(kernel=kernel)
        encoder = params.encoder.replace(layers=layers.replace(down=down))
        supernet = make_supernet(SPACE, SHAPE)
        moved = params.replace(encoder=encoder)
        x = supernet.embed(moved.encoder.embeddings, batch)
        choices = {**SPACE.largest().choices, "pooling": jnp.zeros(1, jnp.int32)}
        arch = SPACE.largest().replace(choices=choices)
        logits = supernet.apply_full(moved, x, batch, arch, None)
        return TASK.loss(logits, batch).total[0]

    slope = abs(float(loss(1 + step) - loss(1 - step))) / (2 * step)
    assert float(found["ffn"][1, 5]) == pytest.approx(slope, rel=0.05, abs=1e-3)


@pytest.mark.slow
def test_by_divergence_labels_do_not_matter():
    params, batch = tiny_params(), random_batch(0, 6, 12)
    other = dataclasses.replace(batch, label=(batch.label + 1) % NUM_LABELS)
    found = [
        importance(params, SPACE, SHAPE, TASK, "mean", one, "divergence")
        for one in (batch, other)
    ]
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name])


def test_by_divergence_it_is_what_leaving_out_a_unit_changes_at_first():
    """The Fisher information, summed over all outcomes instead of one drawn."""
    params = tiny_params()
    batch = dataclasses.replace(random_batch(0, 4, 12), weight=jnp.ones(4))
    units = np.ones((SHAPE.num_layers, SHAPE.ffn))

    @jax.jit
    def log_p(masks):
        x = embed(
            params.encoder.embeddings, SHAPE, batch.tokens, batch.segments, jnp.float32
        )
        full = [(stage, SPACE.full(stage)) for stage in SPACE.stages]
        for number in range(SHAPE.num_layers):
            layer = jax.tree.map(lambda leaf, n=number: leaf[n], params.encoder.layers)
            for stage, values in full:
                masked = {"ffn": masks[number][None]} if stage.name == "ffn" else {}
                x = stage.run(x, layer, batch.mask, SHAPE, Run(values, masked))
        pooled = functools.partial(pool, pooling="mean")
        return jax.nn.log_softmax(read_out(x, batch.mask, params.head, pooled), -1)

    gradient = jax.jit(jax.jacobian(log_p))(jnp.asarray(units, jnp.float32))
    probability = np.exp(np.asarray(log_p(jnp.asarray(units, jnp.float32))))
    exact = np.einsum("bc,bclu->lu", probability, np.square(gradient))

    drawn = np.zeros_like(exact)
    run = jax.jit(importance, static_argnums=(1, 2, 3, 4, 6))
    for number in range(60):
        # Other tokens beyond the length change nothing but the draw.
        shifted = dataclasses.replace(batch, segments=batch.segments)
        tokens = batch.tokens.at[:, -1].set(1 + number % 50)
        seen = jnp.where(batch.mask, batch.tokens, tokens)
        one = dataclasses.replace(shifted, tokens=seen)
        drawn += np.asarray(
            run(params, SPACE, SHAPE, TASK, "mean", one, "divergence")["ffn"]
        )
    top = np.argsort(-exact, axis=None)[:20]
    ratio = (drawn / 60).ravel()[top] / exact.ravel()[top]
    assert 0.5 < np.median(ratio) < 2.0
    assert stats.spearmanr(drawn.ravel(), exact.ravel()).statistic > 0.8
