import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlnas_jax.space.words import WordRows, covering, share_rows

COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=12).map(np.asarray)
GROUPS = st.lists(st.integers(-1, 3), min_size=4, max_size=12).map(np.asarray)


@given(COUNTS, st.floats(0, 1))
def test_the_fewest_pieces_cover_a_share(counts: np.ndarray, share: float) -> None:
    found = covering(counts, share)
    need = share * counts.sum() - 1e-9
    assert counts[found].sum() >= need
    assert counts[found][:-1].sum() < need or not len(found)
    # No others of so few are used more.
    most = np.sort(counts)[::-1][: len(found)]
    assert counts[found].tolist() == most.tolist()


def test_all_of_the_pieces_that_are_used_cover_all() -> None:
    assert covering(np.asarray([0, 3, 0, 1]), 1.0).tolist() == [1, 3]
    assert covering(np.asarray([0, 0]), 0.5).tolist() == []
    # Of equal ones the earlier.
    assert covering(np.asarray([2, 2, 2]), 0.5).tolist() == [0, 1]


@given(GROUPS, GROUPS)
def test_pieces_of_a_group_have_a_row_that_no_other_has(
    one: np.ndarray, other: np.ndarray
) -> None:
    size = min(len(one), len(other))
    groups = [one[:size], other[:size]]
    words = share_rows((0.2, 0.7), groups)
    assert words.shares == (0.2, 0.7, 1.0)
    assert words.rows[-1].tolist() == list(range(size))
    for group, rows in zip(groups, words.rows, strict=False):
        own = group < 0
        own |= np.asarray([(group == one).sum() == 1 for one in group])
        assert rows[own].tolist() == np.flatnonzero(own).tolist()
        same = group[~own][:, None] == group[~own]
        assert np.array_equal(rows[~own][:, None] == rows[~own], same)
        assert (rows[~own] >= size).all()
    shared = [set(rows[rows >= size]) for rows in words.rows]
    assert not shared[0] & shared[1]
    sizes = [(g < 0).sum() + len(set(g[g >= 0])) for g in groups]
    assert words.sizes.tolist() == [*sizes, size]


@given(GROUPS)
def test_a_network_of_its_own_finds_the_same_rows(group: np.ndarray) -> None:
    words = share_rows((0.5,), [group])
    table = np.random.default_rng(0).standard_normal((words.table, 3))
    for choice, rows in enumerate(words.rows):
        kept, own = words.of_choice(choice)
        assert len(kept) == words.sizes[choice]
        found = np.arange(len(kept)) if own is None else own.rows[0]
        np.testing.assert_array_equal(table[kept][found], table[rows])
        if own is not None:
            assert own.shares == (0.5,)
            assert own.table == len(kept) < len(group)


def test_they_are_compared_by_what_they_hold() -> None:
    one, other = (share_rows((0.5,), [np.asarray([-1, 0, 0])]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    for different in (
        share_rows((0.4,), [np.asarray([-1, 0, 0])]),
        share_rows((0.5,), [np.asarray([-1, 0, 1])]),
    ):
        assert one != different
        assert one.checksum != different.checksum
    assert one != "words"
    with pytest.raises(ValueError, match="read-only"):
        one.rows[0, 0] = 1


@pytest.mark.parametrize("rows", [[[0, 2]], [[0, -1]], [[0, 1], [0, 1]]])
def test_rows_that_are_none_of_a_table_are_refused(rows) -> None:
    with pytest.raises(ValueError, match="rows"):
        WordRows((0.5,), np.asarray(rows, np.int32), 2)
