"""Inputs of any length run in few shapes, and come back in their order."""

import numpy as np
import pytest

from xlnas_jax.export.predicting.chunks import padded_length, plan_chunks


def test_every_example_is_planned_once_and_fits():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 101, 200).tolist()

    chunks = plan_chunks(lengths, 12, 100)

    assert sorted(i for chunk in chunks for i in chunk.rows) == list(range(200))
    for chunk in chunks:
        assert max(lengths[i] for i in chunk.rows) <= chunk.seq <= 100
        assert len(chunk.rows) <= min(12, chunk.size)
        assert chunk.size in (1, 2, 4, 8, 16)


@pytest.mark.parametrize(
    ("length", "padded"),
    [(1, 16), (16, 16), (17, 32), (33, 64), (65, 96), (97, 100), (100, 100)],
)
def test_padded_lengths_step_up_to_the_maximum(length, padded):
    assert padded_length(length, 100) == padded
