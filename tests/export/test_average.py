"""One network of several: the mean of their weights, and of those alone that help."""

import dataclasses

import jax
import numpy as np
import pytest

from xlnas_jax.export.average import average, greedy_average
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import ConfigError


def moved(subnet: Subnet, by: float, seed: int = 0) -> Subnet:
    """The same network with every weight moved at random, by so much."""
    rng = np.random.default_rng(seed)
    weights = jax.tree.map(
        lambda leaf: leaf + by * rng.normal(size=leaf.shape).astype(np.float32),
        subnet.weights,
    )
    given = subnet.shape, subnet.pooling, subnet.labels, subnet.tokenizer
    stride = subnet.doc_stride
    return Subnet(weights, *given, task=subnet.task, doc_stride=stride)


def leaves(subnet: Subnet) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(subnet.weights)]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_equal_members_are_their_mean_bit_for_bit(subnet, count) -> None:
    found = average([subnet] * count)
    assert found.members == tuple(range(count))
    for ours, theirs in zip(leaves(found.subnet), leaves(subnet), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_every_weight_is_the_mean_of_its_own(subnet) -> None:
    members = [moved(subnet, 0.1, seed) for seed in range(3)]
    found = leaves(average(members).subnet)
    for ours, *theirs in zip(found, *map(leaves, members), strict=True):
        wide = np.mean(np.asarray(theirs, np.float64), axis=0)
        np.testing.assert_array_equal(ours, wide.astype(np.float32))


def nearness(goal: Subnet):
    """A score that is highest at a goal: less the distance of weights from there."""

    def score(one: Subnet) -> float:
        pairs = zip(leaves(one), leaves(goal), strict=True)
        return -float(sum(np.abs(a.astype(float) - b).sum() for a, b in pairs))

    return score


def test_those_that_help_alone_are_taken_in_the_best_first(subnet) -> None:
    near, opposite, far = moved(subnet, 0.1), moved(subnet, -0.11), moved(subnet, 9.0)
    score = nearness(subnet)
    found = greedy_average([far, opposite, near], score)
    assert found.members == (2, 1)
    assert found.scores == tuple(map(score, (far, opposite, near)))
    assert found.score == score(found.subnet) > max(found.scores)
    expected = average([near, opposite]).subnet
    for ours, theirs in zip(leaves(found.subnet), leaves(expected), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("seed", range(5))
def test_the_greedy_mean_is_never_worse_than_the_best_member(subnet, seed) -> None:
    rng = np.random.default_rng(seed)
    members = [moved(subnet, by, n) for n, by in enumerate(rng.uniform(0, 1, 5))]
    # Scores that say nothing of weights: most means are worse.
    told = {}

    def score(one: Subnet) -> float:
        return told.setdefault(leaves(one)[0].tobytes(), rng.random())

    found = greedy_average(members, score)
    assert found.score is not None and found.score >= max(found.scores)
    assert found.score == score(found.subnet)
    assert found.members[0] == int(np.argmax(found.scores))


def test_other_networks_are_refused(tiny, subnet, tagger) -> None:
    with pytest.raises(ConfigError, match=r"got layers .* of model 2, and"):
        average([subnet, tiny.subnet(tiny.rows[4])])
    with pytest.raises(ConfigError, match="got task 'tagging' of model 2"):
        average([subnet, tagger])
    longer = moved(subnet, 0.0)
    longer.tokenizer = dataclasses.replace(subnet.tokenizer, max_length=7)
    with pytest.raises(ConfigError, match="most tokens 7 of model 3, and 40"):
        average([subnet, subnet, longer])
    with pytest.raises(ConfigError, match="at least two"):
        average([subnet])
