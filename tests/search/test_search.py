import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import pytest

from tests.experiments import RANDOM, tiny_config
from xlnas_jax.devices.sharding import make_mesh
from xlnas_jax.evaluation import population
from xlnas_jax.experiment.arrays import heldout_data, scoring_data, training_rows
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.finish import (
    Rescore,
    final_front,
    random_control,
    uniform_scaling,
)
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import Engine, SearchState, step
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.types import ArchitectureError, LeakError


def start(config):
    experiment = prepare(config)
    rows, heldout = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, rows, heldout)
    return experiment, engine, state


def run(engine, state: SearchState, rounds: int) -> SearchState:
    for _ in range(rounds):
        state, _ = step(engine, state)
    return state


# Two rounds of warm-up, the second one short, and four of search.
ROUNDS = 6


def host_copy(state: SearchState) -> list[np.ndarray]:
    """What a checkpoint holds: copies, because the round donates its input."""
    return [np.array(leaf, copy=True) for leaf in jax.tree.leaves(state)]


def restored(template: SearchState, leaves: list[np.ndarray]) -> SearchState:
    return jax.tree.unflatten(jax.tree.structure(template), jax.device_put(leaves))


def assert_same_bits(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


class Begun(NamedTuple):
    """An engine that has run, with what was compiled after its first round."""

    experiment: Experiment
    engine: Engine
    first: Callable[[], SearchState]
    compiled: list[str]


@pytest.fixture(scope="module")
def begun():
    compiled = []

    def heard(event: str, seconds: float, **_: object) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    experiment, engine, state = start(tiny_config())
    leaves = host_copy(state)
    state = run(engine, state, engine.num_warm_up + 1)
    jax.monitoring.register_event_duration_secs_listener(heard)
    state = run(engine, state, 3)
    jax.block_until_ready(state)
    jax.monitoring.unregister_event_duration_listener(heard)
    return Begun(experiment, engine, lambda: restored(state, leaves), compiled)


@pytest.fixture(
    scope="module", params=["reinforce", pytest.param("random", marks=pytest.mark.slow)]
)
def finished(request, begun):
    if request.param == "reinforce":
        found = run(begun.engine, begun.first(), ROUNDS)
        return begun.experiment, begun.engine, found
    experiment, engine, state = start(tiny_config(controller=RANDOM))
    return experiment, engine, run(engine, state, ROUNDS)


@pytest.fixture(scope="module")
def unbroken(begun):
    """The state before each round, and after the last."""
    state = begun.first()
    saved = [host_copy(state)]
    for _ in range(ROUNDS):
        state, _ = step(begun.engine, state)
        saved.append(host_copy(state))
    return saved


# In the warm-up, at its end (weights were just reordered), and in the search.
@pytest.mark.parametrize(
    "number",
    [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1, 3, 4, 5))],
)
def test_resuming_from_any_round_gives_the_same_bits(unbroken, number):
    _, fresh, template = start(tiny_config())
    again = run(fresh, restored(template, unbroken[number]), ROUNDS - number)
    assert_same_bits(host_copy(again), unbroken[ROUNDS])


def test_every_archived_candidate_is_feasible_and_unique(finished):
    experiment, _, state = finished
    rows = np.asarray(state.archive.indices)[np.asarray(state.archive.is_valid)]
    assert len(rows) > 0
    limits = experiment.config.constraints
    assert is_feasible(rows, experiment.costs, limits).all()
    names = [experiment.space.identifier(row) for row in rows]
    assert len(set(names)) == len(names)


def test_infeasible_candidates_never_reach_the_evaluator(begun):
    experiment, engine, first, _ = begun
    asked = []

    def spy(params, indices, num):
        asked.append(indices[:num])
        return engine.evaluate(params, indices, num)

    state = run(engine._replace(evaluate=spy), first(), ROUNDS)
    rows = np.concatenate(asked)
    assert len(rows) == int(state.evaluated) == 24
    assert int(state.rejected) > 0
    limits = experiment.config.constraints
    assert is_feasible(rows, experiment.costs, limits).all()


def test_scores_that_are_not_finite_are_counted_and_enter_nothing(begun):
    _, engine, first, _ = begun

    def broken(params, indices, num):
        found = engine.evaluate(params, indices, num)
        sums = tuple(own.at[:2].set(np.nan) for own in found.statistics)
        return dataclasses.replace(found, statistics=sums)

    failing, state = engine._replace(evaluate=broken), first()
    for _ in range(ROUNDS):
        state, metrics = step(failing, state)
    assert int(metrics.failed) == 2
    assert int(state.failed) == 8
    assert int(state.evaluated) == 24
    for leaf in jax.tree.leaves((state.controller, state.archive.values)):
        assert np.isfinite(np.asarray(leaf)).all()
    found = np.asarray(state.archive.objectives)[np.asarray(state.archive.is_valid)]
    assert len(found) > 0
    assert np.isfinite(found).all()


def test_nothing_is_compiled_after_the_first_round(begun):
    assert begun.compiled == []


def ended(experiment, engine, state):
    """The front of a finished search."""
    score = Rescore(experiment, engine, state.learner.params)
    return final_front(experiment, score, state.archive)


def test_no_network_is_scored_twice_with_the_same_weights(finished):
    experiment, engine, state = finished
    counts = []

    def counted(params, table, count):
        counts.append(count)
        return engine.score(params, table, count)

    params = state.learner.params
    score = Rescore(experiment, engine._replace(score=counted), params)
    rows = draw_feasible(experiment, 7, "control")
    first = score(rows[[0, 1, 2, 1]])
    again = score(rows[[6, 2, 0, 5]])
    assert sum(counts) == 5
    np.testing.assert_array_equal(first.objectives[[0, 2]], again.objectives[[2, 1]])
    whole = Rescore(experiment, engine, params)(rows)
    np.testing.assert_array_equal(again.objectives, whole.objectives[[6, 2, 0, 5]])
    np.testing.assert_array_equal(again.indices, whole.indices[[6, 2, 0, 5]])


def test_the_front_is_sorted_and_mutually_non_dominated(finished):
    experiment, engine, state = finished
    objectives = ended(experiment, engine, state).objectives
    assert (np.diff(objectives[:, 0]) >= 0).all()
    for i, one in enumerate(objectives):
        others = np.delete(objectives, i, axis=0)
        dominated = (others <= one).all(-1) & (others < one).any(-1)
        assert not dominated.any()


def test_a_front_that_nothing_is_on_ends_in_one_paragraph(finished):
    experiment, engine, state = finished
    params = jax.tree.map(lambda leaf: np.nan * leaf, state.learner.params)
    learner = dataclasses.replace(state.learner, params=params)
    with pytest.raises(ArchitectureError, match="finite scores with the final weights"):
        ended(experiment, engine, dataclasses.replace(state, learner=learner))


def test_baselines_keep_the_limits(finished):
    experiment, engine, state = finished
    limits = experiment.config.constraints
    score = Rescore(experiment, engine, state.learner.params)
    for scored in (
        random_control(experiment, engine, score, int(state.evaluated)),
        uniform_scaling(experiment, score),
    ):
        assert scored is not None
        assert len(scored.indices) == 1
        assert is_feasible(scored.indices, experiment.costs, limits).all()


def test_the_random_control_is_found_without_scoring_all_to_the_end(
    finished, monkeypatch
):
    experiment, engine, state = finished
    assert engine.screen is None  # too few examples to halve by
    monkeypatch.setattr(population, "SCREENED", 1)
    mesh = make_mesh(experiment.config.devices)
    screen = population.make_screen(experiment, heldout_data(experiment), mesh)
    params = state.learner.params
    rows = draw_feasible(experiment, 60, "control")
    best = screen(params, rows)
    errors = Rescore(experiment, engine, params)(rows).objectives[:, 0]
    # Of those that see all data, a ninth, it takes the best.
    assert errors[best] <= np.sort(errors)[-(-len(rows) // 9)]


def test_uniform_scaling_treats_all_kept_layers_alike(finished):
    experiment, engine, state = finished
    score = Rescore(experiment, engine, state.learner.params)
    scored = uniform_scaling(experiment, score)
    assert scored is not None
    values = experiment.space.values(scored.indices[0])
    kept = [i for i, keep in enumerate(values["keep"]) if keep]
    assert len({values["heads"][i] for i in kept}) == 1
    assert len({values["ffn"][i] for i in kept}) == 1


def test_a_target_split_cannot_be_read_while_searching():
    experiment = prepare(tiny_config())
    for phase in ("train", "search", "select"):
        for split in ("train", "dev", "test"):
            with pytest.raises(LeakError, match="target"):
                scoring_data(experiment, *experiment.parts, ("es",), split, phase)
    data = scoring_data(experiment, *experiment.parts, ("es",), "test", "report")
    assert len(data.examples[0]) > 0


def test_limits_that_nothing_meets_are_named_before_anything_is_compiled():
    config = tiny_config()
    smallest = prepare(config).costs.smallest()["encoder_params"]
    tight = dataclasses.replace(config.constraints, encoder_params=smallest - 1.0)
    with pytest.raises(ArchitectureError, match=f"possible value is {smallest}"):
        prepare(dataclasses.replace(config, constraints=tight))


def test_a_search_that_finds_nothing_feasible_still_ends_with_the_smallest():
    """A limit that only the smallest network meets: no draw is likely to hit it."""
    config = tiny_config()
    smallest = prepare(config).costs.smallest()["encoder_params"]
    tight = dataclasses.replace(config.constraints, encoder_params=float(smallest))
    search = dataclasses.replace(config.search, max_tries=1, rounds=1, weight_steps=0)
    train = dataclasses.replace(config.train, pretune_steps=0)
    config = dataclasses.replace(config, constraints=tight, search=search, train=train)
    experiment, engine, state = start(config)
    state = run(engine, state, engine.num_warm_up + 1)
    front = ended(experiment, engine, state)
    found = experiment.costs(front.indices)["encoder_params"]
    np.testing.assert_array_equal(found, smallest)
