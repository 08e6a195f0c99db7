"""Encoders of every family keep the laws that those of BERT keep."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, random_batch
from tests.supernet.families.shapes import (
    ALL,
    NAMES,
    SPACES,
    params_of,
    rows_of,
    shape_of,
    space_of,
)
from tests.supernet.forms import assert_near, logits_by
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.params import abstract_params, count_params
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.relaxed import make_relaxed
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.reorder import reorder

# What XLA counts beside: norms, softmax, biases.
FLOPS_TOLERANCE = 0.15
BATCH = random_batch(0, 4, 20)
# Of these all that is new is in another family, too.
MARKS = dict.fromkeys(("distilbert", "xlm-roberta-xl"), pytest.mark.slow)


def logits(name: str, form: str, rows: np.ndarray) -> np.ndarray:
    return logits_by(form, space_of(name), shape_of(name), params_of(name), BATCH, rows)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=MARKS.get(n, ())) for n in NAMES]
)
def test_masked_sliced_and_exported_are_the_same(name) -> None:
    rows = rows_of(name, 6)
    sliced, masked = (logits(name, form, rows) for form in ("sliced", "masked"))
    assert_near(masked, sliced)
    arrays = BATCH.tokens, BATCH.segments, BATCH.length
    own = slice_subnet(params_of(name), space_of(name), rows[-2])
    run = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
    assert_near(run(own, shape_of(name), "mean", *arrays), sliced[-2])
    assert np.ptp(sliced, axis=0).max() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_that_are_counted_are_those_that_are_stored(name) -> None:
    shape, space, rows = shape_of(name), space_of(name), rows_of(name, 8)
    costs = CostModel(space, shape, (HeadSize(NUM_LABELS),), length=16)
    cut = [slice_subnet(params_of(name), space, row) for row in rows]
    assert [count_params(one) for one in cut] == costs(rows)["params"].tolist()
    expected = abstract_params(shape, cut[0].sizes, HeadSize(NUM_LABELS), "mean")
    assert jax.tree.structure(expected) == jax.tree.structure(cut[0])
    same = jax.tree.map(lambda a, b: a.shape == b.shape, expected, cut[0])
    assert all(jax.tree.leaves(same))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_work_that_is_counted_is_what_xla_counts(name) -> None:
    # Sizes at which products outweigh everything else.
    sizes = {"width": 96, "head_dim": 24, "ffn": 256, "max_positions": 129}
    shape = shape_of(name, **sizes, num_layers=2)
    own = {"heads": (2, 4), "ffn": (64, 256)}
    config = dataclasses.replace(SPACES.get(name, ALL), **own)
    space = make_space(config, shape)
    costs = CostModel(space, shape, (HeadSize(NUM_LABELS),), length=128)
    drawn = np.asarray(space.flatten(space.sample_valid(jax.random.key(2), 2)))
    rows = np.concatenate([drawn, space.flatten(space.largest())[None]])
    ids = jax.ShapeDtypeStruct((1, 128), jnp.int32)
    length = jax.ShapeDtypeStruct((1,), jnp.int32)
    run = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
    for row, counted in zip(rows, costs(rows)["flops"], strict=True):
        sizes = [tuple(values.items()) for _, values in space.layers(row)]
        weights = abstract_params(shape, sizes, HeadSize(NUM_LABELS), "mean")
        program = run.lower(weights, shape, "mean", ids, ids, length).compile()
        measured = program.cost_analysis()["flops"]
        assert measured == pytest.approx(counted, rel=FLOPS_TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["masked", "sliced"])
@pytest.mark.parametrize("name", NAMES)
def test_relaxed_at_one_choice_a_site_is_that_network(name, form) -> None:
    space, params, rows = space_of(name), params_of(name), rows_of(name, 2)
    run = jax.jit(make_relaxed(space, shape_of(name), form))
    most, expected = max(space.num_choices), logits(name, "masked", rows)
    for row, wanted in zip(rows, expected, strict=True):
        weights = jax.nn.one_hot(jnp.asarray(row), most)
        chosen = jnp.asarray(row) if form == "sliced" else None
        assert_near(run(params, BATCH, weights, chosen), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_any_order_of_units_changes_no_logit_of_the_full_network(name) -> None:
    space, params = space_of(name), params_of(name)
    rng, num_layers = np.random.default_rng(0), shape_of(name).num_layers
    full = [(stage, space.options(stage)[-1]) for stage in space.stages]
    ranking = {
        knob: jnp.asarray(rng.random((num_layers, values[knob])), jnp.float32)
        for stage, values in full
        for knob, _ in stage.units
    }
    moved = jax.jit(lambda given: reorder(given, space, ranking))(params)
    supernet = make_supernet(space, shape_of(name), "masked")

    @jax.jit
    def run(one):
        x = supernet.embed(one.encoder.embeddings, BATCH)
        return supernet.apply(one, x, BATCH, space.largest())

    assert_near(run(moved), run(params))
