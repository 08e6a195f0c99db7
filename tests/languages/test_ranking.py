"""Ranking and covering of targets, beside all subsets there are."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xlnas_jax.languages.ranking import cover, rank

TABLES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 5)),
    elements=st.floats(0.0, 1.0),
)


def left(table: np.ndarray, taken: list[int]) -> float:
    return float(table[taken].min(0).mean())


@given(TABLES, st.integers(1, 6))
def test_covering_is_near_the_best_of_all_subsets(table, count) -> None:
    found = cover(table, count)
    assert len(found) == len({*found}) == min(count, len(table))
    best = min(
        left(table, list(taken))
        for taken in combinations(range(len(table)), len(found))
    )
    # Greedy covering gains at least 1 - 1/e of what can be gained, from 1 on.
    assert 1.0 - left(table, found) >= (1 - np.exp(-1)) * (1.0 - best) - 1e-9
    assert left(table, found[:1]) == min(left(table, [n]) for n in range(len(table)))


def test_two_that_are_alike_do_not_cover_more_than_one() -> None:
    table = np.asarray([[0.1, 0.9, 0.9], [0.1, 0.9, 0.9], [0.9, 0.3, 0.9]])
    assert cover(table, 2) in ([0, 2], [2, 0])
    by_mean = [one.language for one in rank(table, ["a", "b", "c"], ["x", "y", "z"])]
    assert by_mean == ["a", "b", "c"]


def test_what_is_not_known_comes_last_and_covers_nothing() -> None:
    table = np.asarray([[np.nan, np.nan], [0.8, np.nan], [0.2, 0.9]])
    found = rank(table, ["a", "b", "c"], ["x", "y"])
    assert [one.language for one in found] == ["c", "b", "a"]
    assert [one.nearest for one in found] == ["x", "x", ""]
    assert np.isnan(found[-1].distance)
    assert cover(table, 3)[-1] == 0
