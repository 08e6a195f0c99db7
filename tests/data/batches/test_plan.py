"""The training plan: tempered shares, every row, the same again after a resume."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from xlnas_jax.data.batches.plan import TrainingPlan, tempered_quotas

# Two tasks: three languages in two buckets, and one language in one.
LANGUAGES = (
    (np.repeat([0, 1, 2], [40, 10, 6]), np.repeat([0, 1], [24, 4])),
    (np.zeros(21, np.int64),),
)


def make(temperature: float = 1.0, weights=None) -> TrainingPlan:
    return TrainingPlan(3, LANGUAGES, 8, temperature, weights)


@pytest.mark.parametrize("temperature", [0.0, 0.3, 0.7, 1.0])
def test_tasks_are_drawn_in_their_tempered_shares(temperature):
    plan = make(temperature)
    sizes = [np.asarray([64, 14, 6]), np.asarray([21])]
    raw = np.asarray([(n.astype(float) ** temperature).sum() for n in sizes])
    drawn = Counter(plan[number].task for number in range(3000))
    expected = 3000 * raw / raw.sum()
    assert stats.chisquare([drawn[0], drawn[1]], expected).pvalue > 0.01


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_languages_are_drawn_in_their_tempered_shares(temperature):
    plan = make(temperature)
    seen: Counter[int] = Counter()
    for number in range(3000):
        step = plan[number]
        if step.task == 0:
            rows = step.rows[step.weight > 0]
            seen.update(np.asarray(LANGUAGES[0][step.bucket])[rows].tolist())
    shares = np.asarray([64.0, 14.0, 6.0]) ** temperature
    expected = sum(seen.values()) * shares / shares.sum()
    found = [seen[language] for language in range(3)]
    # Less varied than independent draws, hence never a large statistic.
    assert stats.chisquare(found, expected).pvalue > 0.05


def test_at_temperature_one_an_epoch_has_every_row_once():
    plan = TrainingPlan(0, LANGUAGES[:1], 8)
    per_epoch = 56 // 8 + -(-28 // 8)
    seen = Counter()
    for number in range(per_epoch):
        step = plan[number]
        rows = step.rows[step.weight > 0]
        seen.update((step.bucket, int(row)) for row in rows)
    assert len(seen) == 84
    assert set(seen.values()) == {1}


def test_without_a_temperature_of_their_own_tasks_have_the_shares_of_languages():
    """As it was before there was one, bit for bit."""
    raw = [np.asarray([64.0, 14.0, 6.0]) ** 0.3, np.asarray([21.0]) ** 0.3]
    sums = np.asarray([np.sum(own) for own in raw]) * np.ones(2)
    assert make(0.3).shares.tolist() == (sums / np.sum(sums)).tolist()


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0])
def test_tasks_may_have_a_temperature_of_their_own(temperature):
    plan = TrainingPlan(3, LANGUAGES, 8, 0.5, task_temperature=temperature)
    sizes = np.asarray([84.0, 21.0]) ** temperature
    drawn = Counter(plan[number].task for number in range(3000))
    expected = 3000 * sizes / sizes.sum()
    assert stats.chisquare([drawn[0], drawn[1]], expected).pvalue > 0.01
    # Which tells it from the shares that the languages' own would give.
    raw = np.asarray([sum(n**0.5 for n in (64, 14, 6)), 21**0.5])
    other = 3000 * raw / raw.sum()
    assert stats.chisquare([drawn[0], drawn[1]], other).pvalue < 0.01
    alike = TrainingPlan(3, LANGUAGES, 8, 0.5)
    assert plan._epoch(0, 0)[0][1].tolist() == alike._epoch(0, 0)[0][1].tolist()


def test_weights_of_tasks_scale_their_shares():
    assert make(weights=(1.0, 4.0)).shares == pytest.approx([0.5, 0.5])


def test_any_step_is_the_same_when_asked_for_alone():
    plan = make(0.5)
    every = [plan[number] for number in range(1500)]
    for number in (0, 1023, 1024, 1499):
        one, other = make(0.5)[number], every[number]
        assert (one.task, one.bucket) == (other.task, other.bucket)
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.weight, other.weight)


def test_quotas_sum_to_the_rows_and_flatten_with_temperature():
    sizes = np.asarray([100, 10, 1])
    for temperature in (0.0, 0.3, 1.0):
        assert tempered_quotas(sizes, temperature).sum() == 111
    assert tempered_quotas(sizes, 0.0).tolist() == [37, 37, 37]
    assert tempered_quotas(sizes, 1.0).tolist() == [100, 10, 1]


def test_only_rows_that_are_allowed_are_drawn():
    allowed = [[np.arange(0, 56, 3), np.asarray([1, 5])], [np.arange(4)]]
    plan = TrainingPlan(3, LANGUAGES, 8, allowed=allowed)
    seen: dict[tuple[int, int], set[int]] = {}
    for number in range(200):
        step = plan[number]
        seen.setdefault((step.task, step.bucket), set()).update(step.rows.tolist())
    assert seen == {(0, 0): set(range(0, 56, 3)), (0, 1): {1, 5}, (1, 0): {0, 1, 2, 3}}


def test_to_allow_all_changes_nothing():
    allowed = [[np.arange(len(bucket)) for bucket in task] for task in LANGUAGES]
    free, bound = make(), TrainingPlan(3, LANGUAGES, 8, 1.0, allowed=allowed)
    for number in range(50):
        for one, other in zip(free[number], bound[number], strict=True):
            np.testing.assert_array_equal(one, other)
