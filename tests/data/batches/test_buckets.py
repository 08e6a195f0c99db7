"""Buckets: the fewest padded tokens, and every example once."""

import itertools

import jax
import numpy as np
import pytest

from xlnas_jax.data.batches.buckets import (
    epoch_plan,
    make_batches,
    make_rows,
    optimal_boundaries,
    padding_share,
    plan_batches,
    steps_per_epoch,
)
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.tokens.tokenizer import Encoding

PAD = 9


def cost(lengths: np.ndarray, boundaries: tuple[int, ...]) -> int:
    return sum(min(b for b in boundaries if b >= length) for length in lengths)


def brute_force(lengths: np.ndarray, num: int, multiple: int) -> int:
    sizes = sorted({-(-int(length) // multiple) * multiple for length in lengths})
    choices = itertools.chain.from_iterable(
        itertools.combinations(sizes[:-1], k) for k in range(num)
    )
    return min(cost(lengths, (*choice, sizes[-1])) for choice in choices)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("num", [1, 2, 3, 4])
@pytest.mark.parametrize("multiple", [1, 8])
def test_boundaries_are_as_good_as_the_best_of_all(
    seed: int, num: int, multiple: int
) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12 * multiple, size=30)
    boundaries = optimal_boundaries(lengths, num, multiple)
    assert len(boundaries) <= num
    assert all(boundary % multiple == 0 for boundary in boundaries)
    assert cost(lengths, boundaries) == brute_force(lengths, num, multiple)


def test_no_more_buckets_than_lengths() -> None:
    assert optimal_boundaries([3, 3, 12], 5) == (8, 16)


@pytest.mark.parametrize(("lengths", "num"), [([], 2), ([3], 0), ([0], 1)])
def test_nothing_to_divide_is_refused(lengths: list[int], num: int) -> None:
    with pytest.raises(ValueError, match="buckets"):
        optimal_boundaries(lengths, num)


def examples(num: int, seed: int = 0):
    """Encodings whose first token is their own number, and their labels."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, size=num)
    encoded = [
        Encoding([i + 100] * int(length), [1] * int(length))
        for i, length in enumerate(lengths)
    ]
    labels = np.arange(num, dtype=np.int32) % 5
    languages = np.arange(num, dtype=np.int32) % 3
    return encoded, labels, languages


def as_rows(encoded, labels, languages, example=None) -> Rows:
    number = np.arange(len(encoded), dtype=np.int32)
    return Rows(encoded, labels, languages, number if example is None else example)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("batch_tokens", [40, 200, 4000])
def test_rows_of_one_example_stand_in_one_step(seed: int, batch_tokens: int) -> None:
    encoded, labels, languages = examples(40, seed)
    counts = np.random.default_rng(seed).integers(1, 6, size=40)
    example = np.repeat(np.arange(40, dtype=np.int32), counts)[:40]
    rows = as_rows(encoded, labels, languages, example)
    plans = plan_batches(rows, optimal_boundaries(rows.lengths, 3), batch_tokens)
    seen = []
    for plan in plans:
        for chosen, weight in zip(plan.rows, plan.weight, strict=True):
            real = chosen[weight > 0].tolist()
            seen += real
            for number in set(example[real].tolist()):
                assert set(np.flatnonzero(example == number)) <= set(real)
    assert sorted(seen) == list(range(40))


def assert_rows_are_the_examples(batch, encoded, labels, languages) -> list[int]:
    """Check every row of weight 1 against its example; return their numbers."""
    tokens = np.asarray(batch.tokens).reshape(-1, batch.tokens.shape[-1])
    segments = np.asarray(batch.segments).reshape(tokens.shape)
    flat = [
        np.asarray(leaf).reshape(-1)
        for leaf in (batch.length, batch.label, batch.language, batch.weight)
    ]
    numbers = []
    for row, parts, length, label, language, weight in zip(
        tokens, segments, *flat, strict=True
    ):
        number = int(row[0]) - 100
        assert row[:length].tolist() == encoded[number].ids
        assert parts[:length].tolist() == encoded[number].segments
        assert (row[length:] == PAD).all()
        assert (parts[length:] == 0).all()
        assert (label, language) == (labels[number], languages[number])
        numbers += [number] if weight == 1 else []
    return numbers


@pytest.mark.parametrize("num", [1, 7, 64])
@pytest.mark.parametrize("batch_tokens", [1, 100, 10_000])
def test_batches_hold_every_example_once_at_weight_one(
    num: int, batch_tokens: int
) -> None:
    encoded, labels, languages = examples(num)
    boundaries = optimal_boundaries([len(one.ids) for one in encoded], 3)
    batches = make_batches(
        as_rows(encoded, labels, languages), boundaries, batch_tokens, PAD
    )
    numbers = []
    for batch in batches:
        steps, size, seq = batch.tokens.shape
        assert batch.weight.shape == (steps, size)
        assert size == 1 or size * seq <= batch_tokens
        # No step is filler alone.
        assert (np.asarray(batch.weight).sum(axis=1) > 0).all()
        assert set(np.unique(batch.weight)) <= {0.0, 1.0}
        numbers += assert_rows_are_the_examples(batch, encoded, labels, languages)
    assert sorted(numbers) == list(range(num))


def test_arrays_are_32_bit() -> None:
    batch = make_batches(as_rows(*examples(5)), (32,), 64, PAD)[0]
    kinds = {leaf.dtype.name for leaf in jax.tree.leaves(batch)}
    assert kinds == {"int32", "float32"}
    assert batch.weight.dtype.name == "float32"


def test_filler_rows_are_real_rows() -> None:
    encoded, labels, languages = examples(3)
    (batch,) = make_batches(as_rows(encoded, labels, languages), (32,), 64, PAD)
    assert batch.tokens.shape == (2, 2, 32)
    assert np.asarray(batch.weight).tolist() == [[1.0, 1.0], [1.0, 0.0]]
    assert int(batch.length.min()) > 0


def test_rows_hold_every_example_in_order() -> None:
    encoded, labels, languages = examples(40)
    rows = make_rows(as_rows(encoded, labels, languages), (8, 16, 24, 32, 64), PAD)
    assert [batch.tokens.shape[-1] for batch in rows] == [8, 16, 24, 32]
    numbers = [
        assert_rows_are_the_examples(batch, encoded, labels, languages)
        for batch in rows
    ]
    assert all(part == sorted(part) for part in numbers)
    assert sorted(itertools.chain(*numbers)) == list(range(40))


def test_labels_may_have_further_axes() -> None:
    encoded, _, languages = examples(4)
    labels = np.arange(8, dtype=np.int32).reshape(4, 2)
    (batch,) = make_batches(as_rows(encoded, labels, languages), (32,), 64, PAD)
    assert batch.label.shape == (2, 2, 2)
    assert np.asarray(batch.label).reshape(4, 2).tolist() == labels.tolist()


def test_an_example_longer_than_every_bucket_is_refused() -> None:
    with pytest.raises(ValueError, match="boundary 8"):
        make_rows(as_rows(*examples(20)), (8,), PAD)


def test_padding_share_counts_padding_and_filler() -> None:
    encoded = [Encoding([1] * length, [0] * length) for length in (8, 4, 8)]
    zeros = np.zeros(3, np.int32)
    batches = make_batches(as_rows(encoded, zeros, zeros), (8,), 16, PAD)
    assert padding_share(batches) == pytest.approx(1 - 20 / 32)
    rows = make_rows(as_rows(encoded, zeros, zeros), (8,), PAD)
    assert padding_share(rows) == pytest.approx(1 - 20 / 24)


SIZES = (10, 1, 7, 4)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 16])
def test_an_epoch_has_every_row_once(batch_size: int) -> None:
    plan = epoch_plan(0, 0, SIZES, batch_size)
    assert len(plan) == steps_per_epoch(SIZES, batch_size)
    seen = []
    for bucket, rows, weight in plan:
        assert rows.shape == weight.shape == (batch_size,)
        assert (rows.dtype, weight.dtype) == (np.int32, np.float32)
        assert (rows < SIZES[bucket]).all()
        seen += [(bucket, int(row)) for row in rows[weight == 1]]
    expected = [(b, row) for b, size in enumerate(SIZES) for row in range(size)]
    assert sorted(seen) == expected


def flat(plan) -> list:
    return [(b, rows.tolist(), weight.tolist()) for b, rows, weight in plan]


def test_a_plan_depends_on_seed_and_epoch_alone() -> None:
    first = flat(epoch_plan(0, 0, SIZES, 3))
    np.random.default_rng(0).permutation(5)
    assert flat(epoch_plan(0, 0, SIZES, 3)) == first
    assert flat(epoch_plan(0, 1, SIZES, 3)) != first
    assert flat(epoch_plan(1, 0, SIZES, 3)) != first


def test_buckets_are_mixed_within_an_epoch() -> None:
    order = [bucket for bucket, _, _ in epoch_plan(0, 0, (30, 30), 3)]
    assert order not in ([0] * 10 + [1] * 10, [1] * 10 + [0] * 10)
