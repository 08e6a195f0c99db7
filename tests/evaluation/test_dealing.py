"""Candidates are dealt out so that devices end together, and compute little twice."""

import jax
import numpy as np
import pytest

from tests.models import SHAPE, tiny_space
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.evaluation.dealing import (
    ROOM,
    deal,
    deal_prefixes,
    hand_loads,
    imbalance,
)
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.chain import make_space

TINY = tiny_space(min_layers=1)
BERT = EncoderShape(
    vocab_size=100,
    width=384,
    num_layers=6,
    num_heads=12,
    head_dim=32,
    ffn=1536,
    max_positions=64,
    num_segments=1,
    position_offset=0,
    pad_id=0,
    norm_epsilon=1e-12,
)
SPACE = make_space(
    SpaceConfig(min_layers=3, heads=(3, 6, 9, 12), ffn=(384, 768, 1152, 1536)), BERT
)
WORK = CostModel(SPACE, BERT, (HeadSize(7),), length=64).stages()


def random_rows(space, num: int, seed: int) -> np.ndarray:
    return np.asarray(space.flatten(space.sample_valid(jax.random.key(seed), num)))


def policy_rows(num: int, seed: int, sharpness: float) -> np.ndarray:
    """As a policy draws them that has learnt to prefer some choices at each site."""
    rng = np.random.default_rng(seed)
    columns = []
    for count in SPACE.num_choices:
        logits = sharpness * rng.normal(size=count)
        chances = np.exp(logits) / np.exp(logits).sum()
        columns.append(rng.choice(count, num, p=chances))
    return SPACE.canonical(np.stack(columns, axis=1).astype(np.int32))


@pytest.mark.parametrize("num", [0, 1, 7, 64])
@pytest.mark.parametrize("hands", [1, 3, 8])
def test_every_candidate_is_dealt_once_and_no_device_has_too_many(num, hands):
    rows = random_rows(TINY, 64, 0)[:num]
    costs = CostModel(TINY, SHAPE, (HeadSize(5),), length=16)
    for dealt in (
        deal(num, hands),
        deal_prefixes(TINY, costs.stages(), rows, hands),
        # All the same network: one device alone would be the cheapest.
        deal_prefixes(TINY, costs.stages(), np.repeat(rows[:1], num, 0), hands),
    ):
        assert len(dealt) == hands
        assert sorted(np.concatenate(dealt).tolist()) == list(range(num))
        assert max(map(len, dealt)) <= max(1, ROOM * -(-num // hands))


def test_those_that_cost_the_same_are_dealt_evenly():
    assert [hand.tolist() for hand in deal(5, 2)] == [[0, 2, 4], [1, 3]]


@pytest.mark.parametrize("seed", range(20))
def test_random_populations_of_64_on_8_devices_are_in_balance(seed):
    rows = random_rows(SPACE, 64, seed)
    dealt = deal_prefixes(SPACE, WORK, rows, 8)
    assert imbalance(hand_loads(SPACE, WORK, rows, dealt)) <= 0.1


@pytest.mark.parametrize("sharpness", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_populations_of_a_policy_are_in_balance(seed, sharpness):
    rows = policy_rows(64, seed, sharpness)
    dealt = deal_prefixes(SPACE, WORK, rows, 8)
    assert imbalance(hand_loads(SPACE, WORK, rows, dealt)) <= 0.1


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_last_device_ends_sooner_than_if_each_candidate_cost_its_own(
    seed, sharpness
):
    rows = policy_rows(64, seed, sharpness)
    apart = hand_loads(SPACE, WORK, rows, deal(64, 8))
    together = hand_loads(SPACE, WORK, rows, deal_prefixes(SPACE, WORK, rows, 8))
    assert together.max() < apart.max()
    assert together.sum() < apart.sum()


def test_loads_are_the_work_of_distinct_prefixes():
    row = np.asarray(SPACE.flatten(SPACE.largest()))[None]
    rows = np.repeat(row, 4, axis=0)
    own = 6 * (WORK[0][-1] + WORK[1][-1])
    hands = [np.asarray([0, 1, 2]), np.asarray([3])]
    found = hand_loads(SPACE, WORK, rows, hands)
    np.testing.assert_array_equal(found, [own + 3, own + 1])
    assert imbalance(np.asarray([3.0, 1.0])) == pytest.approx(0.5)
    assert imbalance(np.zeros(2)) == 0.0
