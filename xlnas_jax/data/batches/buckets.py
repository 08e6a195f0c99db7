"""Length buckets: few shapes to compile, little padding to pay for."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.data.batches.rows import Rows, take_labels
from xlnas_jax.types import Batch

# Of each row: its bucket, and its place among the rows of that.
Places = Int[np.ndarray, "row 2"]
Step = tuple[int, Int[np.ndarray, " batch"], Float[np.ndarray, " batch"]]


def optimal_boundaries(
    lengths: Sequence[int] | Int[np.ndarray, " example"],
    num_buckets: int,
    multiple: int = 8,
) -> tuple[int, ...]:
    """Lengths to pad to, with the fewest padded tokens there can be.

    Exact, by dynamic programming over the distinct lengths, each rounded up to
    a multiple of `multiple`. Fewer than `num_buckets` where fewer suffice.
    """
    if len(lengths) == 0 or num_buckets < 1 or min(lengths) < 1:
        raise ValueError(
            f"buckets: need one bucket and one length of at least 1 each; got "
            f"{num_buckets} buckets for {len(lengths)} lengths."
        )
    rounded = -(-np.asarray(lengths, np.int64) // multiple) * multiple
    sizes, counts = np.unique(rounded, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    num = len(sizes)
    # cost[i]: tokens of the i shortest sizes; last[k][i]: where bucket k starts.
    cost = np.full(num + 1, np.inf)
    cost[0] = 0
    last: list[Int[np.ndarray, " size"]] = []
    for _ in range(min(num_buckets, num)):
        tokens = sizes[None, :] * (below[None, 1:] - below[:-1, None])
        starts_before = np.arange(num)[:, None] <= np.arange(num)[None, :]
        totals = np.where(starts_before, cost[:-1, None] + tokens, np.inf)
        last.append(totals.argmin(axis=0))
        cost = np.concatenate([[np.inf], totals.min(axis=0)])
    boundaries, end = [], num
    for starts in reversed(last):
        boundaries.append(int(sizes[end - 1]))
        end = int(starts[end - 1])
    return tuple(reversed(boundaries))


class BucketPlan(NamedTuple):
    """Which rows stand where in the batches of one bucket.

    Attributes:
        rows: positions of the rows; fillers repeat the bucket's first row.
        weight: 1 for a row that counts, 0 for a filler.
    """

    boundary: int
    rows: Int[np.ndarray, "steps batch"]
    weight: Float[np.ndarray, "steps batch"]


def places_of(plans: Sequence[BucketPlan], count: int) -> Places:
    """Where each of `count` rows stands in the batches that plans make."""
    place = np.zeros((count, 2), np.int32)
    for bucket, plan in enumerate(plans):
        kept = np.flatnonzero(plan.weight.ravel() > 0)
        place[plan.rows.ravel()[kept], 0] = bucket
        place[plan.rows.ravel()[kept], 1] = kept
    return place


def make_rows(rows: Rows, boundaries: Sequence[int], pad_id: int) -> tuple[Batch, ...]:
    """One batch per bucket with its examples as rows, in order, for training.

    Buckets without examples are left out.
    """
    return tuple(
        _put(_gather(rows, chosen, np.ones(len(chosen)), boundary, pad_id))
        for boundary, chosen in _assign(rows.unit_lengths, boundaries)
    )


def make_batches(
    rows: Rows, boundaries: Sequence[int], batch_tokens: int, pad_id: int
) -> tuple[Batch, ...]:
    """One batch per bucket with leading axes `steps batch`, as `plan_batches` says."""
    batches = []
    for plan in plan_batches(rows, boundaries, batch_tokens):
        chosen, weight = plan.rows.ravel(), plan.weight.ravel()
        flat = _gather(rows, chosen, weight, plan.boundary, pad_id)
        fold = functools.partial(_fold, shape=plan.rows.shape)
        batches.append(_put(jax.tree.map(fold, flat)))
    return tuple(batches)


def plan_batches(
    rows: Rows, boundaries: Sequence[int], batch_tokens: int
) -> tuple[BucketPlan, ...]:
    """Batches for evaluation: every row once, those of one example together.

    A step holds at most `batch_tokens` token slots, but always one example. Rows
    that fill up a step repeat the bucket's first row at weight 0: a real one, so
    that nothing that is computed from it can be NaN.
    """
    _, example = np.unique(rows.example, return_inverse=True)
    longest = np.zeros(example.max() + 1, np.int64)
    np.maximum.at(longest, example, rows.lengths)
    plans = []
    for boundary, chosen in _assign(longest[example], boundaries):
        most = max(1, batch_tokens // boundary)
        steps = _pack(example[chosen], most)
        size = max(len(step) for step in steps)
        table = np.full((len(steps), size), chosen[0], np.int64)
        weight = np.zeros(table.shape, np.float32)
        for number, step in enumerate(steps):
            table[number, : len(step)] = chosen[step]
            weight[number, : len(step)] = 1.0
        plans.append(BucketPlan(boundary, table, weight))
    return tuple(plans)


def _pack(example: Int[np.ndarray, " row"], most: int) -> list[Int[np.ndarray, " _"]]:
    """Positions of the rows of each step: whole examples, first fit, largest first.

    Where every example is one row, the steps are even: the last one has less to
    fill up.
    """
    _, first, counts = np.unique(example, return_index=True, return_counts=True)
    if counts.max() == 1:
        return np.array_split(np.arange(len(example)), -(-len(example) // most))
    steps: list[list[int]] = []
    free: list[int] = []
    for number in np.argsort(-counts, kind="stable"):
        count = int(counts[number])
        place = next((i for i, room in enumerate(free) if room >= count), None)
        if place is None:
            place = len(steps)
            steps.append([])
            free.append(max(most, int(counts.max())))
        steps[place] += range(int(first[number]), int(first[number]) + count)
        free[place] -= count
    return [np.asarray(step) for step in steps]


def padding_share(batches: Sequence[Batch]) -> float:
    """Share of token slots that hold padding or a row of weight 0."""
    slots = sum(batch.tokens.size for batch in batches)
    real = sum(
        float(np.sum(np.asarray(batch.length) * np.asarray(batch.weight)))
        for batch in batches
    )
    return 1 - real / slots


def epoch_plan(
    seed: int, epoch: int, bucket_sizes: Sequence[int], batch_size: int
) -> list[Step]:
    """The steps of an epoch: bucket, rows in it, and their weights.

    Every row comes once with weight 1. A bucket's last step is filled with rows
    it already had, at weight 0. Depends on nothing but its arguments, so a run
    resumes at any step by asking for the same epoch again.
    """
    rng = np.random.default_rng([seed, epoch])
    steps: list[Step] = []
    for bucket, size in enumerate(bucket_sizes):
        order = rng.permutation(size).astype(np.int32)
        for start in range(0, size, batch_size):
            rows = order[start : start + batch_size]
            weight = (np.arange(batch_size) < len(rows)).astype(np.float32)
            steps.append((bucket, np.resize(rows, batch_size), weight))
    return [steps[position] for position in rng.permutation(len(steps))]


def steps_per_epoch(bucket_sizes: Sequence[int], batch_size: int) -> int:
    """Number of steps `epoch_plan` makes."""
    return sum(-(-size // batch_size) for size in bucket_sizes)


def _assign(
    lengths: Int[np.ndarray, " row"], boundaries: Sequence[int]
) -> list[tuple[int, Int[np.ndarray, " _"]]]:
    """For each bucket that has any, its boundary and the positions of its rows."""
    limits = np.sort(np.asarray(boundaries, np.int64))
    if len(lengths) and lengths.max() > limits[-1]:
        raise ValueError(
            f"buckets: the last boundary must hold every example; got boundary "
            f"{limits[-1]} and length {lengths.max()}."
        )
    bucket = np.searchsorted(limits, lengths)
    groups = [(int(b), np.flatnonzero(bucket == i)) for i, b in enumerate(limits)]
    return [(boundary, rows) for boundary, rows in groups if len(rows)]


def _gather(
    rows: Rows,
    chosen: Int[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"],
    boundary: int,
    pad_id: int,
) -> dict[str, Any]:
    """The fields of a batch, on the host."""
    tokens = np.full((len(chosen), boundary), pad_id, np.int32)
    segments = np.zeros((len(chosen), boundary), np.int32)
    length = np.zeros(len(chosen), np.int32)
    for position, row in enumerate(chosen):
        ids = rows.encodings[row].ids
        length[position] = len(ids)
        tokens[position, : len(ids)] = ids
        segments[position, : len(ids)] = rows.encodings[row].segments
    head, labelled, other = rows.head, rows.labelled, None
    if rows.other is not None:
        beside, is_there = rows.other
        own = weight * is_there[chosen]
        other = _gather(beside, chosen, own, boundary, pad_id)
    return {
        "tokens": tokens,
        "segments": segments,
        "length": length,
        "label": take_labels(rows.labels, chosen),
        "language": np.asarray(rows.language[chosen], np.int32),
        "weight": np.asarray(weight, np.float32),
        "head": None if head is None else np.asarray(head[chosen], np.int32),
        "labelled": None if labelled is None else labelled[chosen],
        "other": other,
    }


def _put(fields: dict[str, Any]) -> Batch:
    """Put whole: every array that is built on a device compiles a program there."""
    return _batch(jax.device_put(fields))


def _batch(fields: dict[str, Any]) -> Batch:
    other = fields["other"]
    return Batch(**{**fields, "other": None if other is None else _batch(other)})


def _fold(leaf: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return leaf.reshape(*shape, *leaf.shape[1:])
