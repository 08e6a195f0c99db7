"""Logits that are no numbers give no score, whatever the task."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import compiled
from tests.models import labelled
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import SpanLabels, make_qa
from xlnas_jax.tasks.tagging import TagLabels, make_tagging

ROWS, SEQ = 4, 6
BAD = (np.nan, np.inf, -np.inf)


def column(*values: int):
    return jnp.asarray(np.asarray(values, np.int32))


def rows(*values: int):
    return jnp.asarray(np.tile(np.asarray(values, np.int32), (ROWS, 1)))


TAGS = TagLabels(position=rows(1, 2, -1), tag=rows(1, 0, 1))
SPANS = SpanLabels(
    start=column(2, 2, 2, 2),
    end=column(3, 3, 3, 3),
    first=column(1, 1, 1, 1),
    last=column(4, 4, 4, 4),
    shift=column(0, 0, 0, 0),
    group=column(0, 1, 2, 3),
    gold_start=rows(1),
    gold_end=rows(2),
)
TASKS = {
    "classification": (compiled(make_classification(("a", "b"))), column(0, 1, 0, 1)),
    "entities": (compiled(make_tagging(("O", "B-X"))), TAGS),
    "plain tags": (compiled(make_tagging(("NOUN", "VERB"))), TAGS),
    "qa": (compiled(make_qa()), SPANS),
}
READS_TOKENS = [name for name, (task, _) in TASKS.items() if task.reads_tokens]


def batch_and_logits(name: str):
    task, label = TASKS[name]
    batch = labelled(label, column(*[SEQ - 1] * ROWS), SEQ)
    shape = (ROWS, SEQ, 2) if task.reads_tokens else (ROWS, 2)
    return batch, np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", TASKS)
def test_a_row_with_one_bad_logit_has_no_statistics_and_others_keep_theirs(name, bad):
    task, (batch, logits) = TASKS[name][0], batch_and_logits(name)
    expected = np.array(task.statistics(jnp.asarray(logits), batch))
    assert np.isfinite(expected).all()
    logits[2].flat[-3 if task.reads_tokens else -1] = bad
    expected[2] = np.nan
    found = task.statistics(jnp.asarray(logits), batch)
    np.testing.assert_array_equal(found, expected)
    for metric in task.metrics(np.asarray(found).sum(0)).values():
        assert np.isnan(metric)
    is_sound = task.predict(jnp.asarray(logits), batch)["is_sound"]
    assert np.asarray(is_sound).tolist() == [True, True, False, True]


@pytest.mark.parametrize("name", READS_TOKENS)
def test_what_the_logits_of_padding_are_does_not_matter(name):
    task, (batch, logits) = TASKS[name][0], batch_and_logits(name)
    expected = task.statistics(jnp.asarray(logits), batch)
    logits[:, -1] = np.nan
    found = task.statistics(jnp.asarray(logits), batch)
    np.testing.assert_array_equal(found, expected)
    assert np.asarray(task.predict(jnp.asarray(logits), batch)["is_sound"]).all()
