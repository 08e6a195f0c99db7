import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import NUM_LABELS, SHAPE, few_choices, random_batch, tiny_params
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.supernet.supernet import Form, make_supernet
from xlnas_jax.tasks.classification import make_classification

SPACE = few_choices()
TASK = make_classification(tuple("abcde"[:NUM_LABELS]))
# Two buckets, the first of several batches; some rows have weight zero.
BATCHES = (random_batch(3, 4, 8), random_batch(1, 6, 16, seed=1))
FORMS = [("sliced", 1), ("masked", 1), ("masked", 4), ("masked", 7)]


@pytest.fixture(scope="module")
def params():
    return tiny_params()


@functools.cache  # so that tests of one form share its program
def evaluator(form: Form, chunk: int):
    supernet = make_supernet(SPACE, SHAPE, form)
    return make_evaluator(supernet, SPACE, TASK, 2, form, chunk)


def population(num: int, seed: int = 0) -> jax.Array:
    return draw(jax.random.key(seed), num)


@functools.partial(jax.jit, static_argnums=1)
def draw(key: jax.Array, num: int) -> jax.Array:
    return SPACE.flatten(SPACE.sample(key, num))


def one_by_one(params, rows) -> np.ndarray:
    """The same sums by plain loops over candidates, batches and examples."""
    supernet = make_supernet(SPACE, SHAPE)

    @jax.jit
    def statistics(row, batch):
        x = supernet.embed(params.encoder.embeddings, batch)
        logits = supernet.apply(params, x, batch, SPACE.unflatten(row))
        return TASK.statistics(logits, batch)

    total = np.zeros((len(rows), 2, TASK.num_statistics), np.float32)
    for bucket in BATCHES:
        for step in range(len(bucket.length)):
            batch = jax.tree.map(lambda leaf, step=step: leaf[step], bucket)
            languages, weights = np.asarray(batch.language), np.asarray(batch.weight)
            for c, row in enumerate(rows):
                values = weights[:, None] * np.asarray(statistics(row, batch))
                np.add.at(total[c], languages, values)
    return total


@pytest.fixture(scope="module")
def oracle(params) -> np.ndarray:
    return one_by_one(params, population(10))


@pytest.mark.parametrize(("form", "chunk"), FORMS)
def test_scores_equal_one_candidate_and_batch_at_a_time(params, oracle, form, chunk):
    rows = population(10)
    found = evaluator(form, chunk)(params, rows, jnp.int32(10), BATCHES)
    np.testing.assert_allclose(found, oracle, atol=2e-4)


@pytest.mark.parametrize(("form", "chunk"), FORMS)
def test_one_compilation_serves_all_candidates_and_weights(params, form, chunk):
    evaluate = evaluator(form, chunk)
    for seed, num in ((0, 10), (1, 3), (2, 0), (3, 10)):
        evaluate(params, population(10, seed), jnp.int32(num), BATCHES)
    other = jax.tree.map(lambda leaf: jnp.asarray(2 * np.asarray(leaf)), params)
    evaluate(other, population(10, 4), jnp.int32(10), BATCHES)
    assert evaluate.program._cache_size() == 1


def test_rows_beyond_the_number_meant_are_not_scored(params):
    found = evaluator("sliced", 1)(params, population(10), jnp.int32(2), BATCHES)
    counts = np.asarray(found)[:, :, 0].sum(-1)
    expected = sum(float(b.weight.sum()) for b in BATCHES)
    np.testing.assert_allclose(counts, [expected] * 2 + [0] * 8)


def test_languages_are_kept_apart(params):
    rows = population(10)
    evaluate = evaluator("sliced", 1)
    both = evaluate(params, rows, jnp.int32(3), BATCHES)
    muted = tuple(
        b.replace(
            weight=jnp.asarray(np.asarray(b.weight) * (np.asarray(b.language) == 1))
        )
        for b in BATCHES
    )
    second = evaluate(params, rows, jnp.int32(3), muted)
    both, second = np.asarray(both), np.asarray(second)
    assert both[:3, 0].any()
    np.testing.assert_allclose(second[:, 0], 0.0)
    np.testing.assert_allclose(second[:, 1], both[:, 1], rtol=1e-6)


@pytest.mark.parametrize(("form", "chunk"), [("sliced", 1), ("masked", 4)])
def test_failed_rows_fail_their_language_alone_and_fillers_nothing(
    params, oracle, form, chunk
):
    supernet = make_supernet(SPACE, SHAPE, form)

    def statistics(logits, batch):
        is_bad = (batch.language == 1) | (batch.weight == 0)
        return TASK.statistics(jnp.where(is_bad[:, None], jnp.nan, logits), batch)

    failing = TASK._replace(statistics=statistics)
    score = make_evaluator(supernet, SPACE, failing, 2, form, chunk)
    found = np.asarray(score(params, population(10), 7, BATCHES))
    np.testing.assert_allclose(found[:7, 0], oracle[:7, 0], rtol=1e-4, atol=1e-4)
    assert np.isnan(found[:7, 1]).all()
    assert (found[7:] == 0).all()
