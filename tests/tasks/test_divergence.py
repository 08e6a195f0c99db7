"""Divergence from a teacher: scipy's, whatever the labels."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr

from tests.compiled import compiled
from tests.models import random_batch
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.divergence import with_divergence
from xlnas_jax.tasks.qa import SpanLabels, make_qa
from xlnas_jax.tasks.tagging import TagLabels, make_tagging
from xlnas_jax.types import Batch, Said

CLASSES = compiled(with_divergence(make_classification(("a", "b", "c"))))


def column(*values: int) -> jnp.ndarray:
    return jnp.asarray(np.asarray(values, np.int32))


def kl(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    one, other = (np.exp(log_softmax(x, axis=-1)) for x in (ours, theirs))
    return rel_entr(other, one).sum(-1)


def logits(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def measured(task: Task, ours: np.ndarray, batch: Batch) -> float:
    """Over all rows."""
    sums = np.asarray(task.statistics(jnp.asarray(ours), batch)).sum(0)
    return float(task.metrics(sums)["divergence"])


def test_of_sentences() -> None:
    task = CLASSES
    ours, theirs = logits(0, 5, 3), logits(1, 5, 3)
    batch = dataclasses.replace(random_batch(0, 5, 6), label=column(0, 0, 0, 0, 0))
    batch = dataclasses.replace(batch, said=Said(jnp.asarray(theirs)))
    assert measured(task, ours, batch) == pytest.approx(
        kl(ours, theirs).mean(), rel=1e-5
    )
    assert measured(task, theirs, batch) == pytest.approx(0.0, abs=1e-6)


def test_of_words_that_have_a_token() -> None:
    task = compiled(with_divergence(make_tagging(("O", "B-X", "I-X"))))
    ours, theirs = logits(0, 2, 6, 3), logits(1, 2, 6, 3)
    position = np.asarray([[1, 3, -1], [2, -1, -1]], np.int32)
    tag = np.asarray([[0, 1, 0], [2, -1, -1]], np.int32)
    batch = dataclasses.replace(
        random_batch(0, 2, 6),
        label=TagLabels(jnp.asarray(position), jnp.asarray(tag)),
        length=column(6, 6),
        said=Said(jnp.asarray(theirs)),
    )
    every = kl(ours, theirs)
    expected = np.mean([every[0, 1], every[0, 3], every[1, 2]])
    assert measured(task, ours, batch) == pytest.approx(expected, rel=1e-5)


def test_of_questions_over_both_ends_without_padding() -> None:
    task = compiled(with_divergence(make_qa()))
    ours, theirs = logits(0, 2, 6, 2), logits(1, 2, 6, 2)
    zero, gold = column(0, 0), jnp.asarray(np.full((2, 1), -1, np.int32))
    first, last = column(1, 1), column(4, 3)
    label = SpanLabels(zero, zero, first, last, zero, zero, gold, gold)
    length = np.asarray([5, 4], np.int32)
    batch = dataclasses.replace(
        random_batch(0, 2, 6),
        label=label,
        length=jnp.asarray(length),
        said=Said(jnp.asarray(theirs)),
    )
    ends = [
        kl(ours[row, :num, end], theirs[row, :num, end])
        for row, num in enumerate(length)
        for end in (0, 1)
    ]
    assert measured(task, ours, batch) == pytest.approx(np.mean(ends), rel=1e-5)


def test_other_metrics_stay_as_they_are() -> None:
    plain = compiled(make_classification(("a", "b", "c")))
    batch = dataclasses.replace(
        random_batch(0, 5, 6),
        label=column(0, 1, 2, 0, 1),
        said=Said(jnp.asarray(logits(1, 5, 3))),
    )
    ours = jnp.asarray(logits(0, 5, 3))
    found = CLASSES.metrics(np.asarray(CLASSES.statistics(ours, batch)).sum(0))
    expected = plain.metrics(np.asarray(plain.statistics(ours, batch)).sum(0))
    assert found.keys() - expected.keys() == {"divergence"}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)


def test_a_network_without_sound_logits_has_no_divergence() -> None:
    task = CLASSES
    batch = dataclasses.replace(
        random_batch(0, 5, 6),
        label=column(0, 0, 0, 0, 0),
        said=Said(jnp.asarray(logits(1, 5, 3))),
        weight=jnp.asarray(np.ones(5, np.float32)),
    )
    ours = logits(0, 5, 3)
    ours[2, 1] = np.nan
    assert np.isnan(measured(task, ours, batch))
