"""Each configured kind becomes its controller, and every one keeps the contract."""

import functools
import sys
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config.controller import (
    AnyController,
    OptunaController,
    RandomController,
    ReinforceController,
)
from xlnas_jax.controllers.base import Controller, Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.types import ConfigError

SPACE = tiny_space()
NUM_SITES = len(SPACE.num_choices)
ENDS = np.asarray(SPACE.num_choices)
POPULATION, MANY = 6, 64
KINDS = {config().kind: config() for config in typing.get_args(AnyController)}
SEEDED = ("tpe", "nsga2", "random")
every_kind = pytest.mark.parametrize("kind", KINDS)


# Compiled once for all tests of a kind.
@functools.cache
def make(kind: str) -> Controller:
    return make_controller(KINDS[kind], make_setting(10.0)).compiled()


def told_of(rows, key: int, is_valid=None) -> Told:
    """Two objectives that follow from the key alone."""
    scores = jax.random.uniform(jax.random.key(key), (len(rows), 2))
    valid = jnp.ones(len(rows), bool) if is_valid is None else is_valid
    return Told(jnp.asarray(rows, jnp.int32), scores, valid)


def after_rounds(controller: Controller, rounds: int):
    """A state that was told of a few populations, each of which it asked for."""
    state = controller.init(jax.random.key(0))
    for number in range(rounds):
        rows = controller.ask(state, jax.random.key(100 + number), POPULATION)
        state = controller.tell(state, told_of(rows, number))
    return state


def floats(state) -> list[np.ndarray]:
    return [
        np.asarray(leaf)
        for leaf in jax.tree.leaves(state)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]


def assert_same(one, other) -> None:
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    for a, b in leaves:
        np.testing.assert_array_equal(a, b)


@every_kind
@pytest.mark.parametrize("rounds", [5, pytest.param(0, marks=pytest.mark.slow)])
def test_asked_candidates_are_points_of_the_space(kind, rounds):
    controller = make(kind)

    asked = controller.ask(after_rounds(controller, rounds), jax.random.key(1), MANY)

    assert asked.shape == (MANY, NUM_SITES)
    assert asked.dtype == jnp.int32
    assert (np.asarray(asked) >= 0).all()
    assert (np.asarray(asked) < ENDS).all()


# The controls ask for what is uniform or large alone.
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"uniform", "more_params"}))
def test_every_choice_may_be_asked_for_at_the_start(kind):
    controller = make(kind)

    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), MANY)

    np.testing.assert_array_equal(np.asarray(asked).min(0), 0)
    np.testing.assert_array_equal(np.asarray(asked).max(0), ENDS - 1)


@every_kind
def test_states_are_arrays_whose_shapes_and_types_stay(kind):
    controller = make(kind)
    states = [after_rounds(controller, rounds) for rounds in (0, 1, 7)]

    forms = [
        [(np.shape(leaf), np.asarray(leaf).dtype) for leaf in jax.tree.leaves(state)]
        for state in states
    ]

    assert forms[0] == forms[1] == forms[2]
    # A checkpoint cannot hold an array without elements.
    assert all(np.prod(shape) > 0 for shape, _ in forms[0])


@every_kind
def test_the_same_state_and_key_ask_the_same(kind):
    controller = make(kind)
    state = after_rounds(controller, 5)

    asked = controller.ask(state, jax.random.key(7), MANY)

    np.testing.assert_array_equal(controller.ask(state, jax.random.key(7), MANY), asked)
    rebuilt = make.__wrapped__(kind)
    np.testing.assert_array_equal(rebuilt.ask(state, jax.random.key(7), MANY), asked)


@every_kind
def test_different_keys_ask_differently(kind):
    controller = make(kind)
    state = after_rounds(controller, 5)

    asked = [np.asarray(controller.ask(state, jax.random.key(i), MANY)) for i in (7, 8)]

    assert (asked[0] != asked[1]).any()


@every_kind
def test_a_population_without_valid_rows_leaves_a_state_that_can_be_asked(kind):
    controller = make(kind)
    state = after_rounds(controller, 2)
    told = told_of(controller.ask(state, jax.random.key(3), POPULATION), 0)
    nothing = told.replace(
        objectives=told.objectives * jnp.nan, is_valid=jnp.zeros(POPULATION, bool)
    )

    for _ in range(3):
        state = controller.tell(state, nothing)

    assert not any(np.isnan(leaf).any() for leaf in floats(state))
    asked = np.asarray(controller.ask(state, jax.random.key(4), MANY))
    assert ((asked >= 0) & (asked < ENDS)).all()


@every_kind
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_failed_scores_are_as_if_they_were_marked_invalid(kind, bad):
    controller = make(kind)
    state = after_rounds(controller, 2)
    told = told_of(controller.ask(state, jax.random.key(3), POPULATION), 9)
    is_bad = jnp.arange(POPULATION) % 3 == 0
    failed = told.replace(
        objectives=jnp.where(is_bad[:, None], bad, told.objectives),
    )

    unmarked = controller.tell(state, failed)
    marked = controller.tell(state, told.replace(is_valid=~is_bad))

    assert not any(np.isnan(leaf).any() for leaf in floats(unmarked))
    key = jax.random.key(5)
    np.testing.assert_array_equal(
        controller.ask(unmarked, key, MANY), controller.ask(marked, key, MANY)
    )


@every_kind
def test_rounds_run_under_scan_with_shapes_that_stay(kind):
    controller = make_controller(KINDS[kind], make_setting(10.0))
    if not controller.is_compiled:
        pytest.skip("runs on the host")

    def step(state, key):
        indices = controller.ask(state, key, POPULATION)
        scores = jax.random.uniform(key, (POPULATION, 2))
        return controller.tell(
            state, Told(indices, scores, scores[:, 0] > 0.3)
        ), indices

    start = controller.init(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 5)
    end, asked = jax.jit(lambda start: jax.lax.scan(step, start, keys))(start)

    assert asked.shape == (5, POPULATION, NUM_SITES)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(s)] for s in (start, end)]
    assert shapes[0] == shapes[1]


@every_kind
def test_summaries_are_finite_numbers(kind):
    controller = make(kind)

    for rounds in (0, 2):
        summary = controller.summary(after_rounds(controller, rounds))
        assert all(np.isfinite(np.asarray(value)).all() for value in summary.values())


@every_kind
def test_a_mutation_rate_can_be_raised_and_restored(kind):
    controller = make(kind)
    if controller.with_rate is None:
        pytest.skip("mutates nothing")
    state = after_rounds(controller, 5)
    key = jax.random.key(5)
    usual = np.asarray(controller.ask(state, key, MANY))

    raised = controller.with_rate(state, jnp.asarray(16.0))

    assert (np.asarray(controller.ask(raised, key, MANY)) != usual).any()
    assert_same(controller.with_rate(raised, jnp.asarray(1.0)), state)


@pytest.mark.parametrize("sampler", SEEDED)
def test_each_sampler_of_optuna_keeps_the_contract(sampler):
    config = OptunaController(sampler=sampler)
    controller = make_controller(config, make_setting(10.0))
    state = after_rounds(controller, 5)

    asked = [np.asarray(controller.ask(state, jax.random.key(i), 16)) for i in (1, 2)]

    again = np.asarray(controller.ask(state, jax.random.key(1), 16))
    np.testing.assert_array_equal(asked[0], again)
    assert (asked[0] != asked[1]).any()
    assert ((asked[0] >= 0) & (asked[0] < ENDS)).all()


def test_without_optuna_the_extra_is_named_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(ConfigError, match=r"pip install 'xlnas-jax\[optuna\]'"):
        make_controller(OptunaController(), make_setting())


def test_kinds_differ_in_what_they_learn():
    told = Told(jnp.eye(2, NUM_SITES, dtype=jnp.int32), jnp.eye(2), jnp.ones(2, bool))

    moved = []
    for config in (ReinforceController(), RandomController()):
        controller = make_controller(config, make_setting(1.0))
        state = controller.init(jax.random.key(0))
        before = controller.summary(state)["probabilities"]
        after = controller.summary(controller.tell(state, told))["probabilities"]
        moved.append(bool((before != after).any()))

    assert moved == [True, False]
