"""How the benchmark of the random control counts what halving loses."""

import numpy as np
import pytest

from benchmarks.evidence import control
from xlnas_jax.config.evaluate import HalvingConfig


def scores(skill: np.ndarray, noise: float):
    """Errors of networks on 200 examples of two languages, around their skill."""
    rng = np.random.default_rng(0)
    errors = skill[:, None, None] + noise * rng.standard_normal((len(skill), 200, 1))
    statistics = np.concatenate([np.ones_like(errors), errors], -1)
    return control.Scores(
        statistics,
        np.arange(200) % 2,
        lambda sums: {"error": sums[..., 1] / sums[..., 0]},
        len(skill) // 2,
    )


def test_where_networks_differ_clearly_halving_loses_nothing():
    found = control.losses(scores(np.linspace(0, 1, 60), 0.0), 4, 4)
    assert found["halving, as the control"]["loss"] == 0
    assert found["a quarter of the networks"]["loss"] > 1


def test_where_the_first_examples_say_nothing_a_loss_is_seen():
    made = scores(np.linspace(0, 1, 60), 0.0)
    known = {9: -np.linspace(0, 1, 60), 3: np.linspace(0, 1, 60)}
    known[1] = known[3]
    chosen = control.choose(known, np.arange(60), HalvingConfig(eta=3, rungs=3))
    assert chosen == 40  # the first rung kept the worst third
    assert made.errors(np.arange(200))[chosen] > 0.6


@pytest.mark.parametrize(
    ("way", "share"),
    [
        (HalvingConfig(eta=3, rungs=3), 1 / 9 + 2 / 27 + 2 / 27),
        (HalvingConfig(eta=4, rungs=2), 1 / 4 + 3 / 16),
        (0.5, 0.5),
    ],
)
def test_work_is_counted_by_rungs(way, share):
    assert control.work(way) == pytest.approx(share)
