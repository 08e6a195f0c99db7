"""A network without layers is the static model: pooled embeddings and a head."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import SHAPE, random_batch, tiny_params
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.every import every_architecture
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification

SPACE = make_space(SpaceConfig(min_layers=0, heads=(1, 4), ffn=(8, 32)), SHAPE)
NONE = np.zeros(len(SPACE.num_choices), np.int32)


def expected(params, batch) -> np.ndarray:
    supernet = make_supernet(SPACE, SHAPE)
    x = np.asarray(supernet.embed(params.encoder.embeddings, batch), np.float64)
    mask = np.asarray(batch.mask)
    pooled = (x * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    head = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params.head)
    hidden = np.tanh(pooled @ head.hidden.kernel + head.hidden.bias)
    return hidden @ head.output.kernel + head.output.bias


@pytest.mark.parametrize("form", ["sliced", "masked"])
def test_it_pools_embeddings_in_every_form(form: str) -> None:
    params, batch = tiny_params(), random_batch(0, 5, 9)
    supernet = make_supernet(SPACE, SHAPE, form)
    x = supernet.embed(params.encoder.embeddings, batch)
    arch = SPACE.unflatten(jnp.asarray(NONE))
    found = jax.jit(supernet.apply)(params, x, batch, arch)
    np.testing.assert_allclose(found, expected(params, batch), atol=1e-5)


def test_it_is_exported_as_it_is_scored() -> None:
    params, batch = tiny_params(), random_batch(0, 5, 9)
    sliced = slice_subnet(params, SPACE, NONE)
    assert sliced.layers == ()
    arrays = batch.tokens, batch.segments, batch.length
    found = apply_subnet(sliced, SHAPE, "mean", *arrays)
    np.testing.assert_allclose(found, expected(params, batch), atol=1e-5)


def test_among_others_it_is_scored_as_alone() -> None:
    params, batches = tiny_params(), (random_batch(2, 4, 8),)
    task = make_classification(tuple("abcde"))
    rows = np.stack([NONE, NONE + 1, NONE])
    for form in ("sliced", "masked"):
        score = make_evaluator(make_supernet(SPACE, SHAPE, form), SPACE, task, 2, form)
        found = score(params, rows, 3, batches)
        np.testing.assert_allclose(found[0], found[2], rtol=1e-6)
        assert not np.allclose(found[0], found[1])


def test_it_is_counted_and_costs_nothing_but_its_head() -> None:
    costs = CostModel(SPACE, SHAPE, (HeadSize(5),), 8)
    found = costs.counted(NONE[None])
    assert found["encoder_params"][0] == 0
    assert found["flops"][0] == HeadSize(5).flops(SHAPE.width, 8)
    every = every_architecture(SPACE)
    assert (SPACE.num_kept(every) == 0).sum() == 1
    assert len(every) == SPACE.size
    np.testing.assert_array_equal(SPACE.flatten(SPACE.smallest()), NONE)
