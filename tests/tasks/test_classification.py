import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from sklearn import metrics as sklearn_metrics
from torch.nn import functional

from tests.compiled import compiled
from tests.models import labelled
from xlnas_jax.tasks.classification import make_classification

LABELS = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def task():
    return compiled(make_classification(LABELS))


def random_logits(num: int, seed: int) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(seed)
    logits = (3 * rng.normal(size=(num, len(LABELS)))).astype(np.float32)
    label = rng.integers(0, 3, num).astype(np.int32)
    return jnp.asarray(logits), jnp.asarray(label)


@pytest.mark.parametrize("seed", range(10))
def test_metrics_equal_scikit_learn(task, seed):
    logits, label = random_logits(30, seed)
    sums = np.asarray(task.statistics(logits, labelled(label))).sum(0)
    values = task.metrics(sums)
    predicted = np.asarray(logits).argmax(-1)
    gold = np.asarray(label)
    accuracy = sklearn_metrics.accuracy_score(gold, predicted)
    f1 = sklearn_metrics.f1_score(gold, predicted, average="macro")
    probabilities = special.softmax(np.asarray(logits, np.float64), -1)
    loss = sklearn_metrics.log_loss(gold, probabilities, labels=range(len(LABELS)))
    assert float(values["accuracy"]) == pytest.approx(accuracy, abs=1e-6)
    assert float(values["error"]) == pytest.approx(1 - accuracy, abs=1e-6)
    assert float(values["macro_f1"]) == pytest.approx(f1, abs=1e-6)
    assert float(values["loss"]) == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_equals_torch_cross_entropy(smoothing):
    import torch

    task = compiled(make_classification(LABELS, smoothing))
    logits, label = random_logits(20, 0)
    expected = functional.cross_entropy(
        torch.tensor(np.asarray(logits)),
        torch.tensor(np.asarray(label), dtype=torch.long),
        reduction="none",
        label_smoothing=smoothing,
    )
    found = task.loss(logits, labelled(label))
    np.testing.assert_allclose(found.total, expected.numpy(), atol=1e-5)
    np.testing.assert_array_equal(found.num, 1.0)


def test_distillation_is_the_scaled_divergence_from_the_teacher(task):
    import torch

    student, label = random_logits(20, 1)
    teacher, _ = random_logits(20, 2)
    expected = 4.0 * functional.kl_div(
        functional.log_softmax(torch.tensor(np.asarray(student)) / 2.0, -1),
        functional.log_softmax(torch.tensor(np.asarray(teacher)) / 2.0, -1),
        reduction="none",
        log_target=True,
    ).sum(-1)
    batch = labelled(label)
    found = task.distill(student, teacher, batch, 2.0).total
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    same = task.distill(teacher, teacher, batch, 2.0).total
    np.testing.assert_allclose(same, 0.0, atol=1e-6)


def test_the_prediction_is_the_largest_logit(task):
    logits, label = random_logits(20, 0)
    found = task.predict(logits, labelled(label))
    np.testing.assert_array_equal(found["label"], np.asarray(logits).argmax(-1))
