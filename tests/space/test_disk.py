"""Bytes that are counted before a search are those of what is written after it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlnas_jax.space.disk import BYTES_PER_MB, most_bytes


@given(st.floats(1e-6, 1e7))
def test_a_limit_is_kept_to_the_byte(limit) -> None:
    most = most_bytes(limit)
    assert most / BYTES_PER_MB <= limit < (most + 1) / BYTES_PER_MB
    assert math.isclose(most, limit * 1e6, abs_tol=2)


@pytest.mark.parametrize("count", [0, 1, 999_999, 12_345_678])
def test_a_count_is_within_its_own_limit(count) -> None:
    assert most_bytes(count / BYTES_PER_MB) == count
