"""Successive halving scores as many candidates on as much data as was planned."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.models import NUM_LABELS, SHAPE, few_choices, random_batch, tiny_params
from tests.races import mean_loss, numbered
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.evaluate import EvaluateConfig, HalvingConfig, RaceConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.transfer import TransferConfig
from xlnas_jax.data.batches.blocks import examples_of, make_blocks
from xlnas_jax.devices.sharding import make_mesh, replicate, shard_steps
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.evaluation.halving import make_halving, num_blocks, planned
from xlnas_jax.evaluation.racing import make_scores
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.objectives.objectives import make_objectives
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.types import ConfigError

SPACE = few_choices()
DEFAULT = HalvingConfig()
SUMS = {"rtol": 1e-5, "atol": 2e-4}  # the same numbers, added in another order


def halve(losses, config=DEFAULT, costs=None, asked=None, seed=0):
    """Halves the rows of a matrix of losses, one column for each example."""
    num = len(losses)
    blocks = make_blocks(numbered(losses.shape[1], 2), num_blocks(config), seed)

    def score(params, indices, count, block):
        ((bucket,),) = block
        label, weight = np.asarray(bucket.label), np.asarray(bucket.weight)
        if asked is not None:
            asked.append((indices[:count, 0].tolist(), label[weight > 0].tolist()))
        language = np.asarray(bucket.language)
        found = losses[indices[:, 0]][:, label] * weight
        sums = []
        for code in (0, 1):
            is_own = language == code
            count = np.full(len(found), (weight * is_own).sum())
            sums.append(np.stack([count, (found * is_own).sum((1, 2))], axis=-1))
        return (np.stack(sums, 1).astype(np.float32),)

    run = make_halving(config, score, mean_loss, [(block,) for block in blocks])
    costs = np.zeros((num, 0)) if costs is None else costs
    return run(None, np.arange(num, dtype=np.int32)[:, None], num, costs)


def spread(num: int, examples: int, noise: float = 0.1) -> np.ndarray:
    """Losses of candidates that differ clearly; the first is the best."""
    rng = np.random.default_rng(0)
    skill = np.linspace(0, 1, num)[:, None]
    return skill + noise * rng.random((num, examples))


@pytest.mark.parametrize(
    ("eta", "rungs", "num", "counts"),
    [(3, 3, 27, [27, 9, 3]), (3, 3, 16, [16, 6, 2]), (2, 4, 5, [5, 3, 2, 1])],
)
def test_every_rung_keeps_the_planned_number(eta, rungs, num, counts):
    config, asked = HalvingConfig(eta=eta, rungs=rungs), []
    assert planned(config, num) == counts
    found = halve(spread(num, 120), config, asked=asked)
    starts = [0, *(eta**rung for rung in range(rungs))]
    alive = [counts[r] for r in range(rungs) for _ in range(starts[r + 1] - starts[r])]
    assert found.alive == alive
    assert [len(rows) for rows, _ in asked] == alive
    assert found.is_complete.sum() == counts[-1]


def test_the_examples_scored_are_those_of_the_formula():
    config, asked, num, total = HalvingConfig(), [], 27, 90
    found = halve(spread(num, total), config, asked=asked)
    # Rungs of 10, 30 and 90 examples for 27, 9 and 3 candidates.
    formula = 27 * 10 + 9 * 20 + 3 * 60
    assert sum(len(rows) * len(examples) for rows, examples in asked) == formula
    assert found.scored == formula
    assert found.possible == num * total


def test_all_candidates_of_a_rung_see_the_same_examples_and_each_of_them_once():
    asked = []
    halve(spread(9, 90), asked=asked)
    seen = [example for _, examples in asked for example in examples]
    assert sorted(seen) == list(range(90))


def test_the_best_stay_and_have_the_sums_of_all_examples():
    losses = spread(16, 90)
    found = halve(losses)
    np.testing.assert_array_equal(np.flatnonzero(found.is_complete), [0, 1])
    for language in (0, 1):
        expected = losses[:2, language::2].sum(1)
        np.testing.assert_allclose(found.sums[0][:2, language, 1], expected, rtol=1e-6)
    counted = found.sums[0][..., 0].sum(1)
    np.testing.assert_array_equal(counted, [90] * 2 + [30] * 4 + [10] * 10)


def test_with_costs_the_front_stays_and_its_ends_first():
    # Nine on a front, nine behind it; six and then two go on.
    costs = np.tile(np.arange(9.0), 2)[:, None]
    losses = 1.0 - 0.1 * costs + np.repeat([0.0, 0.5], 9)[:, None]
    found = halve(np.repeat(losses, 90, axis=1), costs=costs)
    assert (found.blocks_seen[9:] == 1).all()
    assert (found.blocks_seen[:9] > 1).sum() == 6
    np.testing.assert_array_equal(np.flatnonzero(found.is_complete), [0, 8])


def test_what_failed_goes_no_further_and_nothing_takes_its_place():
    losses = spread(9, 90)
    losses[0] = np.nan
    losses[2:] = np.nan
    found = halve(losses)
    np.testing.assert_array_equal(found.blocks_seen, [1, 9, 1, 1, 1, 1, 1, 1, 1])
    assert not halve(np.full((4, 90), np.nan)).is_complete.any()


def test_halving_ends_where_all_have_failed():
    asked = []
    result = halve(np.full((9, 90), np.nan), asked=asked)
    assert len(asked) == 1
    assert not result.is_complete.any()


def test_a_single_candidate_is_scored_to_the_end():
    assert halve(spread(1, 90)).is_complete.all()


# On networks.

TASK = make_classification(tuple("abcde"[:NUM_LABELS]))


def population(num: int) -> np.ndarray:
    return np.asarray(SPACE.flatten(SPACE.sample(jax.random.key(0), num)))


@pytest.mark.parametrize(
    ("devices", "form"),
    [
        (DevicesConfig(pop=1), "sliced"),
        pytest.param(DevicesConfig(pop=2), "masked", marks=pytest.mark.slow),
        (DevicesConfig(1, 2), "masked"),
        pytest.param(DevicesConfig(pop=1), "masked", marks=pytest.mark.slow),
        pytest.param(DevicesConfig(pop=2), "sliced", marks=pytest.mark.slow),
        pytest.param(DevicesConfig(1, 2), "sliced", marks=pytest.mark.slow),
    ],
)
def test_survivors_are_scored_as_by_the_evaluator(devices, form):
    mesh, params, rows = make_mesh(devices), tiny_params(), population(9)
    batches = (random_batch(4, 6, 8), random_batch(3, 6, 16, 1))
    supernet = make_supernet(SPACE, SHAPE, form)
    scorer = make_evaluator(supernet, SPACE, TASK, 2, form, 3, mesh)
    config = HalvingConfig(eta=3, rungs=2)
    placed = replicate(mesh, params)
    run = make_halving(
        config,
        lambda params, indices, num, block: (scorer(params, indices, num, block[0]),),
        make_scores([TASK], make_objectives(("loss",)), [[0, 1]]),
        [(shard_steps(mesh, b),) for b in make_blocks(batches, num_blocks(config), 0)],
    )
    found = run(placed, rows, 8, np.zeros((9, 0)))
    assert sorted(found.blocks_seen.tolist()) == [0] + [1] * 5 + [3] * 3
    assert found.examples.sum() == examples_of(batches).num
    plain = make_evaluator(supernet, SPACE, TASK, 2, form, 3)
    expected = np.asarray(plain(params, rows, 8, batches))
    kept = found.is_complete
    np.testing.assert_allclose(found.sums[0][kept], expected[kept], **SUMS)


# A whole search.

ROUNDS, NUM = 3, 6
HALVING = EvaluateConfig(form="sliced", halving=HalvingConfig(eta=2, rungs=3))


def halving_config(**changes):
    search = SearchConfig(rounds=ROUNDS, weight_steps=2, population=NUM, archive_size=8)
    return tiny_config(search=dataclasses.replace(search, **changes), evaluate=HALVING)


def start(config):
    experiment = prepare(config)
    data = training_rows(experiment), heldout_data(experiment)
    return experiment, *make_engine(experiment, *data)


@pytest.mark.slow
def test_a_search_keeps_no_estimates_and_resumes_with_the_same_bits():
    experiment, engine, state = start(halving_config())
    complete: set[str] = set()

    def spy(params, indices, num):
        found = engine.evaluate(params, indices, num)
        rows = experiment.space.canonical(indices[found.is_complete])
        complete.update(map(experiment.space.identifier, rows))
        return found

    spied, halfway, ruled_out = engine._replace(evaluate=spy), [], 0
    for number in range(engine.num_warm_up + ROUNDS):
        if number == engine.num_warm_up + 1:
            halfway = [np.array(leaf, copy=True) for leaf in jax.tree.leaves(state)]
        state, metrics = step(spied, state)
        ruled_out += metrics.ruled_out
    kept = np.asarray(state.archive.indices)[np.asarray(state.archive.is_valid)]
    assert ruled_out == ROUNDS * (NUM - 2)
    assert len(kept) > 0
    assert {experiment.space.identifier(row) for row in kept} <= complete

    _, again, template = start(halving_config())
    resumed = jax.tree.unflatten(jax.tree.structure(template), jax.device_put(halfway))
    for _ in range(ROUNDS - 1):
        resumed, _ = step(again, resumed)
    for one, other in zip(
        jax.tree.leaves(resumed), jax.tree.leaves(state), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_objectives_that_need_more_than_auxiliary_scores_are_refused():
    config = halving_config(objectives=("transfer_loss", "flops"))
    transfer = TransferConfig(gap_weight=0.5, alignment_weight=0.0)
    with pytest.raises(ConfigError, match=r"evaluate\.halving: .*transfer_loss"):
        start(dataclasses.replace(config, transfer=transfer))


def test_halving_beside_a_race_is_refused():
    with pytest.raises(ConfigError, match="halving"):
        EvaluateConfig(race=RaceConfig(), halving=HalvingConfig())


@pytest.mark.parametrize("wrong", [{"eta": 1}, {"rungs": 1}])
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        HalvingConfig(**wrong)
