"""From rows to token arrays in shared length buckets."""

from xlnas_jax.data.batches.buckets import (
    BucketPlan,
    make_batches,
    make_rows,
    optimal_boundaries,
    plan_batches,
)
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.types import Batch


def training_batches(rows: Rows, num_buckets: int, pad_id: int) -> tuple[Batch, ...]:
    """Single rows in length buckets, for training to draw batches from."""
    return make_rows(rows, optimal_boundaries(rows.unit_lengths, num_buckets), pad_id)


def scoring_batches(
    rows: Rows, num_buckets: int, batch_tokens: int, pad_id: int
) -> tuple[tuple[Batch, ...], tuple[BucketPlan, ...]]:
    """Batches for scoring, and which row stands where in them."""
    ends = optimal_boundaries(rows.lengths, num_buckets)
    batches = make_batches(rows, ends, batch_tokens, pad_id)
    return batches, plan_batches(rows, ends, batch_tokens)
