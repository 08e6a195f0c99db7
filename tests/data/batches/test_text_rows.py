"""Rows of text without labels fit beside labelled ones of every task."""

import numpy as np
import pytest

from xlnas_jax.data.batches.batches import training_batches
from xlnas_jax.data.batches.rows import Rows
from xlnas_jax.data.batches.text_rows import join_rows, make_text_rows
from xlnas_jax.data.texts import Texts
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.tasks.qa import SpanLabels
from xlnas_jax.tasks.tagging import TagLabels

SENTENCES = (
    "the old river went to the town and then left",
    "une ville et une rivière qui vont à la mer",
    "der alte Fluss ging in die Stadt und dann zum Meer",
    "las ciudades y los ríos van al mar y luego vuelven",
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(SENTENCES, 200, 24)


def labelled(labels, num: int) -> Rows:
    number = np.arange(num, dtype=np.int32)
    encodings = [Encoding([0, 5, 6, 2], [0, 0, 0, 0])] * num
    return Rows(encodings, labels, np.zeros(num, np.int32), number)


def test_sentences_are_encoded_as_labelled_ones_are(tokenizer: Tokenizer) -> None:
    texts = Texts("fr", tuple(SENTENCES[:3]))
    rows = make_text_rows(tokenizer, "classification", [texts], [4])
    assert [one.ids for one in rows.encodings] == [
        one.ids for one in tokenizer.encode(texts.texts)
    ]
    assert rows.language.tolist() == [4, 4, 4]
    assert rows.labelled is not None and not rows.labelled.any()


def test_of_tagging_every_token_but_the_special_ones_is_read(
    tokenizer: Tokenizer,
) -> None:
    rows = make_text_rows(tokenizer, "tagging", [Texts("fr", SENTENCES[:2])], [0])
    assert isinstance(rows.labels, TagLabels)
    for row, one in zip(rows.labels.position, rows.encodings, strict=True):
        assert row[row >= 0].tolist() == list(range(1, len(one.ids) - 1))
    assert ((rows.labels.tag >= 0) == (rows.labels.position >= 0)).all()


def test_of_questions_windows_of_one_context_are_one_example(
    tokenizer: Tokenizer,
) -> None:
    texts = Texts("fr", ("a b", "c"), (" ".join(SENTENCES), "short"))
    rows = make_text_rows(tokenizer, "qa", [texts], [0], doc_stride=8)
    assert isinstance(rows.labels, SpanLabels)
    counts = np.bincount(rows.example)
    assert counts[0] > 1
    assert counts[1] == 1
    assert (rows.labels.first < rows.labels.last).all()
    np.testing.assert_array_equal(rows.labels.group, rows.example)
    assert len(rows.windows) == len(rows)


def test_joined_rows_keep_whose_labels_count(tokenizer: Tokenizer) -> None:
    first = labelled(np.asarray([3, 1], np.int32), 2)
    texts = [Texts("fr", SENTENCES[:2]), Texts("de", SENTENCES[2:3])]
    both = join_rows(first, make_text_rows(tokenizer, "classification", texts, [1, 2]))
    assert both.language.tolist() == [0, 0, 1, 1, 2]
    assert both.example.tolist() == [0, 1, 2, 3, 4]
    assert both.labelled is not None
    assert both.labelled.tolist() == [1, 1, 0, 0, 0]
    batches = training_batches(both, 2, 1)
    found = np.concatenate([np.asarray(one.labelled) for one in batches])
    own = np.concatenate([np.asarray(one.language) for one in batches])
    np.testing.assert_array_equal(found, own == 0)


def test_joined_rows_of_words_are_filled_up(tokenizer: Tokenizer) -> None:
    labels = TagLabels(np.asarray([[1, 2]]), np.asarray([[0, 1]]))
    texts = make_text_rows(tokenizer, "tagging", [Texts("fr", SENTENCES[:1])], [1])
    both = join_rows(labelled(labels, 1), texts).labels
    assert both.position[0, :2].tolist() == [1, 2]
    assert (both.position[0, 2:] == -1).all()
    assert (both.tag[1] == 0).sum() == (both.position[1] >= 0).sum()
