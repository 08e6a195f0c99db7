"""Retrieval: its loss and its scores beside PyTorch, scikit-learn and definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import compiled
from tests.models import labelled
from xlnas_jax.tasks.divergence import with_divergence
from xlnas_jax.tasks.retrieval import TEMPERATURE, make_retrieval
from xlnas_jax.tasks.retrieval import compare as compare_eagerly
from xlnas_jax.types import Batch, Said

WIDTH = 8
TASK = compiled(make_retrieval(WIDTH))
compare = jax.jit(compare_eagerly)


def unit(seed: int, rows: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def batch_of(label: list[int], weight: list[float] | None = None) -> Batch:
    length = jnp.asarray(np.full(len(label), 3, np.int32))
    made = labelled(jnp.asarray(np.asarray(label, np.int32)), length, 4)
    given = [1.0] * len(label) if weight is None else weight
    return made.replace(weight=jnp.asarray(np.asarray(given, np.float32)))


def test_the_loss_is_the_cross_entropy_of_naming_the_translation() -> None:
    torch = pytest.importorskip("torch")
    vectors = unit(0, 6)
    found = TASK.loss(jnp.asarray(vectors), batch_of([0, 1, 2, 0, 1, 2]))
    scores = torch.tensor(vectors @ vectors.T) / TEMPERATURE
    scores.fill_diagonal_(-torch.inf)
    gold = torch.tensor([3, 4, 5, 0, 1, 2])
    expected = torch.nn.functional.cross_entropy(scores, gold, reduction="none")
    np.testing.assert_allclose(found.total, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert found.num.tolist() == [1.0] * 6


def test_rows_without_a_translation_are_told_from_and_have_no_loss() -> None:
    vectors = jnp.asarray(unit(1, 5))
    alone = TASK.loss(vectors, batch_of([0, 0, -1, -1, 3]))
    assert alone.num.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert alone.total.tolist()[2:] == [0.0, 0.0, 0.0]
    fewer = TASK.loss(vectors, batch_of([0, 0, -1, -1, 3], [1.0, 1.0, 0.0, 0.0, 0.0]))
    assert float(np.asarray(fewer.total)[0]) < float(np.asarray(alone.total)[0])
    assert fewer.num.tolist() == alone.num.tolist()
    # Each names the only other row.
    np.testing.assert_allclose(fewer.total, 0.0, atol=1e-6)


def test_several_translations_in_a_batch_are_all_right() -> None:
    vectors = jnp.asarray(unit(2, 4))
    found = TASK.loss(vectors, batch_of([0, 0, 0, 0]))
    np.testing.assert_allclose(found.total, 0.0, atol=1e-6)


def test_gradients_are_finite_whatever_is_there() -> None:
    gradient_of = jax.jit(jax.grad(lambda x, batch: TASK.loss(x, batch).total.sum()))
    for label in ([0, 0, 1, 1], [-1, -1, -1, -1], [0, 1, 2, 3]):
        batch = batch_of(label, [1.0, 1.0, 1.0, 0.0])
        gradient = gradient_of(jnp.asarray(unit(3, 4)), batch)
        assert np.isfinite(gradient).all()


def test_a_step_down_the_loss_brings_translations_nearer() -> None:
    batch = batch_of([0, 1, 2, 0, 1, 2])
    x = unit(4, 6)

    def loss(x):
        vectors = x / jnp.linalg.norm(x, axis=1, keepdims=True)
        return TASK.loss(vectors, batch).total.sum()

    gradient = jax.jit(jax.grad(loss))
    for _ in range(60):
        x = x - np.float32(0.02) * np.asarray(gradient(jnp.asarray(x)))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = np.asarray(compare(jnp.asarray(x[:3]), jnp.asarray(x[3:])))
    assert found[:, 2:].tolist() == [[1.0, 1.0]] * 3


def test_hits_are_those_of_nearest_neighbours() -> None:
    neighbours = pytest.importorskip("sklearn.neighbors")
    ours, theirs = unit(5, 20), unit(5, 20) + unit(6, 20)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    found = np.asarray(compare(jnp.asarray(ours), jnp.asarray(theirs)))
    for column, (query, pool) in enumerate(((ours, theirs), (theirs, ours))):
        index = neighbours.NearestNeighbors(n_neighbors=1, metric="cosine").fit(pool)
        nearest = index.kneighbors(query, return_distance=False)[:, 0]
        hits = nearest == np.arange(20)
        assert found[:, 2 + column].tolist() == hits.astype(float).tolist()
    assert 0 < found[:, 2:].mean() < 1


def test_equal_vectors_are_found_in_part() -> None:
    ours = jnp.asarray(np.eye(2, WIDTH, dtype=np.float32))
    same = jnp.asarray(np.repeat(np.eye(1, WIDTH, dtype=np.float32), 2, 0))
    assert np.asarray(compare(ours, same))[:, 2].tolist() == [0.5, 0.5]
    assert np.asarray(compare(same, same))[:, 2:].tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_vectors_that_are_not_finite_have_no_scores() -> None:
    ours = unit(7, 4)
    ours[1, 2] = np.nan
    found = compare(jnp.asarray(ours), jnp.asarray(unit(8, 4)))
    assert np.isnan(found).all()
    values = TASK.metrics(np.asarray(found).sum(0))
    assert all(np.isnan(value) for value in values.values())


def test_metrics_follow_from_sums() -> None:
    sums = np.asarray([[10.0, 5.0, 8.0, 6.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    found = TASK.metrics(jnp.asarray(sums))
    assert found["p_at_1"].tolist() == pytest.approx([0.7, 0.0])
    assert found["error"].tolist() == pytest.approx([0.3, 1.0])
    assert found["loss"].tolist() == pytest.approx([0.5, 0.0])


def test_the_divergence_is_one_less_the_cosine() -> None:
    ours, theirs = unit(9, 3), unit(10, 3)
    task = compiled(with_divergence(make_retrieval(WIDTH)))
    batch = batch_of([0, 1, 2]).replace(said=Said(jnp.asarray(theirs)))
    found = np.asarray(task.statistics(jnp.asarray(ours), batch))
    expected = 1.0 - (ours * theirs).sum(1)
    np.testing.assert_allclose(found[:, -2], expected, rtol=1e-5, atol=1e-6)
    assert found[:, :-2].tolist() == [[0.0] * 4] * 3
