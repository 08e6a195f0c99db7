"""What a network loses against its teacher is a difference of the task's own errors."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import compiled
from tests.models import random_batch
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.divergence import with_divergence
from xlnas_jax.tasks.drop import with_drop
from xlnas_jax.tasks.tagging import TagLabels, make_tagging
from xlnas_jax.types import Said

ROWS = 6


def logits(seed: int, *shape: int) -> jnp.ndarray:
    found = np.random.default_rng(seed).normal(size=shape)
    return jnp.asarray(found.astype(np.float32))


def cases():
    classes = make_classification(("a", "b", "c"))
    label = jnp.asarray(np.asarray([0, 1, 2, 0, 1, 2], np.int32))
    yield "classes", classes, label, (ROWS, 3)
    position = jnp.asarray(np.tile(np.asarray([1, 2, 3, -1], np.int32), (ROWS, 1)))
    tag = jnp.asarray(np.tile(np.asarray([1, 2, 0, -1], np.int32), (ROWS, 1)))
    yield (
        "tags",
        make_tagging(("O", "B-X", "I-X")),
        TagLabels(position, tag),
        (ROWS, 6, 3),
    )


@pytest.mark.parametrize("name, task, label, shape", list(cases()))
@pytest.mark.parametrize("wrapped", [False, True])
def test_it_is_the_difference_of_two_errors(name, task, label, shape, wrapped) -> None:
    batch = dataclasses.replace(random_batch(0, ROWS, 6), label=label)

    plain = compiled(task)

    def error(said) -> float:
        sums = np.asarray(plain.statistics(said, batch)).sum(0)
        return float(plain.metrics(sums)["error"])

    ours = logits(0, *shape)
    others = (logits(seed, *shape) for seed in range(1, 50))
    theirs = next(said for said in others if error(said) != error(ours))
    errors = [error(ours), error(theirs)]
    batch = dataclasses.replace(batch, said=Said(theirs))
    dropped = with_drop(task)
    measured = compiled(with_divergence(dropped) if wrapped else dropped)
    sums = np.asarray(measured.statistics(ours, batch)).sum(0)
    assert sums.shape == (measured.num_statistics,)
    found = measured.metrics(sums)
    assert float(found["drop"]) == pytest.approx(errors[0] - errors[1], abs=1e-6)
    assert float(found["error"]) == pytest.approx(errors[0], abs=1e-6)
    same = measured.metrics(np.asarray(measured.statistics(theirs, batch)).sum(0))
    assert float(same["drop"]) == pytest.approx(0.0, abs=1e-7)
