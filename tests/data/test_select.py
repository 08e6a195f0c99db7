"""Rows that are drawn: as many, of every class its share, the same every time."""

import numpy as np
import pytest

from xlnas_jax.data.examples import Examples, TaggedExamples
from xlnas_jax.data.select import drawn

SIZES = (50, 30, 17, 3)


def classified(language: str = "sw") -> Examples:
    labels = np.random.default_rng(0).permutation(np.repeat(range(4), SIZES))
    names = tuple(f"row {n}" for n in range(len(labels)))
    return Examples(language, "train", names, names, labels.astype(np.int32))


@pytest.mark.parametrize("count", [1, 4, 7, 33, 99, 100])
def test_every_class_has_its_share_to_within_a_row(count: int) -> None:
    found = drawn(classified(), count, seed=0)
    assert len(found) == len(set(found.ids)) == count
    own = np.bincount(found.labels, minlength=4)
    exact = count * np.asarray(SIZES) / sum(SIZES)
    assert (np.abs(own - exact) < 1).all()


def test_a_drawn_row_keeps_its_own_label_and_place() -> None:
    every = classified()
    found = drawn(every, 20, seed=1)
    places = [every.ids.index(name) for name in found.ids]
    assert places == sorted(places)
    np.testing.assert_array_equal(found.labels, every.labels[places])


def test_seed_and_language_decide_and_nothing_else() -> None:
    first = drawn(classified(), 20, seed=3).ids
    assert drawn(classified(), 20, seed=3).ids == first
    assert drawn(classified(), 20, seed=4).ids != first
    assert drawn(classified("yo"), 20, seed=3).ids != first


def test_what_has_no_class_is_drawn_at_random() -> None:
    names = tuple(map(str, range(60)))
    words = tuple((name,) for name in names)
    tags = tuple(np.asarray([n], np.int32) for n in range(60))
    found = drawn(TaggedExamples("sw", "train", names, words, tags), 20, seed=0)
    assert len(set(found.ids)) == 20
    assert found.words == tuple((name,) for name in found.ids)
    assert [int(one[0]) for one in found.tags] == list(map(int, found.ids))
    assert found.ids != names[:20]
