"""Losses have the shares that they are given, languages those of their size."""

from collections import Counter

import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import random_batch
from tests.pretraining.planted import make_config
from xlnas_jax.pretraining.plan import Plan

# Of the first loss three languages in two buckets, of the others one.
SIZES = [[400, 80, 10], [100, 20, 10]]


def rows_of(*counts: int):
    batch = random_batch(0, sum(counts), 4)
    language = np.repeat(np.arange(len(counts)), counts)
    return batch.replace(language=jnp.asarray(language, jnp.int32))


ROWS = {
    "mlm": tuple(rows_of(*sizes) for sizes in SIZES),
    "tlm": (rows_of(50),),
    "ranking": (rows_of(50),),
}


def plan(**changes) -> Plan:
    return Plan(make_config("x", **changes).pretrain, 3, ROWS)


def test_each_loss_has_its_share_of_the_steps():
    own = plan(mlm=6.0, tlm=3.0, ranking=1.0)
    turns = [own[number] for number in range(1000)]
    assert all(len(turn) == 1 and turn[0].factor == 1.0 for turn in turns)
    counts = Counter(turn[0].loss for turn in turns)
    for name, share in (("mlm", 0.6), ("tlm", 0.3), ("ranking", 0.1)):
        # Four standard deviations of a binomial.
        apart = 4 * np.sqrt(share * (1 - share) / 1000)
        assert counts[name] / 1000 == pytest.approx(share, abs=apart)


def test_with_weights_every_step_has_all_losses():
    turns = plan(mixing="weights", mlm=1.0, tlm=0.5, ranking=2.0)[7]
    found = {turn.loss: turn.factor for turn in turns}
    assert found == {"mlm": 1.0, "tlm": 0.5, "ranking": 2.0}


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_languages_are_drawn_in_proportion_to_a_power_of_their_size(alpha):
    # One epoch has as many rows as there are; filled-up rows do not count.
    own = Plan(
        make_config("x", alpha=alpha, tlm=0.0, ranking=0.0).pretrain,
        3,
        {"mlm": ROWS["mlm"]},
    )
    counts = np.zeros(3)
    for number in range(400):
        turn = own[number][0]
        language = ROWS["mlm"][turn.bucket].language[turn.rows]
        counts += np.bincount(language, turn.weight, 3)
    sizes = np.asarray([500.0, 100.0, 20.0])
    expected = sizes**alpha / (sizes**alpha).sum()
    np.testing.assert_allclose(counts / counts.sum(), expected, atol=0.02)


def test_a_step_is_the_same_whenever_it_is_asked_for():
    one, other = plan(), plan()
    later = other[40]
    assert [turn.loss for turn in later] == [turn.loss for turn in one[40]]
    for mine, theirs in zip(one[40], later, strict=True):
        np.testing.assert_array_equal(mine.rows, theirs.rows)
        np.testing.assert_array_equal(mine.weight, theirs.weight)
