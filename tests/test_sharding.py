"""Two devices find what one finds, and candidates are dealt out evenly."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.models import SHAPE, random_batch, tiny_params, tiny_space
from tests.test_evaluate import BATCHES, TASK, evaluator, population
from xlnas_jax.checkpoint import Checkpoints
from xlnas_jax.config import DevicesConfig
from xlnas_jax.engine import make_engine
from xlnas_jax.evaluate import make_evaluator
from xlnas_jax.experiment import heldout_data, prepare, training_rows
from xlnas_jax.search import step
from xlnas_jax.sharding import deal, imbalance, make_mesh, replicate, shard_steps
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import ConfigError

SPACE = tiny_space()
TOLERANCE = 2e-4  # sums of some tens of float32 statistics, in another order
MESHES = [DevicesConfig(pop=2), DevicesConfig(pop=1, data=2)]


@pytest.mark.parametrize("form", ["sliced", "masked"])
@pytest.mark.parametrize("devices", MESHES, ids=["pop", "data"])
@pytest.mark.parametrize("num", [0, 1, 7])
def test_sharded_scores_equal_those_of_one_device(devices, form, num):
    mesh, params, rows = make_mesh(devices), tiny_params(), np.asarray(population(7))
    supernet = make_supernet(SPACE, SHAPE, form)
    costs = CostModel(SPACE, SHAPE, (HeadSize(5),), length=8)
    sharded = make_evaluator(
        supernet, SPACE, TASK, 2, form, 2, mesh, lambda rows: costs(rows)["flops"]
    )
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


@pytest.mark.parametrize("devices", MESHES, ids=["pop", "data"])
def test_a_search_on_two_devices_goes_as_on_one(devices):
    rounds, found = 4, []
    for shared in (DevicesConfig(pop=1), devices):
        config = dataclasses.replace(tiny_config(), devices=shared)
        experiment = prepare(config)
        rows, heldout = training_rows(experiment), heldout_data(experiment)
        engine, state = make_engine(experiment, rows, heldout)
        for _ in range(rounds):
            state, _ = step(engine, state)
        found.append(state)
    one, two = found
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4),
        one.learner.params,
        two.learner.params,
    )
    np.testing.assert_array_equal(one.archive.indices, two.archive.indices)
    valid = np.asarray(one.archive.is_valid)
    np.testing.assert_allclose(
        np.asarray(one.archive.objectives)[valid],
        np.asarray(two.archive.objectives)[valid],
        atol=1e-3,
    )


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("hands", [1, 3, 8])
def test_every_candidate_is_dealt_once_and_devices_have_room_for_as_many(seed, hands):
    work = np.random.default_rng(seed).integers(1, 1000, 64)
    dealt = deal(work, hands)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(64))
    assert max(map(len, dealt)) <= -(-64 // hands)


@pytest.mark.parametrize("seed", range(20))
def test_a_population_of_64_on_8_devices_is_in_balance(seed):
    space = tiny_space(min_layers=1)
    rows = np.asarray(space.flatten(space.sample_valid(jax.random.key(seed), 64)))
    costs = CostModel(space, SHAPE, (HeadSize(5),), length=16)
    work = costs(rows)["flops"]
    assert imbalance(work, deal(work, 8)) <= 0.1
    in_order = [np.arange(64)[i::8] for i in range(8)]
    assert imbalance(work, deal(work, 8)) < imbalance(work, in_order)


def test_devices_that_cannot_be_divided_so_are_refused():
    with pytest.raises(ConfigError, match="number of devices"):
        make_mesh(DevicesConfig(pop=0, data=99))
    config = dataclasses.replace(tiny_config(), devices=DevicesConfig(pop=2))
    train = dataclasses.replace(config.train, batch_size=15)
    config = dataclasses.replace(config, train=train)
    experiment = prepare(config)
    with pytest.raises(ConfigError, match="multiple of the 2 devices"):
        make_engine(experiment, training_rows(experiment), heldout_data(experiment))


def test_all_devices_are_used_where_none_are_named():
    mesh = make_mesh(DevicesConfig())
    assert mesh.shape == {"pop": jax.device_count(), "data": 1}
    assert jnp.asarray(mesh.size) == jax.device_count()


def started(devices: DevicesConfig):
    config = dataclasses.replace(tiny_config(), devices=devices)
    experiment = prepare(config)
    rows, heldout = training_rows(experiment), heldout_data(experiment)
    return make_engine(experiment, rows, heldout)


@pytest.mark.parametrize("before", [1, 2])
def test_a_run_goes_on_upon_another_number_of_devices(before, tmp_path):
    rounds, cut = 4, 3
    engine, unbroken = started(DevicesConfig(pop=1))
    for _ in range(rounds):
        unbroken, _ = step(engine, unbroken)
    engine, state = started(DevicesConfig(pop=before))
    for _ in range(cut):
        state, _ = step(engine, state)
    with Checkpoints(tmp_path, 1) as saved:
        saved.save(cut, state)
    engine, template = started(DevicesConfig(pop=3 - before))
    with Checkpoints(tmp_path, 1) as saved:
        restored = saved.restore(template)
    assert restored is not None and restored[0] == cut
    state = restored[1]
    for _ in range(rounds - cut):
        state, _ = step(engine, state)
    np.testing.assert_array_equal(state.archive.indices, unbroken.archive.indices)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4),
        state.learner.params,
        unbroken.learner.params,
    )
