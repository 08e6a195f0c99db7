"""Two devices find what one finds, and candidates are dealt out evenly."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.evaluation.test_evaluate import BATCHES, TASK, evaluator, population
from tests.experiments import tiny_config
from tests.models import SHAPE, few_choices, random_batch, tiny_params
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.devices.sharding import (
    LEAST_CUT,
    constrain,
    local,
    make_mesh,
    place,
    replicate,
    require_divisible,
    shard_steps,
)
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import ConfigError

SPACE = few_choices()
TOLERANCE = 2e-4  # sums of some tens of float32 statistics, in another order
MESHES = [DevicesConfig(pop=2), DevicesConfig(pop=1, data=2)]
ONE, TWO = DevicesConfig(pop=1), DevicesConfig(pop=2)
CUT = DevicesConfig(pop=2, fsdp=True)
ROUNDS = 4


PLACES = [
    (MESHES[0], "sliced"),
    (MESHES[1], "masked"),
    pytest.param(MESHES[0], "masked", marks=pytest.mark.slow),
    pytest.param(MESHES[1], "sliced", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(
    ("devices", "form"), PLACES, ids=["pop", "data", "pop-masked", "data-sliced"]
)
@pytest.mark.parametrize("num", [0, pytest.param(1, marks=pytest.mark.slow), 7])
def test_sharded_scores_equal_those_of_one_device(devices, form, num):
    mesh, params, rows = make_mesh(devices), tiny_params(), np.asarray(population(7))
    supernet = make_supernet(SPACE, SHAPE, form)
    costs = CostModel(SPACE, SHAPE, (HeadSize(5),), length=8)
    sharded = make_evaluator(supernet, SPACE, TASK, 2, form, 2, mesh, costs.stages())
    batches = shard_steps(mesh, BATCHES)
    found = sharded(replicate(mesh, params), rows, num, batches)
    expected = evaluator(form, 2)(params, rows, num, BATCHES)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    assert sharded.program._cache_size() == 1


def test_steps_that_fill_up_the_devices_count_nothing():
    mesh = make_mesh(DevicesConfig(pop=1, data=2))
    batches = (random_batch(3, 4, 8), random_batch(2, 4, 8))
    odd, even = shard_steps(mesh, batches)
    assert (odd.tokens.shape[0], even.tokens.shape[0]) == (4, 2)
    np.testing.assert_array_equal(odd.weight[3], 0.0)
    assert float(odd.weight.sum()) == float(batches[0].weight.sum())


@functools.cache
def built(devices: DevicesConfig):
    """The engine of a tiny search, compiled once, and its first state."""
    config = dataclasses.replace(tiny_config(), devices=devices)
    experiment = prepare(config)
    return make_engine(experiment, training_rows(experiment), heldout_data(experiment))


def started(devices: DevicesConfig):
    """The same with a state that may be donated."""
    engine, state = built(devices)
    return engine, jax.tree.map(lambda leaf: leaf.copy(), state)


@functools.cache
def after(rounds: int, devices: DevicesConfig):
    """The state after so many rounds."""
    engine, state = started(devices)
    for _ in range(rounds):
        state, _ = step(engine, state)
    return state


def assert_same_search(one, other) -> None:
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4),
        one.learner.params,
        other.learner.params,
    )
    np.testing.assert_array_equal(one.archive.indices, other.archive.indices)
    valid = np.asarray(one.archive.is_valid)
    np.testing.assert_allclose(
        np.asarray(one.archive.objectives)[valid],
        np.asarray(other.archive.objectives)[valid],
        atol=1e-5,
    )


@pytest.mark.slow
@pytest.mark.parametrize("devices", [*MESHES, CUT], ids=["pop", "data", "fsdp"])
def test_a_search_on_two_devices_goes_as_on_one(devices):
    assert_same_search(after(ROUNDS, ONE), after(ROUNDS, devices))


def test_devices_that_cannot_be_divided_so_are_refused():
    with pytest.raises(ConfigError, match="number of devices"):
        make_mesh(DevicesConfig(pop=0, data=99))
    config = dataclasses.replace(tiny_config(), devices=DevicesConfig(pop=2))
    train = dataclasses.replace(config.train, batch_size=15)
    config = dataclasses.replace(config, train=train)
    experiment = prepare(config)
    with pytest.raises(ConfigError, match="multiple of the 2 devices; got 15"):
        make_engine(experiment, training_rows(experiment), heldout_data(experiment))
    parts = dataclasses.replace(train, batch_size=18, accumulate=6)
    with pytest.raises(ConfigError, match=r"2 devices times train\.accumulate 6"):
        require_divisible(make_mesh(config.devices), parts)
    parts = dataclasses.replace(parts, batch_size=36)
    require_divisible(make_mesh(config.devices), parts)


def test_all_devices_are_used_where_none_are_named():
    mesh = make_mesh(DevicesConfig())
    assert mesh.shape == {"pop": jax.device_count(), "data": 1}
    assert jnp.asarray(mesh.size) == jax.device_count()


# The default run moves from parts of the weights to whole ones on one device.
MOVES = [
    (CUT, ONE),
    *(
        pytest.param(*move, marks=pytest.mark.slow)
        for move in [(ONE, TWO), (TWO, ONE), (TWO, CUT), (CUT, TWO)]
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "then"), MOVES)
def test_a_run_goes_on_upon_other_devices(before, then, tmp_path):
    cut = ROUNDS - 1
    with Checkpoints(tmp_path, 1) as saved:
        saved.save(cut, after(cut, before))
    engine, template = started(then)
    with Checkpoints(tmp_path, 1) as saved:
        restored = saved.restore(template)
    assert restored is not None and restored[0] == cut
    state, _ = step(engine, restored[1])
    assert_same_search(after(ROUNDS, ONE), state)


def test_what_was_saved_on_other_devices_is_restored_to_these(tmp_path):
    """What a run goes on from; that it then goes on alike is held by the slow tests."""
    _, state = started(CUT)
    params = jax.tree.map(lambda leaf: leaf + 0.01, state.learner.params)
    learner = dataclasses.replace(state.learner, params=params)
    state = dataclasses.replace(state, learner=learner)
    with Checkpoints(tmp_path, 1) as saved:
        saved.save(1, state)
    _, template = started(ONE)
    with Checkpoints(tmp_path, 1) as saved:
        restored = saved.restore(template)
    assert restored is not None
    pairs = zip(jax.tree.leaves(state), jax.tree.leaves(restored[1]), strict=True)
    for leaf, again in pairs:
        np.testing.assert_array_equal(leaf, again)
    places = {leaf.sharding for leaf in jax.tree.leaves(restored[1].learner.params)}
    assert {place.num_devices for place in places} == {1}


def bytes_by_device(tree) -> dict[int, int]:
    """What each device holds of the tree."""
    found = dict.fromkeys(range(2), 0)
    for leaf in jax.tree.leaves(tree):
        for shard in leaf.addressable_shards:
            found[shard.device.id] += shard.data.nbytes
    return found


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        ((64, 32), (32, 32)),
        ((3, 5, 400), (3, 5, 200)),
        ((401, 64), (401, 32)),
        ((401, 65), (401, 65)),
        ((LEAST_CUT,), (LEAST_CUT // 2,)),
        ((LEAST_CUT - 2,), (LEAST_CUT - 2,)),
        ((), ()),
    ],
)
def test_the_largest_axis_that_can_be_is_cut(shape, part):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    placed = place(make_mesh(CUT), {"leaf": array}, fsdp=True)["leaf"]
    assert [shard.data.shape for shard in placed.addressable_shards] == [part] * 2
    np.testing.assert_array_equal(placed, array)
    together = local({"leaf": placed})["leaf"]
    assert len(together.sharding.device_set) == 1
    np.testing.assert_array_equal(together, array)


@pytest.mark.slow
def test_with_fsdp_devices_hold_half_of_what_is_large_and_go_on_so():
    (engine, cut), (_, whole) = started(CUT), started(TWO)
    large = [x.nbytes for x in jax.tree.leaves(whole.learner) if x.size >= LEAST_CUT]
    expected = bytes_by_device(whole.learner)[0] - sum(large) // 2
    assert sum(large) > 0.5 * bytes_by_device(whole.learner)[0]
    for _ in range(3):  # the last of the warm-up reorders
        assert bytes_by_device(cut.learner) == {0: expected, 1: expected}
        cut, _ = step(engine, cut)
    moments = [
        leaf
        for leaf in jax.tree.leaves(cut.learner.opt_state)
        if leaf.size >= LEAST_CUT and not leaf.is_fully_replicated
    ]
    assert len(moments) == 2 * len(large) // 3


def test_gradients_are_kept_in_parts():
    mesh = make_mesh(CUT)
    weights = place(mesh, np.ones((64, 32), np.float32), fsdp=True)

    @jax.jit
    def gradient(weights, x):
        whole = constrain(mesh, weights)
        return constrain(mesh, jax.grad(lambda w: (x @ w).sum())(whole), fsdp=True)

    found = gradient(weights, np.ones((8, 64), np.float32))
    assert found.sharding.is_equivalent_to(weights.sharding, 2)
    np.testing.assert_array_equal(found, 8.0)


def test_weights_kept_in_parts_score_as_whole_ones():
    mesh, params, rows = make_mesh(CUT), tiny_params(), np.asarray(population(7))
    supernet = make_supernet(SPACE, SHAPE, "sliced")
    sharded = make_evaluator(supernet, SPACE, TASK, 2, "sliced", 2, mesh)
    cut = place(mesh, params, fsdp=True)
    assert any(not leaf.is_fully_replicated for leaf in jax.tree.leaves(cut))
    found = sharded(cut, rows, 7, shard_steps(mesh, BATCHES))
    assert found.is_fully_replicated
    expected = evaluator("sliced", 2)(params, rows, 7, BATCHES)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
