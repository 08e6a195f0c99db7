"""Length buckets: few shapes to compile, little padding to pay for."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.data.tokens import Encoding
from xlnas_jax.types import Batch

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


def make_rows(
    encoded: Sequence[Encoding],
    labels: Int[np.ndarray, "example *label"],
    languages: Int[np.ndarray, " example"],
    boundaries: Sequence[int],
    pad_id: int,
) -> tuple[Batch, ...]:
    """One batch per bucket with its examples as rows, in order, for training.

    Buckets without examples are left out.
    """
    return tuple(
        _gather(encoded, labels, languages, rows, np.ones(len(rows)), boundary, pad_id)
        for boundary, rows in _assign(encoded, boundaries)
    )


def make_batches(
    encoded: Sequence[Encoding],
    labels: Int[np.ndarray, "example *label"],
    languages: Int[np.ndarray, " example"],
    boundaries: Sequence[int],
    batch_tokens: int,
    pad_id: int,
) -> tuple[Batch, ...]:
    """One batch per bucket with leading axes `steps batch`, for evaluation.

    A step holds at most `batch_tokens` token slots, but always one example. Rows
    that fill the last step repeat the bucket's first example at weight 0: a real
    one, so that nothing that is computed from it can be NaN.
    """
    batches = []
    for boundary, rows in _assign(encoded, boundaries):
        most = max(1, batch_tokens // boundary)
        steps = -(-len(rows) // most)
        size = -(-len(rows) // steps)  # even steps: the last one has less to fill
        fill = steps * size - len(rows)
        padded = np.concatenate([rows, np.repeat(rows[:1], fill)])
        weight = np.concatenate([np.ones(len(rows)), np.zeros(fill)])
        flat = _gather(encoded, labels, languages, padded, weight, boundary, pad_id)
        batches.append(_fold(flat, steps, size))
    return tuple(batches)


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
    encoded: Sequence[Encoding], boundaries: Sequence[int]
) -> list[tuple[int, Int[np.ndarray, " row"]]]:
    """For each bucket that has any, its boundary and the positions of its rows."""
    lengths = np.array([len(one.ids) for one in encoded], np.int64)
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
    encoded: Sequence[Encoding],
    labels: Int[np.ndarray, "example *label"],
    languages: Int[np.ndarray, " example"],
    rows: Int[np.ndarray, " row"],
    weight: Float[np.ndarray, " row"],
    boundary: int,
    pad_id: int,
) -> Batch:
    tokens = np.full((len(rows), boundary), pad_id, np.int32)
    segments = np.zeros((len(rows), boundary), np.int32)
    length = np.zeros(len(rows), np.int32)
    for position, row in enumerate(rows):
        ids = encoded[row].ids
        length[position] = len(ids)
        tokens[position, : len(ids)] = ids
        segments[position, : len(ids)] = encoded[row].segments
    return Batch(
        tokens=jnp.asarray(tokens),
        segments=jnp.asarray(segments),
        length=jnp.asarray(length),
        label=jnp.asarray(labels[rows], jnp.int32),
        language=jnp.asarray(languages[rows], jnp.int32),
        weight=jnp.asarray(weight, jnp.float32),
    )


def _fold(batch: Batch, steps: int, size: int) -> Batch:
    def fold(leaf):
        return leaf.reshape(steps, size, *leaf.shape[1:])

    return Batch(
        tokens=fold(batch.tokens),
        segments=fold(batch.segments),
        length=fold(batch.length),
        label=fold(batch.label),
        language=fold(batch.language),
        weight=fold(batch.weight),
    )
