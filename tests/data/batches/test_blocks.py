"""Blocks hold every example once, whole, and little that fills them up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import random_batch
from tests.races import numbered
from xlnas_jax.data.batches.blocks import examples_of, make_blocks
from xlnas_jax.data.batches.buckets import padding_share
from xlnas_jax.tasks.qa import SpanLabels
from xlnas_jax.types import ConfigError


def real_rows(blocks) -> list[tuple]:
    """Tokens, length and label of every row that counts, over all buckets."""
    found = []
    for block in blocks:
        for bucket in block:
            arrays = (np.asarray(a) for a in (bucket.tokens, bucket.length))
            tokens, length = arrays
            for place in np.argwhere(np.asarray(bucket.weight) > 0):
                at = tuple(place)
                label = jax.tree.map(lambda leaf, at=at: int(leaf[at]), bucket.label)
                found.append((tokens[at].tolist(), int(length[at]), label))
    return sorted(found, key=str)


@pytest.mark.parametrize("num_blocks", [2, 5])
def test_every_row_that_counts_is_in_one_block(num_blocks):
    batches = (random_batch(3, 5, 8), random_batch(2, 4, 16, seed=1))
    blocks = make_blocks(batches, num_blocks, seed=0)
    assert len(blocks) == num_blocks
    assert real_rows(blocks) == real_rows([batches])


def test_blocks_are_alike_in_shape_size_and_languages():
    blocks = make_blocks((*numbered(60, 3), *numbered(43, 3)), 6, seed=0)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(block)] for block in blocks]
    assert shapes == [shapes[0]] * 6
    found = [examples_of(block) for block in blocks]
    sizes = [examples.num for examples in found]
    assert max(sizes) - min(sizes) <= 1
    counts = np.stack([np.bincount(examples.language) for examples in found])
    assert (np.ptp(counts, axis=0) <= 2).all()


def test_another_seed_deals_otherwise():
    one, same, other = (make_blocks(numbered(40), 4, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one[0][0].label, same[0][0].label)
    assert real_rows(one[:1]) != real_rows(other[:1])


def test_every_block_is_a_random_sample():
    """Over many seeds each example is in the first block equally often."""
    seen = np.zeros(40)
    for seed in range(300):
        (bucket,) = make_blocks(numbered(40, 2), 4, seed)[0]
        labels = np.asarray(bucket.label)[np.asarray(bucket.weight) > 0]
        seen[labels] += 1
    assert np.abs(seen / 300 - 0.25).max() < 0.09


def test_little_is_added_that_only_fills_up():
    batches = (*numbered(64, 2), *numbered(71, 2), *numbered(63, 2))
    assert padding_share(batches) < 0.08
    for num_blocks in (4, 8):
        for block in make_blocks(batches, num_blocks, seed=0):
            assert padding_share(block) < 0.15


def windows(steps: int) -> tuple:
    """Six questions a step, of one to three windows; the last row is a filler."""
    group = np.tile(np.asarray([0, 0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 0]), (steps, 1))
    number = np.arange(steps)[:, None] * 100 + group
    zeros = jnp.zeros(group.shape, jnp.int32)
    gold = jnp.asarray(number, jnp.int32)[..., None]
    label = SpanLabels(
        start=zeros,
        end=zeros,
        first=zeros,
        last=zeros,
        shift=zeros,
        group=jnp.asarray(group, jnp.int32),
        gold_start=gold,
        gold_end=gold,
    )
    batch = random_batch(steps, group.shape[1], 8)
    weight = np.ones(group.shape, np.float32)
    weight[:, -1] = 0.0
    return (
        batch.replace(
            label=label,
            language=jnp.asarray(number % 2, jnp.int32),
            weight=jnp.asarray(weight),
        ),
    )


def test_windows_of_a_question_stay_in_one_step_and_apart_from_others():
    batches = windows(5)
    expected = {}
    for number, size in zip(range(6), (2, 1, 3, 1, 1, 3), strict=True):
        expected |= {100 * step + number: size for step in range(5)}
    found = {}
    for (bucket,) in make_blocks(batches, 3, seed=0):
        number = np.asarray(bucket.label.gold_start)[..., 0]
        group, weight = np.asarray(bucket.label.group), np.asarray(bucket.weight)
        for step in range(len(number)):
            real = number[step][weight[step] > 0]
            for question in np.unique(real):
                assert question not in found
                found[int(question)] = int((real == question).sum())
                mine = group[step][(weight[step] > 0) & (number[step] == question)]
                others = group[step][(weight[step] > 0) & (number[step] != question)]
                assert not set(mine) & set(others)
    assert found == expected


def test_an_example_adds_up_its_rows():
    (bucket,) = windows(2)
    examples = examples_of((bucket,))
    assert examples.num == 12
    ones = np.ones((1, *bucket.length.shape, 1), np.float32)
    sizes = examples.gather([ones], 1)[0, :, 0]
    np.testing.assert_array_equal(sizes, [2, 1, 3, 1, 1, 3] * 2)


def test_more_blocks_than_examples_are_refused():
    with pytest.raises(ConfigError, match="8 blocks of 5 examples"):
        make_blocks(numbered(5), 8, seed=0)
