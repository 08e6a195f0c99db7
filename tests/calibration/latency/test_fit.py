"""Tables find the parts of planted latencies, and know when they do not."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from tests.models import tiny_space
from xlnas_jax.calibration.latency.fit import _features, fit_table, judge_table
from xlnas_jax.calibration.latency.networks import draw_networks
from xlnas_jax.space.latency import LatencyTable

SPACE = tiny_space()
ROWS = draw_networks(SPACE, 120, seed=4)
PLANTED = LatencyTable(
    fixed=(200_000, 230_000, 210_000, 400_000),
    stages=((300_000, 350_000, 500_000), (0, 90_000, 290_000)),
)


def test_a_planted_table_is_found():
    latency_ms = PLANTED(SPACE, ROWS) / 1e6
    assert fit_table(SPACE, ROWS, latency_ms) == PLANTED


def test_the_sum_of_a_table_is_that_of_its_kept_halves():
    for row in ROWS[:20]:
        values = SPACE.values(row)
        expected = PLANTED.fixed[int(row[SPACE.columns("pooling")][0])]
        for site, keep in enumerate(values["keep"]):
            if keep:
                expected += PLANTED.stages[0][row[SPACE.columns("heads")][site]]
                expected += PLANTED.stages[1][row[SPACE.columns("ffn")][site]]
        assert PLANTED(SPACE, row[None])[0] == expected


def test_noise_leaves_a_table_near_the_planted_one():
    rng = np.random.default_rng(0)
    noisy = PLANTED(SPACE, ROWS) / 1e6 * rng.normal(1, 0.03, len(ROWS))
    table = fit_table(SPACE, ROWS[:60], noisy[:60])
    judged = judge_table(SPACE, table, ROWS[60:], noisy[60:])
    assert judged.is_trusted
    assert 0.01 < judged.mape < 0.06
    assert judged.mape < judged.margin < 0.15


def test_a_larger_network_is_never_predicted_to_be_faster():
    rng = np.random.default_rng(1)
    table = fit_table(SPACE, ROWS, rng.uniform(0.5, 2.0, len(ROWS)))
    assert list(table.stages[0]) == sorted(table.stages[0])
    assert list(table.stages[1]) == sorted(table.stages[1])
    assert min(table.fixed) >= 0


def test_relative_errors_are_least_by_another_solver():
    rng = np.random.default_rng(2)
    latency_ms = rng.uniform(0.5, 2.0, len(ROWS))
    features = _features(SPACE, ROWS) / latency_ms[:, None]
    other = lsq_linear(features, np.ones(len(ROWS)), (0, np.inf), tol=1e-14)
    table = fit_table(SPACE, ROWS, latency_ms)
    ours = table(SPACE, ROWS) / 1e6 / latency_ms - 1
    assert np.square(ours).sum() == pytest.approx(2 * other.cost, rel=1e-6)


def test_what_has_nothing_to_do_with_size_is_not_trusted():
    latency_ms = np.random.default_rng(3).uniform(0.5, 2.0, len(ROWS))
    table = fit_table(SPACE, ROWS[:60], latency_ms[:60])
    assert not judge_table(SPACE, table, ROWS[60:], latency_ms[60:]).is_trusted


def test_errors_in_closed_form():
    predicted = PLANTED(SPACE, ROWS[:20]) / 1e6
    slower = predicted * np.linspace(1.0, 1.19, 20)
    judged = judge_table(SPACE, PLANTED, ROWS[:20], slower)
    factors = np.linspace(1.0, 1.19, 20)
    assert judged.mape == pytest.approx(np.mean(1 - 1 / factors))
    # Of twenty, more than 95 % are at most as far as the farthest alone.
    assert judged.margin == pytest.approx(0.19)


def test_networks_that_are_all_alike_have_no_order():
    judged = judge_table(SPACE, PLANTED, ROWS[:5], np.ones(5))
    assert judged.tau is None
    assert not judged.is_trusted
