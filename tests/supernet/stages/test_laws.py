"""Every registered stage keeps the laws that all else is derived by."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, keys_of, random_batch, with_noise
from tests.supernet.forms import assert_near, logits_by
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.controllers.variation import canonical, make_sites
from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.params import abstract_params, count_params
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.space.cost import COSTS, CostModel, HeadSize
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams
from xlnas_jax.supernet.relaxed import make_relaxed
from xlnas_jax.supernet.stages.registry import LAYER, STAGES
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.training.reorder import reorder

# What XLA counts beside: norms, softmax, biases.
FLOPS_TOLERANCE = 0.15
FULL = SpaceConfig(pooling=("mean",))
# For each kind of stage a configuration that asks for it, with a choice that leaves it
# out wherever there can be one.
PARTS = {"lora": (0, 3), "prefix": (0, 5)}
ATTENTION = {
    "windowed": dataclasses.replace(FULL, heads=(0, 1, 4), window=(3, 128)),
    "attention": dataclasses.replace(FULL, heads=(0, 1, 4)),
}
CONFIGS = {
    **{
        "+".join([kind, *parts]): dataclasses.replace(
            config, **{name: PARTS[name] for name in parts}
        )
        for kind, config in ATTENTION.items()
        for parts in ((), ("lora",), ("prefix",), ("lora", "prefix"))
    },
    "adapter": dataclasses.replace(FULL, adapter=(0, 4, 16)),
    "ffn": dataclasses.replace(FULL, ffn=(0, 8, 32)),
}
# Of another family than these layers: its laws are in `tests/supernet/families`.
ELSEWHERE = {"grouped"}
KINDS = [stage.name for stage in STAGES if stage.name not in ELSEWHERE]


def all_at_once() -> SpaceConfig:
    """The first kind of every place, with all of its choices."""
    names = [place[0].name for place in LAYER]
    given = [dataclasses.asdict(CONFIGS[name]) for name in names]
    default = dataclasses.asdict(FULL)
    own = {
        key: value
        for one in given
        for key, value in one.items()
        if value != default[key]
    }
    # Of so many choices together each is one branch more to compile.
    return dataclasses.replace(FULL, **{**own, "prefix": (5,), "lora": (3,)})


@functools.cache
def space_of(name: str) -> SearchSpace:
    return make_space(all_at_once() if name == "all" else CONFIGS[name], SHAPE)


@functools.cache
def params_of(name: str) -> SupernetParams:
    """Large weights everywhere, also where new ones would be zero."""
    encoder_key, head_key = keys_of(0, 2)
    made = SupernetParams(
        encoder=init_encoder(encoder_key, SHAPE, space_of(name)),
        head=init_head(head_key, SHAPE, NUM_LABELS),
    )
    return with_noise(made, 0)


def rows_of(name: str, num: int = 12) -> np.ndarray:
    """Random networks, the largest and the smallest among them."""
    space = space_of(name)
    drawn = np.asarray(space.flatten(space.sample_valid(jax.random.key(1), num)))
    ends = [space.flatten(space.largest()), space.flatten(space.smallest())]
    return np.concatenate([drawn, np.stack(ends)]).astype(np.int32)


def logits(name: str, form: str, rows: np.ndarray) -> np.ndarray:
    batch = random_batch(0, 4, 20)
    return logits_by(form, space_of(name), SHAPE, params_of(name), batch, rows)


@pytest.fixture(
    params=["all", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS)]
)
def name(request: pytest.FixtureRequest) -> str:
    """All kinds at once; each alone among the slow ones, since each is compiled."""
    return request.param


@pytest.fixture(params=[*KINDS, "all"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of what is counted alone."""
    return request.param


def test_every_kind_of_stage_is_asked_for_here() -> None:
    assert set(CONFIGS) == set(KINDS)
    for kind, config in CONFIGS.items():
        space = make_space(config, SHAPE)
        assert kind in [stage.name for stage in space.stages]
        for stage in space.stages:
            assert set(stage.knobs) <= {knob.name for knob in space.knobs}
            assert len(stage.words) == len(stage.knobs)


def test_the_parameters_that_are_counted_are_those_that_are_stored(kind) -> None:
    space, rows = space_of(kind), rows_of(kind)
    costs = CostModel(space, SHAPE, (HeadSize(NUM_LABELS),), length=16)
    held = [count_params(slice_subnet(params_of(kind), space, row)) for row in rows]
    assert held == costs(rows)["params"].tolist()
    sliced = slice_subnet(params_of(kind), space, rows[0])
    expected = abstract_params(SHAPE, sliced.sizes, HeadSize(NUM_LABELS), "mean")
    assert jax.tree.structure(expected) == jax.tree.structure(sliced)
    same = jax.tree.map(lambda a, b: a.shape == b.shape, expected, sliced)
    assert all(jax.tree.leaves(same))


def test_the_work_that_is_counted_is_what_xla_counts(name) -> None:
    # Sizes at which products outweigh everything else.
    shape = dataclasses.replace(
        SHAPE, width=96, head_dim=24, ffn=256, max_positions=128, num_layers=2
    )
    config = all_at_once() if name == "all" else CONFIGS[name]
    config = dataclasses.replace(
        config, **({"ffn": (0, 64, 256)} if config.ffn else {})
    )
    space = make_space(config, shape)
    costs = CostModel(space, shape, (HeadSize(NUM_LABELS),), length=128)
    drawn = space.sample_valid(jax.random.key(2), 3)
    rows = np.concatenate(
        [np.asarray(space.flatten(drawn)), space.flatten(space.largest())[None]]
    )
    ids = jax.ShapeDtypeStruct((1, 128), jnp.int32)
    length = jax.ShapeDtypeStruct((1,), jnp.int32)
    run = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
    for row, counted in zip(rows, costs(rows)["flops"], strict=True):
        sizes = [tuple(values.items()) for _, values in space.layers(row)]
        weights = abstract_params(shape, sizes, HeadSize(NUM_LABELS), "mean")
        program = run.lower(weights, shape, "mean", ids, ids, length).compile()
        measured = program.cost_analysis()["flops"]
        assert measured == pytest.approx(counted, rel=FLOPS_TOLERANCE)


def test_masked_sliced_and_exported_are_the_same(name) -> None:
    space, params, rows = space_of(name), params_of(name), rows_of(name)
    sliced, masked = (logits(name, form, rows) for form in ("sliced", "masked"))
    assert_near(masked, sliced)
    batch = random_batch(0, 4, 20)
    arrays = batch.tokens, batch.segments, batch.length
    run = jax.jit(apply_subnet, static_argnames=("shape", "pooling"))
    for row, expected in list(zip(rows, sliced, strict=True))[::4]:
        own = slice_subnet(params, space, row)
        assert_near(run(own, SHAPE, "mean", *arrays), expected)
    assert np.ptp(sliced, axis=0).max() > 0.1


@pytest.mark.parametrize("form", ["masked", "sliced"])
def test_relaxed_at_one_choice_a_site_is_that_network(name, form) -> None:
    space, params, rows = space_of(name), params_of(name), rows_of(name, 3)
    run = jax.jit(make_relaxed(space, SHAPE, form))
    batch, most = random_batch(0, 4, 20), max(space.num_choices)
    expected = logits(name, "masked", rows)
    for row, wanted in zip(rows, expected, strict=True):
        weights = jax.nn.one_hot(jnp.asarray(row), most)
        chosen = jnp.asarray(row) if form == "sliced" else None
        assert_near(run(params, batch, weights, chosen), wanted)


def test_any_order_of_units_changes_no_logit_of_the_full_network(name) -> None:
    space, params = space_of(name), params_of(name)
    rng = np.random.default_rng(0)
    full = [(stage, space.options(stage)[-1]) for stage in space.stages]
    ranking = {
        knob: jnp.asarray(rng.random((SHAPE.num_layers, values[knob])), jnp.float32)
        for stage, values in full
        for knob, _ in stage.units
    }
    moved = jax.jit(lambda given: reorder(given, space, ranking))(params)
    supernet, batch = make_supernet(space, SHAPE), random_batch(0, 4, 20)

    @jax.jit
    def run(one):
        x = supernet.embed(one.encoder.embeddings, batch)
        return supernet.apply(one, x, batch, space.largest())

    assert_near(run(moved), run(params))


def test_new_stages_leave_the_imported_network_as_it_is(name) -> None:
    space = space_of(name)
    key = jax.random.key(3)
    plain = init_encoder(key, SHAPE)
    with_more = init_encoder(key, SHAPE, space)
    head = init_head(key, SHAPE, NUM_LABELS)
    batch = random_batch(0, 4, 20)
    given = make_supernet(make_space(FULL, SHAPE), SHAPE)
    x = jax.jit(given.embed)(plain.embeddings, batch)
    whole = make_space(FULL, SHAPE).largest()
    expected = jax.jit(given.apply)(SupernetParams(plain, head), x, batch, whole)
    supernet = make_supernet(space, SHAPE)
    found = jax.jit(supernet.apply)(
        SupernetParams(with_more, head), x, batch, space.largest()
    )
    assert_near(found, expected)


def test_the_smallest_network_costs_least(kind) -> None:
    space = space_of(kind)
    costs = CostModel(space, SHAPE, (HeadSize(NUM_LABELS),), length=16)
    drawn = space.sample_valid(jax.random.key(4), 300)
    counted, least = costs(np.asarray(space.flatten(drawn))), costs.smallest()
    for cost in COSTS:
        assert (counted[cost] >= least[cost]).all()


def test_choices_without_effect_are_one_network(kind) -> None:
    space = space_of(kind)
    drawn = np.asarray(space.flatten(space.sample(jax.random.key(6), 400)))
    sites = make_sites(space)
    within = jax.jit(lambda rows: canonical(sites, rows))
    on_device = np.asarray(within(jnp.asarray(drawn)))
    np.testing.assert_array_equal(on_device, space.canonical(drawn))
    costs = CostModel(space, SHAPE, (HeadSize(NUM_LABELS),), length=16)
    before, after = costs(drawn), costs(on_device)
    assert all((before[cost] == after[cost]).all() for cost in COSTS)


def test_networks_are_listed_as_often_as_they_are_counted(kind) -> None:
    shape = dataclasses.replace(SHAPE, num_layers=2)
    config = all_at_once() if kind == "all" else CONFIGS[kind]
    space = make_space(config, shape)
    rows = every_architecture(space)
    assert len(rows) == len(np.unique(rows, axis=0)) == space.size
