"""Translations as rows: side by side where they are learnt, once where they score."""

import numpy as np
import pytest

from xlnas_jax.data.batches.batches import scoring_batches, training_batches
from xlnas_jax.data.batches.pair_rows import (
    pairs_of,
    pools,
    scoring_pairs,
    training_pairs,
    translations,
)
from xlnas_jax.data.batches.plan import TrainingPlan
from xlnas_jax.data.batches.text_rows import join_rows, make_text_rows
from xlnas_jax.data.examples import PairExamples
from xlnas_jax.data.texts import Texts
from xlnas_jax.data.tokens.unigram import train_tokenizer

ENGLISH = tuple(f"the sentence number {n} of them all" for n in range(9))


def part(language: str, count: int, first: int = 0) -> PairExamples:
    texts = tuple(
        f"{language} {n} " + "word " * (3 * n) for n in range(first, first + count)
    )
    ids = tuple(map(str, range(count)))
    return PairExamples(language, "train", ids, texts, ENGLISH[first : first + count])


PARTS = [part("fr", 6), part("pt", 7, 2)]
SOURCE = PairExamples("en", "train", ("a", "b"), ENGLISH[:2], ENGLISH[:2])


@pytest.fixture(scope="module")
def tokenizer():
    texts = [text for one in PARTS for text in (*one.texts, *one.translations)]
    return train_tokenizer(texts, 120, 32)


def decoded(tokenizer, batch_row: np.ndarray) -> str:
    return tokenizer.backend.decode(batch_row.tolist())


def test_both_sides_are_learnt_from_in_one_batch(tokenizer) -> None:
    rows = training_pairs(tokenizer, [SOURCE, *PARTS], [0, 1, 2], "en")
    assert len(rows) == 2 + 2 * 13
    assert rows.labelled is not None and rows.labelled.tolist() == [0, 0] + [1] * 26
    buckets = training_batches(rows, 3, tokenizer.pad_id)
    assert len(buckets) > 1
    units = [pairs_of(np.arange(len(b.length)), np.asarray(b.label)) for b in buckets]
    languages = [[np.asarray(b.language) for b in buckets]]
    plan = TrainingPlan(0, languages, 8, allowed=[units])
    seen = []
    for number in range(40):
        _, bucket, index, weight = plan[number]
        assert len(index) == len(weight) == 8
        label = np.asarray(buckets[bucket].label)[index]
        real = weight > 0
        for here in np.flatnonzero(real & (label >= 0)):
            others = np.flatnonzero(real & (label == label[here]))
            tokens = np.asarray(buckets[bucket].tokens)[index[others]]
            assert len({row.tobytes() for row in tokens}) > 1
        seen += [(bucket, int(row)) for row in index[real]]
    assert {*seen} == {
        (n, row) for n, b in enumerate(buckets) for row in range(len(b.length))
    }


def test_text_without_labels_joins_by_itself(tokenizer) -> None:
    rows = training_pairs(tokenizer, PARTS, [1, 2], "en")
    texts = make_text_rows(tokenizer, "retrieval", [Texts("de", ("x y", "z"))], [3])
    both = join_rows(rows, texts)
    assert both.unit is not None
    assert len({*both.unit.tolist()}) == 13 + 2
    assert both.labels[-2:].tolist() == [-1, -1]
    units = pairs_of(np.arange(len(both)), both.labels)
    assert (units[:13] >= 0).all() and (units[13:, 1] == -1).all()


def test_only_rows_with_labels_can_be_asked_for(tokenizer) -> None:
    rows = training_pairs(tokenizer, [SOURCE, *PARTS], [0, 1, 2], "en")
    assert rows.labelled is not None
    units = pairs_of(np.flatnonzero(rows.labelled), rows.labels)
    assert units.shape == (13, 2) and (units >= 2).all()


def test_a_shared_translation_is_one_row(tokenizer) -> None:
    rows = scoring_pairs(tokenizer, PARTS, [1, 2], 0)
    assert len(rows) == 6 + 7 + 9
    assert rows.language.tolist() == [1] * 6 + [2] * 7 + [0] * 9
    other = translations(rows, 13)
    expected = [13 + n for n in (*range(6), *range(2, 9))]
    assert other.tolist() == expected
    for n, row in enumerate(other):
        text = [*PARTS[0].translations, *PARTS[1].translations][n]
        assert rows.encodings[row].ids == tokenizer.encode([text])[0].ids


def test_pools_find_both_sides_in_the_batches(tokenizer) -> None:
    rows = scoring_pairs(tokenizer, PARTS, [1, 2], 0)
    batches, plans = scoring_batches(rows, 2, 64, tokenizer.pad_id)
    flat = [np.asarray(b.tokens).reshape(-1, b.tokens.shape[-1]) for b in batches]
    for one, pool in zip(PARTS, pools(rows, plans, [6, 7]), strict=True):
        for side, texts in ((pool.ours, one.texts), (pool.theirs, one.translations)):
            for (bucket, place), text in zip(side, texts, strict=True):
                ids = tokenizer.encode([text])[0].ids
                assert flat[bucket][place][: len(ids)].tolist() == list(ids)
