import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import compiled
from tests.models import labelled
from xlnas_jax.tasks import entities
from xlnas_jax.tasks.tagging import TagLabels, make_tagging

LABELS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
NUM, WORDS, SEQ = 40, 9, 12
TASK = compiled(make_tagging(LABELS))


def random_sentences(seed: int) -> tuple[TagLabels, jax.Array]:
    """Sentences of different lengths; of some words every token was cut off."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, WORDS + 1, NUM)
    is_word = np.arange(WORDS)[None] < size[:, None]
    tag = np.where(is_word, rng.integers(0, len(LABELS), (NUM, WORDS)), -1)
    place = np.sort(rng.permuted(np.tile(np.arange(SEQ), (NUM, 1)), axis=1)[:, :WORDS])
    kept = np.arange(WORDS)[None] < rng.integers(1, WORDS + 1, NUM)[:, None]
    position = np.where(is_word & kept, place, -1)
    logits = rng.normal(size=(NUM, SEQ, len(LABELS)))
    # Half of the predictions agree with gold, so that entities match now and then.
    rows, words = np.nonzero(position >= 0)
    agree = rng.random(len(rows)) < 0.7
    rows, words = rows[agree], words[agree]
    logits[rows, position[rows, words], tag[rows, words]] += 9.0
    return labels_of(position, tag), jnp.asarray(logits.astype(np.float32))


def labels_of(position, tag) -> TagLabels:
    position, tag = (np.asarray(given, np.int32) for given in (position, tag))
    return TagLabels(position=jnp.asarray(position), tag=jnp.asarray(tag))


def scores(task, logits: jax.Array, batch) -> dict:
    return task.metrics(np.asarray(task.statistics(logits, batch)).sum(0))


def as_strings(label: TagLabels, predicted: np.ndarray):
    """Gold and predicted tags of the words that are there."""
    tags, sizes = np.asarray(label.tag), (np.asarray(label.tag) >= 0).sum(-1)
    gold = [[LABELS[t] for t in row[:n]] for row, n in zip(tags, sizes, strict=True)]
    ours = [
        [LABELS[t] for t in row[:n]] for row, n in zip(predicted, sizes, strict=True)
    ]
    return gold, ours


@pytest.mark.parametrize("seed", range(20))
def test_device_scores_equal_seqeval(seed):
    label, logits = random_sentences(seed)
    batch = labelled(label, seq=SEQ)
    values = scores(TASK, logits, batch)
    gold, ours = as_strings(label, np.asarray(TASK.predict(logits, batch)["tag"]))
    lenient = entities.entity_score(gold, ours)
    assert 0.05 < lenient.f1 < 0.95  # neither nothing nor everything is found
    strict = entities.entity_f1(gold, ours, strict=True)
    assert float(values["f1"]) == pytest.approx(lenient.f1, abs=1e-6)
    assert float(values["precision"]) == pytest.approx(lenient.precision, abs=1e-6)
    assert float(values["recall"]) == pytest.approx(lenient.recall, abs=1e-6)
    assert float(values["strict_f1"]) == pytest.approx(strict, abs=1e-6)
    assert float(values["error"]) == pytest.approx(1 - lenient.f1, abs=1e-6)
    accuracy = entities.token_accuracy(gold, ours)
    assert float(values["accuracy"]) == pytest.approx(accuracy, abs=1e-6)


def test_words_without_a_token_are_predicted_outside_and_stay_in_gold():
    label = labels_of([[1, -1, -1]], [[1, 3, -1]])
    logits = np.zeros((1, 4, len(LABELS)), np.float32)
    logits[0, 1, 1] = 5.0
    logits, batch = jnp.asarray(logits), labelled(label, seq=4)
    values = scores(TASK, logits, batch)
    assert float(values["recall"]) == 0.5
    assert float(values["precision"]) == 1.0
    assert TASK.loss(logits, batch).num.tolist() == [1.0]


def test_loss_equals_torch_cross_entropy_over_words_with_a_token():
    import torch

    label, logits = random_sentences(0)
    target = np.full((NUM, SEQ), -100)
    rows, words = np.nonzero(np.asarray(label.position) >= 0)
    places = np.asarray(label.position)[rows, words]
    target[rows, places] = np.asarray(label.tag)[rows, words]
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(np.asarray(logits)).transpose(1, 2), torch.tensor(target)
    )
    found = TASK.loss(logits, labelled(label, seq=SEQ))
    mean = np.asarray(found.total).sum() / np.asarray(found.num).sum()
    assert mean == pytest.approx(float(expected), rel=1e-5)


def test_distillation_is_zero_at_the_teacher_and_looks_at_words_alone():
    label, logits = random_sentences(1)
    batch = labelled(label, seq=SEQ)
    np.testing.assert_allclose(
        TASK.distill(logits, logits, batch, 2.0).total, 0.0, atol=1e-5
    )
    read = np.zeros((NUM, SEQ), bool)
    rows, words = np.nonzero(np.asarray(label.position) >= 0)
    read[rows, np.asarray(label.position)[rows, words]] = True
    noise = np.where(read[..., None], 0.0, 7.0) * np.arange(len(LABELS))
    changed = jnp.asarray(np.asarray(logits) + noise.astype(np.float32))
    np.testing.assert_allclose(
        TASK.distill(changed, logits, batch, 2.0).total, 0.0, atol=1e-5
    )


def test_plain_tags_are_scored_by_word():
    task = compiled(make_tagging(("NOUN", "VERB")))
    label = labels_of([[0, 1, -1, -1]], [[0, 1, 1, -1]])
    logits = jnp.asarray(np.asarray([[[2.0, 0.0], [2.0, 0.0]]], np.float32))
    values = scores(task, logits, labelled(label, seq=2))
    assert float(values["accuracy"]) == pytest.approx(1 / 3)
    assert float(values["error"]) == pytest.approx(2 / 3)
    assert "f1" not in values
    assert task.primary == "accuracy"
