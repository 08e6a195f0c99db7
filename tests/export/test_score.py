"""Scores count the real examples of each language, and no others."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.export.conftest import LABELS, MAX_LENGTH, sentences
from xlnas_jax.data import buckets
from xlnas_jax.export.score import score_subnet
from xlnas_jax.tasks.classification import make_classification

TEXTS = [text for text in sentences(27) if text]
BATCH_TOKENS = 5 * MAX_LENGTH


def test_scores_by_language_equal_those_of_the_predictions(subnet):
    encoded = subnet.tokenizer.encode(TEXTS)
    rng = np.random.default_rng(0)
    gold = rng.integers(0, len(LABELS), len(TEXTS)).astype(np.int32)
    language = rng.integers(0, 2, len(TEXTS)).astype(np.int32)
    ends = buckets.optimal_boundaries(np.asarray([len(e.ids) for e in encoded]), 2)
    batches = buckets.make_batches(
        encoded, gold, language, ends, BATCH_TOKENS, subnet.tokenizer.pad_id
    )
    assert min(float(batch.weight.min()) for batch in batches) == 0.0  # rows to fill

    scores = score_subnet(
        subnet.weights,
        subnet.shape,
        subnet.pooling,
        make_classification(LABELS),
        batches,
        2,
    )

    guessed = subnet.logits(TEXTS).argmax(-1)
    for code in (0, 1):
        mine = language == code
        accuracy = (guessed == gold)[mine].mean()
        assert scores["accuracy"][code] == pytest.approx(accuracy, abs=1e-6)
        macro = f1_score(gold[mine], guessed[mine], average="macro")
        assert scores["macro_f1"][code] == pytest.approx(macro, abs=1e-6)
