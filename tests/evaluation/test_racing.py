"""A race drops what cannot be among the best, and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, few_choices, random_batch, tiny_params
from tests.races import run_race
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.evaluate import RaceConfig
from xlnas_jax.data.batches.blocks import examples_of, make_blocks
from xlnas_jax.devices.compiles import CompileCounter
from xlnas_jax.devices.sharding import make_mesh, replicate, shard_steps
from xlnas_jax.evaluation.evaluate import make_evaluator, make_row_scorer
from xlnas_jax.evaluation.racing import influence, make_race, make_transfer, slopes_of
from xlnas_jax.objectives.objectives import make_objectives
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import SpanLabels, make_qa
from xlnas_jax.tasks.tagging import TagLabels, make_tagging
from xlnas_jax.types import ConfigError

SPACE = few_choices()
RACES = 60
SUMS = {"rtol": 1e-5, "atol": 2e-4}  # the same numbers, added in another order


def noisy(kind: str, pop: int, num: int, rng) -> np.ndarray:
    """Losses of similar candidates on the same examples."""
    skill = rng.uniform(0.25, 0.45, (pop, 1))
    if kind == "errors":
        shared = rng.random(num) < 0.4
        own = rng.random((pop, num)) < skill
        return (own | (shared & (rng.random((pop, num)) < 0.5))).astype(float)
    if kind == "losses":
        return rng.lognormal(-1, 1, num) * np.exp(
            skill + 0.4 * rng.normal(size=(pop, num))
        )
    if kind == "twins":
        shared, rare = rng.exponential(1.0, num), rng.random((pop, num)) < 0.02
        own = 0.01 * rng.random((pop, 1)) + 0.005 * rng.random((pop, num))
        return shared + own + rare * rng.exponential(0.5, (pop, num))
    # One example in a hundred decides.
    return 0.1 * rng.random((pop, num)) + 4.0 * (rng.random((pop, num)) < 0.01)


@pytest.mark.parametrize(
    ("bound", "kind"),
    [
        pytest.param(bound, kind, marks=() if is_default else (pytest.mark.slow,))
        for bound, kind, is_default in (
            ("student", "errors", True),
            ("student", "losses", True),
            ("student", "rare", True),
            ("student", "twins", True),
            ("serfling", "errors", False),
            ("serfling", "losses", False),
            ("serfling", "rare", True),
            ("serfling", "twins", False),
        )
    ],
)
def test_the_best_is_hardly_ever_dropped(kind, bound):
    config, rng, lost = RaceConfig(bound=bound, delta=0.1), np.random.default_rng(0), 0
    for seed in range(RACES):
        losses = noisy(kind, 10, 160, rng)
        result = run_race(losses, config, seed=seed)
        lost += not result.is_complete[losses.mean(1).argmin()]
    assert lost <= 0.1 * RACES


def test_the_best_few_are_hardly_ever_dropped():
    rng, lost = np.random.default_rng(1), 0
    for seed in range(RACES):
        losses = noisy("errors", 10, 160, rng)
        result = run_race(losses, RaceConfig(best=3, delta=0.1), seed=seed)
        lost += not result.is_complete[losses.mean(1).argsort(kind="stable")[:3]].all()
    assert lost <= 0.1 * RACES


def test_candidates_that_are_alike_are_all_scored_to_the_end():
    losses = np.tile(np.random.default_rng(0).random(100), (6, 1))
    result = run_race(losses, RaceConfig())
    assert result.is_complete.all()
    assert result.scored == result.possible == 600


def test_of_one_good_and_many_hopeless_only_the_good_is_scored_to_the_end():
    losses = np.random.default_rng(0).random((20, 160)) + 3.0
    losses[7] -= 3.0
    asked: list = []
    result = run_race(losses, RaceConfig(), asked=asked)
    np.testing.assert_array_equal(np.flatnonzero(result.is_complete), [7])
    assert result.alive == [20] + [1] * 7
    assert result.scored == 20 * 20 + 7 * 20
    assert asked == [list(range(20))] + [[7]] * 7


def test_fewer_candidates_than_wanted_are_all_kept():
    losses = np.arange(3.0)[:, None] + np.random.default_rng(0).random((3, 80))
    assert run_race(losses, RaceConfig(best=3)).is_complete.all()


def test_a_failed_candidate_is_dropped_and_beats_nobody():
    losses = np.random.default_rng(0).random((4, 80))
    losses[2] = np.nan
    result = run_race(losses, RaceConfig(epsilon=1.0))
    assert result.blocks_seen.tolist() == [8, 8, 1, 8]


@pytest.mark.parametrize("bound", ["serfling", "student"])
def test_where_one_fails_the_hopeless_are_still_told_from_the_good(bound):
    losses = np.random.default_rng(0).random((6, 400)) * 0.1
    losses[1:] += 0.8
    losses[5] = np.nan
    result = run_race(losses, RaceConfig(bound=bound))
    assert result.blocks_seen[0] == len(result.examples)
    assert (result.blocks_seen[1:] < len(result.examples)).all()
    assert result.blocks_seen[5] == 1


def test_a_race_that_all_fail_ends():
    result = run_race(np.full((3, 80), np.nan), RaceConfig())
    assert result.blocks_seen.tolist() == [1, 1, 1]
    assert np.isnan(result.sums[0][:, 0, 1]).all()


def test_the_front_survives_and_what_it_clearly_dominates_does_not():
    rng = np.random.default_rng(0)
    mean = np.asarray([0.1, 0.5, 0.9, 0.9, 0.5])
    costs = np.asarray([[9.0], [5.0], [1.0], [9.0], [5.5]])
    losses = mean[:, None] + 0.2 * rng.random((5, 160))
    result = run_race(losses, RaceConfig(), costs)
    assert result.is_complete.tolist() == [True, True, True, False, True]
    free = run_race(losses, RaceConfig(), None)
    assert free.is_complete.tolist() == [True, False, False, False, False]


def test_survivors_have_the_sums_of_all_examples_and_others_of_what_they_saw():
    rng = np.random.default_rng(0)
    losses = np.linspace(0, 1, 12)[:, None] + rng.random((12, 120))
    result = run_race(losses, RaceConfig(), languages=3)
    kept = result.is_complete
    assert kept.any() and not kept.all()
    by_language = np.stack([losses[:, k::3].sum(1) for k in range(3)], axis=1)
    np.testing.assert_allclose(
        result.sums[0][kept][..., 1], by_language[kept], rtol=1e-5
    )
    seen = np.cumsum(result.examples)[result.blocks_seen - 1]
    np.testing.assert_array_equal(result.sums[0][..., 0].sum(1), seen)
    estimate = result.sums[0][..., 1].sum(1) / seen
    np.testing.assert_allclose(estimate, losses.mean(1), atol=0.25)


# The tasks, on networks.

LABELS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
TASKS = {
    "classification": make_classification(tuple("abcde"[:NUM_LABELS])),
    "tagging": make_tagging(LABELS),
    "qa": make_qa(),
}


def batches_of(kind: str, seed: int = 0):
    """Two buckets of batches with labels of the kind, some rows at weight 0."""
    rng = np.random.default_rng(seed)
    found = []
    for batch in (random_batch(4, 6, 8, seed), random_batch(2, 6, 16, seed + 1)):
        shape, seq = batch.length.shape, batch.tokens.shape[-1]

        def ints(low, high, *more, shape=shape):
            values = rng.integers(low, high, (*shape, *more))
            return jnp.asarray(values, jnp.int32)

        label = batch.label
        if kind == "tagging":
            label = TagLabels(position=ints(-1, 8, 5), tag=ints(-1, len(LABELS), 5))
        if kind == "qa":
            group = jnp.broadcast_to(jnp.arange(6, dtype=jnp.int32) // 2, shape)
            start = ints(0, seq - 2, 2)
            label = SpanLabels(
                start=jnp.zeros(shape, jnp.int32),
                end=jnp.zeros(shape, jnp.int32),
                first=ints(0, 2),
                last=jnp.full(shape, seq, jnp.int32),
                shift=ints(0, 2),
                group=group,
                gold_start=start,
                gold_end=start + 1,
            )
            # Windows of a question are of one language.
            batch = batch.replace(language=(group + 1) % 2)
        found.append(batch.replace(label=label))
    return tuple(found)


def params_of(kind: str):
    params, task = tiny_params(), TASKS[kind]
    head = init_head(
        jax.random.key(1), SHAPE, task.num_outputs, True, task.reads_tokens
    )
    head = jax.tree.map(
        lambda leaf: (
            leaf
            + 0.3 * jnp.cos(jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape)
        ),
        head,
    )
    return dataclasses.replace(params, head=head)


def population(num: int) -> np.ndarray:
    return np.asarray(SPACE.flatten(SPACE.sample(jax.random.key(0), num)))


def transfer_of(kind: str):
    return make_transfer([TASKS[kind]], make_objectives(("error", "loss")), [[0, 1]])


# Each kind and each form once; all pairs of them among the slow ones.
EVERY = [
    pytest.param(kind, form, marks=() if first else pytest.mark.slow)
    for kind, form, first in (
        ("classification", "sliced", True),
        ("classification", "masked", True),
        ("tagging", "sliced", False),
        ("tagging", "masked", False),
        ("qa", "sliced", False),
        ("qa", "masked", False),
    )
]


@pytest.mark.parametrize(("kind", "form"), EVERY)
def test_survivors_are_scored_as_by_the_evaluator_and_compiled_once(kind, form):
    task, params, rows = TASKS[kind], params_of(kind), population(7)
    batches = batches_of(kind)
    supernet = make_supernet(SPACE, SHAPE, form)
    scorer = make_row_scorer(supernet, SPACE, task, form, 3)
    blocks = [(block,) for block in make_blocks(batches, 3, seed=0)]
    transfer, counts = transfer_of(kind), []
    with CompileCounter() as compiles:

        def score(params, indices, num, block):
            found = jax.block_until_ready(scorer(params, indices, num, block[0]))
            counts.append(compiles.programs)
            return (found,)

        config = RaceConfig(blocks=3, epsilon=10.0)
        run = make_race(config, score, transfer, blocks, [2])
        result = run(params, rows, 5, np.zeros((7, 0)))
        run(params, rows, 7, np.zeros((7, 0)))
    assert result.blocks_seen.tolist() == [3] * 5 + [0] * 2
    expected = make_evaluator(supernet, SPACE, task, 2, form, 3)(
        params, rows, 5, batches
    )
    np.testing.assert_allclose(result.sums[0], expected, **SUMS)
    # One program of its own, and one for comparing, after the first block.
    assert counts[0] > 0
    assert counts[1:] == [counts[1]] * 5


@pytest.mark.parametrize(
    ("devices", "form"),
    [
        (DevicesConfig(pop=2), "sliced"),
        (DevicesConfig(1, 2), "masked"),
        pytest.param(DevicesConfig(pop=2), "masked", marks=pytest.mark.slow),
        pytest.param(DevicesConfig(1, 2), "sliced", marks=pytest.mark.slow),
    ],
)
def test_rows_scored_on_two_devices_equal_those_on_one(devices, form):
    params, rows = params_of("classification"), population(5)
    task, mesh = TASKS["classification"], make_mesh(devices)
    supernet = make_supernet(SPACE, SHAPE, form)
    batches = shard_steps(mesh, batches_of("classification"))
    sharded = make_row_scorer(supernet, SPACE, task, form, 2, mesh)
    found = sharded(replicate(mesh, params), rows, 3, batches)
    single = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), batches)
    expected = make_row_scorer(supernet, SPACE, task, form, 2)(params, rows, 3, single)
    assert len(found) == len(expected) == 2
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)
        np.testing.assert_array_equal(ours[3:], 0.0)


def statistics_of(kind: str, num: int = 5):
    """Statistics of every example of some candidates, and the examples."""
    batches = batches_of(kind)
    supernet = make_supernet(SPACE, SHAPE)
    scorer = make_row_scorer(supernet, SPACE, TASKS[kind])
    examples = examples_of(batches)
    found = scorer(params_of(kind), population(num), num, batches)
    return examples.gather(found, num).astype(np.float64), examples.language


def by_language(rows: np.ndarray, language: np.ndarray) -> np.ndarray:
    return np.stack([rows[:, language == k].sum(1) for k in (0, 1)], axis=1)


@pytest.mark.parametrize("kind", list(TASKS))
def test_influence_is_the_slope_of_the_score_as_an_example_gains_weight(kind):
    rows, language = statistics_of(kind)
    transfer, sums = transfer_of(kind), by_language(rows, language)
    _, slopes = slopes_of(transfer, [sums])
    values = influence(slopes, [rows], [language])
    step, number = 0.05, rows.shape[1]
    np.testing.assert_allclose(values.mean(1), 0.0, atol=1e-6)
    for example in range(0, number, 5):
        change = np.zeros_like(sums)
        change[:, language[example]] = step * rows[:, example]
        more, _ = slopes_of(transfer, [sums + change])
        less, _ = slopes_of(transfer, [sums - change])
        slope = number * (more - less) / (2 * step)
        np.testing.assert_allclose(values[:, example], slope, atol=2e-3)


def test_influence_on_accuracy_is_exact():
    rows, language = statistics_of("classification")
    transfer, sums = transfer_of("classification"), by_language(rows, language)
    scores, slopes = slopes_of(transfer, [sums])
    values = influence(slopes, [rows], [language])[..., 0]
    cells = rows[..., 2:].reshape(*rows.shape[:2], NUM_LABELS, NUM_LABELS)
    wrong = 1.0 - cells.trace(axis1=-2, axis2=-1)
    count = np.bincount(language)[language]
    mean = np.stack([wrong[:, language == k].mean(1) for k in (0, 1)], axis=1)
    expected = rows.shape[1] / (2 * count) * (wrong - mean[:, language])
    np.testing.assert_allclose(values, expected, atol=1e-5)
    np.testing.assert_allclose(scores[:, 0], mean.mean(1), atol=1e-6)


def test_an_objective_of_the_worst_language_is_refused():
    objectives = make_objectives(("error", "worst_error"))
    with pytest.raises(ConfigError, match="worst_error"):
        make_transfer([TASKS["classification"]], objectives, [[0, 1]])


@pytest.mark.parametrize(
    "wrong", [{"best": 0}, {"blocks": 1}, {"delta": 0.0}, {"epsilon": -0.1}]
)
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RaceConfig(**wrong)
