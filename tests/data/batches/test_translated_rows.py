"""Translations stand beside the rows that they are of, or are rows by themselves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.data.batches.batches import training_batches
from xlnas_jax.data.batches.rows import Rows, make_example_rows
from xlnas_jax.data.batches.translated_rows import with_beside, with_more
from xlnas_jax.data.examples import Examples
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.data.translated import Translations, Wording
from xlnas_jax.training.step import take_batch
from xlnas_jax.types import Batch

LONG = " ".join(["molto"] * 20)
SOURCE = Examples(
    *("en", "train", ("a", "b", "c"), ("one", "two words", "three")),
    np.asarray([2, 0, 1], np.int32),
)
OTHER = Examples("it", "train", ("k",), ("quattro",), np.asarray([1], np.int32))
IT = Translations("it", {"a": Wording("uno"), "b": Wording(LONG)}, {"b": Wording("2")})
FR = Translations("fr", {"a": Wording("un"), "c": Wording("trois")})
# Index of each language, and its own output layer.
NUMBERS = [(1, 0), (2, -1)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = (*SOURCE.texts, *OTHER.texts, LONG, "uno un trois 2")
    return train_tokenizer(texts, 120, 64)


def base(tokenizer: Tokenizer) -> Rows:
    return make_example_rows(tokenizer, [SOURCE, OTHER], [0, 1], heads=[-1, 0])


def read(tokenizer: Tokenizer, batch: Batch) -> list[str]:
    return [
        tokenizer.backend.decode(row[:size].tolist())
        for row, size in zip(
            np.asarray(batch.tokens), np.asarray(batch.length), strict=True
        )
    ]


def test_every_row_stands_once_beside_each_of_its_translations(tokenizer) -> None:
    rows = with_beside(tokenizer, base(tokenizer), SOURCE.ids, [IT, FR], NUMBERS)
    (batch,) = training_batches(rows, 1, tokenizer.pad_id)
    assert read(tokenizer, batch) == [
        *("one", "one", "two words", "three", "quattro"),
    ]
    other = batch.other
    assert read(tokenizer, other) == ["uno", "un", LONG, "trois", "quattro"]
    # The last one has none: a real row stands there, and does not count.
    assert np.asarray(other.weight).tolist() == [1, 1, 1, 1, 0]
    assert np.asarray(batch.label).tolist() == [2, 2, 0, 1, 1]
    assert np.asarray(other.label).tolist() == np.asarray(batch.label).tolist()
    assert np.asarray(batch.language).tolist() == [0, 0, 0, 0, 1]
    assert np.asarray(other.language).tolist() == [1, 2, 1, 2, 1]
    assert np.asarray(other.head).tolist() == [0, -1, 0, -1, 0]
    # In the row's language again, where that is given.
    assert read(tokenizer, other.other)[2] == "2"
    assert np.asarray(other.other.weight).tolist() == [0, 0, 1, 0, 0]
    assert np.asarray(other.other.language)[2] == 0


def test_both_texts_are_padded_to_the_longer_one(tokenizer: Tokenizer) -> None:
    rows = with_beside(tokenizer, base(tokenizer), SOURCE.ids, [IT], NUMBERS[:1])
    buckets = training_batches(rows, 2, tokenizer.pad_id)
    short, long = buckets
    assert read(tokenizer, long) == ["two words"]
    for bucket in buckets:
        assert bucket.tokens.shape == bucket.other.tokens.shape
        assert (np.asarray(bucket.other.length) <= bucket.tokens.shape[1]).all()
    assert short.tokens.shape[1] < long.tokens.shape[1]
    plain = training_batches(base(tokenizer), 2, tokenizer.pad_id)
    assert max(one.tokens.shape[1] for one in plain) < long.tokens.shape[1]


def test_rows_that_only_fill_a_batch_have_translations_that_do_not_count(
    tokenizer: Tokenizer,
) -> None:
    rows = with_beside(tokenizer, base(tokenizer), SOURCE.ids, [IT, FR], NUMBERS)
    (bucket,) = training_batches(rows, 1, tokenizer.pad_id)
    index, weight = jnp.asarray([4, 2, 0]), jnp.asarray([1.0, 1.0, 0.0])
    batch = take_batch(bucket, index, weight)
    assert read(tokenizer, batch) == ["quattro", "two words", "one"]
    assert np.asarray(batch.weight).tolist() == [1, 1, 0]
    assert np.asarray(batch.other.weight).tolist() == [0, 1, 0]
    assert np.asarray(batch.other.other.weight).tolist() == [0, 1, 0]


def test_as_rows_they_are_those_of_a_union_with_copied_labels(tokenizer) -> None:
    rows = with_more(tokenizer, base(tokenizer), SOURCE.ids, [IT, FR], NUMBERS)
    italian = dataclasses.replace(
        OTHER,
        ids=("k", "a", "b"),
        texts=("quattro", "uno", LONG),
        labels=np.asarray([1, 2, 0], np.int32),
    )
    french = Examples(
        *("fr", "train", ("a", "c"), ("un", "trois")), np.asarray([2, 1], np.int32)
    )
    parts, heads = [SOURCE, italian, french], [-1, 0, -1]
    union = make_example_rows(tokenizer, parts, [0, 1, 2], heads=heads)
    (ours,) = training_batches(rows, 1, tokenizer.pad_id)
    (theirs,) = training_batches(union, 1, tokenizer.pad_id)
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    assert all((one == other).all() for one, other in pairs)


def test_a_translation_that_is_a_row_already_does_not_come_again(tokenizer) -> None:
    same = Translations("it", {"c": Wording("quattro"), "a": Wording("uno")})
    rows = with_more(tokenizer, base(tokenizer), SOURCE.ids, [same], NUMBERS[:1])
    (batch,) = training_batches(rows, 1, tokenizer.pad_id)
    assert read(tokenizer, batch) == [*SOURCE.texts, "quattro", "uno"]
