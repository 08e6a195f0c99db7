import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.models import (
    NUM_LABELS,
    SHAPE,
    as_shared,
    random_batch,
    tiny_params,
    tiny_space,
)
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.reorder import Importance, importance, reorder

SPACE = tiny_space()
measure = jax.jit(importance, static_argnums=(1, 2, 3, 4))
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))


def random_ranking(seed: int) -> Importance:
    heads, ffn = jax.random.split(jax.random.key(seed))
    return {
        "heads": jax.random.uniform(heads, (SHAPE.num_layers, SHAPE.num_heads)),
        "ffn": jax.random.uniform(ffn, (SHAPE.num_layers, SHAPE.ffn)),
    }


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
    same = jax.tree.map(
        lambda a, b: bool((a == b).all()), moved.params, moved.opt_state[0].mu
    )
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
