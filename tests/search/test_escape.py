"""A search that stands still is shaken; one that moves is left alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.archives import archive_of, box_of
from tests.experiments import tiny_config
from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import (
    RandomController,
    RegularisedEvolutionController,
    ReinforceController,
)
from xlnas_jax.config.search import EscapeConfig
from xlnas_jax.controllers.base import Controller, Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.escape import BOUNDS, IMMIGRANTS, NOVELTY, RATE, with_escape
from xlnas_jax.search.search import step
from xlnas_jax.space.constraints import is_feasible

SPACE = tiny_space()
NUM_SITES = len(SPACE.num_choices)
SETTING = make_setting(100.0)
BOX = box_of("error", "flops")
LOW = SETTING.costs.smallest()["flops"]
QUICK = EscapeConfig(patience=2, hold=2, drift=2)
NAMES = ("random", "reinforce", "regularised_evolution")
CONFIGS = (RandomController(), ReinforceController(), RegularisedEvolutionController())


def wrapped(inner, config: EscapeConfig = QUICK, size: int = 8) -> Controller:
    controller = make_controller(inner, SETTING)
    return with_escape(controller, config, SETTING, BOX, size)


def archive(error: float, cost: float = 0.5):
    """One network of that error, and of that share of the box of the cost."""
    flops = LOW + cost * (BOX.reference[1] - LOW)
    return archive_of([[error, flops]], np.zeros((1, NUM_SITES), np.int32))


def told(rows, errors, is_drawn=None) -> Told:
    objectives = jnp.stack([jnp.asarray(errors), jnp.full(len(rows), 50.0)], axis=-1)
    marks = None if is_drawn is None else jnp.asarray(is_drawn)
    return Told(jnp.asarray(rows), objectives, jnp.ones(len(rows), bool), marks)


def at_level(controller: Controller, level: int):
    state = controller.init(jax.random.key(0))
    return dataclasses.replace(state, level=np.asarray(level, np.int32))


def levels(controller: Controller, errors) -> list[int]:
    state, found = controller.init(jax.random.key(0)), []
    for error in errors:
        state = controller.watch(state, archive(error))
        found.append(int(state.level))
    return found


def test_responses_join_one_another_and_are_taken_back():
    # A gain in the first round, then none: two rounds of patience, two at each level.
    found = levels(wrapped(RegularisedEvolutionController()), [0.5] * 16)
    assert found == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 3, 2, 1, 0, 0]


def test_a_strategy_that_mutates_nothing_begins_with_immigrants():
    found = levels(wrapped(RandomController()), [0.5] * 7)
    assert found == [0, 0, IMMIGRANTS, IMMIGRANTS, NOVELTY, NOVELTY, BOUNDS]


def test_a_search_that_gains_is_left_alone():
    errors = 0.9 - 0.01 * np.arange(20)
    assert levels(wrapped(RandomController()), errors) == [0] * 20


def test_a_gain_ends_the_response_once_it_was_held():
    errors = [0.5, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1]
    found = levels(wrapped(RegularisedEvolutionController()), errors)
    assert found == [0, 0, 1, 1, 1, 0, 0, 0]


def test_growth_below_the_threshold_is_no_gain():
    tiny = 0.5 - 1e-4 * np.arange(4)
    assert levels(wrapped(RandomController()), tiny)[-1] == IMMIGRANTS
    keen = EscapeConfig(patience=2, gain=1e-5)
    assert levels(wrapped(RandomController(), keen), tiny)[-1] == 0


def test_drift_to_cheap_networks_that_are_no_good_is_a_halt():
    controller = wrapped(RandomController(), EscapeConfig(drift=3))

    def drift(errors, costs) -> int:
        state = controller.init(jax.random.key(0))
        for error, cost in zip(errors, costs, strict=True):
            state = controller.tell(
                state, told(np.zeros((2, NUM_SITES), int), [error] * 2)
            )
            # The volume grows all the while: cheaper is better, too.
            state = controller.watch(state, archive(0.2, cost))
        return int(state.level)

    worse, cheaper = [0.2, 0.3, 0.4, 0.5], [0.8, 0.7, 0.6, 0.5]
    assert drift(worse, cheaper) == IMMIGRANTS
    assert drift(worse[::-1], cheaper) == 0
    assert drift(worse, cheaper[::-1]) == 0
    assert drift(worse[:3], cheaper[:3]) == 0


@pytest.mark.parametrize("config", CONFIGS, ids=NAMES)
def test_before_a_halt_the_strategy_goes_its_own_way(config):
    plain = make_controller(config, SETTING).compiled()
    shaken = wrapped(config, EscapeConfig(patience=100))
    one, other = (c.init(jax.random.key(0)) for c in (plain, shaken))
    for number in range(5):
        key = jax.random.key(number)
        rows = np.asarray(plain.ask(one, key, 6), np.int32)
        np.testing.assert_array_equal(shaken.ask(other, key, 6), rows)
        np.testing.assert_array_equal(shaken.alter(other, key, rows), rows)
        scores = told(rows, jax.random.uniform(key, (6,)), [True] * 6)
        one, other = plain.tell(one, scores), shaken.tell(other, scores)
        other = shaken.watch(other, archive(0.5))
    leaves = jax.tree.leaves(one), jax.tree.leaves(other.inner)
    for mine, theirs in zip(*leaves, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def population() -> np.ndarray:
    controller = make_controller(RandomController(), SETTING)
    rows = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 200)
    rows = SPACE.canonical(np.asarray(rows, np.int32))
    rows = rows[SPACE.num_kept(rows) > 0]
    rows = np.unique(rows, axis=0)
    return np.random.default_rng(0).permutation(rows)[:20]


@pytest.mark.parametrize("level", [0, RATE, IMMIGRANTS, NOVELTY])
def test_a_share_of_the_population_gives_way_to_immigrants(level):
    controller, rows = wrapped(RandomController()), population()
    found = controller.alter(at_level(controller, level), jax.random.key(2), rows)
    changed = (found != rows).any(-1)
    assert changed.sum() == (5 if level >= IMMIGRANTS else 0)
    assert len(np.unique(found, axis=0)) == len(rows)
    again = controller.alter(at_level(controller, level), jax.random.key(2), rows)
    np.testing.assert_array_equal(found, again)


def test_at_last_the_lowest_choices_are_not_proposed():
    config = EscapeConfig(immigrants=0.0)
    controller, rows = wrapped(RandomController(), config), population()
    found = controller.alter(at_level(controller, BOUNDS), jax.random.key(2), rows)
    kept = np.repeat(found[:, SPACE.columns("keep")], 2, axis=1).astype(bool)
    knobs = found[:, 3:9].reshape(len(found), 2, 3).swapaxes(1, 2).reshape(kept.shape)
    is_same = (found == rows).all(-1)
    assert is_same.sum() < len(rows) / 2  # those that would be there twice
    assert (knobs[~is_same][kept[~is_same]] >= 1).all()
    assert is_feasible(found, SETTING.costs, SETTING.constraints).all()


def test_a_policy_gradient_learns_only_from_what_it_drew():
    controller = wrapped(ReinforceController())
    state = controller.init(jax.random.key(0))
    rows = population()[:6]
    errors = np.linspace(0.9, 0.1, 6)
    marks = [True, True, True, True, False, False]
    found = controller.tell(state, told(rows, errors, marks)).inner
    fewer = told(rows, errors).replace(is_valid=jnp.asarray(marks))
    plain = make_controller(ReinforceController(), SETTING)
    expected = jax.jit(plain.tell)(state.inner, fewer)
    np.testing.assert_array_equal(found.logits, expected.logits)


def test_evolution_learns_from_immigrants_too():
    controller = wrapped(RegularisedEvolutionController())
    state = controller.init(jax.random.key(0))
    rows = population()[:6]
    found = controller.tell(state, told(rows, np.ones(6), [False] * 6)).inner
    assert int(found.history.num) == 6


def test_far_candidates_are_told_as_better_than_they_are():
    config = EscapeConfig(novelty=0.3, neighbours=1)
    controller = wrapped(RegularisedEvolutionController(), config)
    ends = [np.asarray(SPACE.flatten(a)) for a in (SPACE.smallest(), SPACE.largest())]
    rows = SPACE.canonical(np.stack(ends).astype(np.int32))
    state = dataclasses.replace(
        at_level(controller, NOVELTY),
        rows=np.repeat(rows[:1], 8, 0),
        is_known=np.arange(8) < 1,
    )
    found = controller.tell(state, told(rows, [0.5, 0.5])).inner.history
    errors = np.asarray(found.objectives)[:2, 0]
    assert errors[0] == pytest.approx(0.5)
    assert 0.2 <= errors[1] < 0.3


@pytest.mark.parametrize("level", [0, NOVELTY])
def test_failed_candidates_teach_nothing(level):
    controller = wrapped(RegularisedEvolutionController())
    scores = told(population()[:3], [0.5, np.nan, np.inf])
    after = controller.tell(at_level(controller, level), scores)
    assert int(after.inner.history.num) == 1
    assert np.isfinite(after.inner.history.objectives).all()
    after = controller.watch(after, archive(0.5))
    assert all(np.isfinite(after.__dict__[name]) for name in ("volume", "mean_cost"))


def test_the_mutation_rate_is_raised_and_comes_back():
    controller = wrapped(RegularisedEvolutionController())
    state, rates = controller.init(jax.random.key(0)), []
    for _ in range(16):
        state = controller.watch(state, archive(0.5))
        rates.append(float(state.inner.rate))
    assert rates == [1.0, 1.0] + [2.0] * 12 + [1.0, 1.0]


def test_an_empty_archive_is_no_drift():
    controller = wrapped(RandomController())
    state = controller.watch(
        controller.init(jax.random.key(0)),
        archive_of(np.zeros((0, 2)), np.zeros((0, NUM_SITES), np.int32)),
    )
    assert (float(state.volume), int(state.still), int(state.drifting)) == (0.0, 1, 0)


# A whole search.

ROUNDS = 8


def shaken_config(**changes) -> Config:
    config = tiny_config(**changes)
    escape = EscapeConfig(patience=1, hold=1, gain=1.0)
    search = dataclasses.replace(config.search, rounds=ROUNDS, escape=escape)
    return dataclasses.replace(config, search=search)


def start(config: Config):
    experiment = prepare(config)
    data = training_rows(experiment), heldout_data(experiment)
    return experiment, *make_engine(experiment, *data)


def host_copy(state) -> list[np.ndarray]:
    return [np.array(leaf, copy=True) for leaf in jax.tree.leaves(state)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regularised_evolution", "reinforce"])
def test_a_shaken_search_keeps_the_limits_and_resumes_with_the_same_bits(name):
    inner = dict(zip(NAMES, CONFIGS, strict=True))[name]
    experiment, engine, state = start(shaken_config(controller=inner))
    asked, seen, halfway = [], [], None

    def spy(params, indices, num):
        asked.append(indices[:num])
        return engine.evaluate(params, indices, num)

    spied = engine._replace(evaluate=spy)
    total = engine.num_warm_up + ROUNDS
    for number in range(total):
        if number == total // 2:
            halfway = host_copy(state)
        state, metrics = step(spied, state)
        seen.append(int(metrics.summary.get("escape_level", 0)))
    assert max(seen) == BOUNDS
    rows = np.concatenate(asked)
    assert is_feasible(rows, experiment.costs, experiment.config.constraints).all()

    _, again, template = start(shaken_config(controller=inner))
    resumed = jax.tree.unflatten(jax.tree.structure(template), jax.device_put(halfway))
    for _ in range(total - total // 2):
        resumed, _ = step(again, resumed)
    for one, other in zip(host_copy(resumed), host_copy(state), strict=True):
        np.testing.assert_array_equal(one, other)
