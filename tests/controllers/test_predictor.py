"""Predictor-guided search asks for what is new, feasible, and likely to be good."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config.controller import PredictorController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.predictor import make_predictor, one_hot
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.every import every_architecture

SPACE = tiny_space()
POPULATION, ROUNDS = 8, 8


def landscape(rows: np.ndarray, seed: int) -> np.ndarray:
    """What each choice adds, and what neighbouring layers add together."""
    features = one_hot(SPACE, rows)
    rng = np.random.default_rng(seed)
    pairs = features[:, :-1] * features[:, 1:]
    single = features @ rng.normal(size=features.shape[1])
    return -single - 0.5 * pairs @ rng.normal(size=pairs.shape[1])


def search(controller, costs, seed: int, initial_key: int = 0):
    """Canonical rows in the order that they were told."""
    state = controller.init(jax.random.key(seed))
    met = []
    for number in range(ROUNDS):
        key = jax.random.fold_in(jax.random.key(seed), number)
        rows = np.asarray(controller.ask(state, key, POPULATION))
        objectives = np.stack([landscape(rows, seed), costs(rows)["flops"]], -1)
        told = Told(
            jnp.asarray(rows, jnp.int32),
            jnp.asarray(objectives, jnp.float32),
            jnp.ones(len(rows), bool),
        )
        state = controller.tell(state, told)
        met.append(SPACE.canonical(rows))
    return np.concatenate(met)


@pytest.fixture(scope="module")
def setting():
    most = float(make_setting().costs(every_architecture(SPACE))["flops"].max())
    limits = ConstraintsConfig(flops=0.6 * most)
    return make_setting(most, space=SPACE, constraints=limits)


def test_only_feasible_networks_are_asked_for_and_none_twice(setting):
    controller = make_predictor(PredictorController(initial=8), setting)
    met = search(controller, setting.costs, seed=0)
    assert is_feasible(met, setting.costs, setting.constraints).all()
    assert len(np.unique(met, axis=0)) == len(met) == POPULATION * ROUNDS


@pytest.mark.slow
def test_it_comes_closer_to_the_best_than_uniform_draws_do(setting):
    every = every_architecture(SPACE)
    every = every[is_feasible(every, setting.costs, setting.constraints)]
    guided = make_predictor(PredictorController(initial=8, pool=256), setting)
    # With nothing but initial draws it is random search without repetition.
    blind = make_predictor(PredictorController(initial=10_000, pool=256), setting)
    ranks = []
    for seed in range(5):
        values = np.sort(landscape(every, seed))
        found = [search(one, setting.costs, seed) for one in (guided, blind)]
        best = [landscape(rows, seed).min() for rows in found]
        ranks.append([int((values < one - 1e-9).sum()) for one in best])
    ours, theirs = np.median(np.asarray(ranks), axis=0)
    assert ours < theirs / 4


def test_a_space_that_was_seen_whole_is_asked_for_again(setting):
    few = tiny_space(min_layers=3)
    limits = ConstraintsConfig(
        params=float(make_setting(space=few).costs.smallest()["params"])
    )
    only = make_setting(1.0, space=few, constraints=limits)
    controller = make_predictor(PredictorController(), only)
    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 5)
    assert asked.shape == (5, len(few.num_choices))


def test_history_keeps_the_newest(setting):
    controller = make_predictor(PredictorController(history=6), setting)
    state = controller.init(jax.random.key(0))
    for number in range(3):
        rows = jnp.full((4, len(SPACE.num_choices)), number % 2, jnp.int32)
        told = Told(rows, jnp.full((4, 2), float(number)), jnp.arange(4) < 3)
        state = controller.tell(state, told)
    assert state.objectives[:, 0].tolist() == [1, 0, 2, 2, 2, 0]
    assert state.is_valid.tolist() == [True, False, True, True, True, False]
    assert int(state.count) == 9
