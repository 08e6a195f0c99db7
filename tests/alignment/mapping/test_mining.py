"""Translations mined from two texts, and two texts side by side."""

import numpy as np
import pytest

from xlnas_jax.alignment.mapping.mining import (
    Agreement,
    Block,
    Mined,
    agreement,
    align_in_order,
    best_threshold,
    mine,
)
from xlnas_jax.types import DataError


@pytest.fixture(scope="module")
def planted():
    """120 and 100 sentences, 60 of which translate each other."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 32)), rng.normal(size=(100, 32))
    source, target = rng.permutation(120)[:60], rng.permutation(100)[:60]
    y[target] = x[source] + 0.6 * rng.normal(size=(60, 32))
    return x, y, set(zip(source.tolist(), target.tolist(), strict=True))


@pytest.mark.parametrize("kind", ["ratio", "distance", "absolute"])
def test_planted_translations_are_found_and_others_are_not(planted, kind) -> None:
    x, y, gold = planted
    threshold, on_known = best_threshold(mine(x, y, kind), gold)
    found = mine(x, y, kind, threshold=threshold)
    assert agreement(found, gold) == pytest.approx(on_known)
    assert on_known.precision > 0.9 and on_known.recall > 0.9


def test_each_sentence_stands_once_and_the_surest_first(planted) -> None:
    found = mine(*planted[:2])
    for side in ("source", "target"):
        rows = [getattr(pair, side) for pair in found]
        assert len(set(rows)) == len(rows)
    scores = [pair.score for pair in found]
    assert scores == sorted(scores, reverse=True)


def test_the_threshold_is_where_f1_is_highest() -> None:
    found = [Mined(0, 0, 3.0), Mined(1, 9, 2.0), Mined(2, 2, 1.0), Mined(3, 8, 0.5)]
    gold = {(0, 0), (2, 2), (4, 4)}
    # 1 of 1: .5; 1 of 2: .4; 2 of 3: .667; 2 of 4: .571.
    threshold, there = best_threshold(found, gold)
    assert threshold == 1.0
    assert there == pytest.approx(Agreement(2 / 3, 2 / 3, 2 / 3))


def test_nothing_found_agrees_with_nothing() -> None:
    assert agreement([], {(0, 0)}) == (0.0, 0.0, 0.0)
    with pytest.raises(DataError, match="got 0 and 0"):
        best_threshold([], set())


def test_texts_in_order_are_aligned_sentence_by_sentence() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 32))
    y = x + 0.3 * rng.normal(size=x.shape)
    assert align_in_order(x, y) == [Block((n,), (n,)) for n in range(30)]


def test_what_was_left_out_and_what_was_joined_is_found() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(8, 64))
    # The third is missing, the fifth and sixth are one, the seventh became two.
    halves = rng.normal(size=64)
    y = np.stack([x[0], x[1], x[3], x[4] + x[5], halves, x[6] - halves, x[7]])
    assert align_in_order(x, y) == [
        Block((0,), (0,)),
        Block((1,), (1,)),
        Block((2,), ()),
        Block((3,), (2,)),
        Block((4, 5), (3,)),
        Block((6,), (4, 5)),
        Block((7,), (6,)),
    ]


def test_both_texts_are_covered_in_order() -> None:
    rng = np.random.default_rng(3)
    blocks = align_in_order(rng.normal(size=(9, 8)), rng.normal(size=(14, 8)))
    assert [n for block in blocks for n in block.source] == list(range(9))
    assert [n for block in blocks for n in block.target] == list(range(14))
