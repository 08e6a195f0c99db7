import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiled import compiled
from tests.models import labelled
from xlnas_jax.tasks.qa import SpanLabels, make_qa

SEQ, GOLDS, MAX_TOKENS = 14, 2, 5
TASK = compiled(make_qa(max_answer_tokens=MAX_TOKENS))


def integers(given) -> jnp.ndarray:
    return jnp.asarray(np.asarray(given).astype(np.int32))


@functools.cache
def random_windows(seed: int):
    """Nine windows of four questions; row 8 only fills the batch."""
    rng = np.random.default_rng(seed)
    group = np.asarray([0, 0, 0, 1, 2, 2, 3, 3, 0])
    num = len(group)
    first = rng.integers(2, 5, num)
    length = rng.integers(9, SEQ + 1, num)
    last = length - 1
    shift = rng.integers(0, 20, num)
    gold_start = rng.integers(0, 25, (4, GOLDS))
    gold_end = gold_start + rng.integers(0, 4, (4, GOLDS))
    gold_start[3, 1] = gold_end[3, 1] = -1
    arrays = (np.zeros(num), np.zeros(num), first, last, shift, group)
    label = SpanLabels(
        *map(integers, arrays),
        gold_start=integers(gold_start[group]),
        gold_end=integers(gold_end[group]),
    )
    logits = jnp.asarray(rng.normal(size=(num, SEQ, 2)).astype(np.float32))
    weight = jnp.asarray(np.asarray([1.0] * 8 + [0.0], np.float32))
    return labelled(label, integers(length), SEQ, weight), logits


@functools.cache
def brute_force(seed: int) -> tuple[float, float]:
    """Mean exact match and F1 over questions, by plain loops over all spans."""
    batch, logits = random_windows(seed)
    label, logits = jax.tree.map(np.asarray, (batch.label, logits))
    weight = np.asarray(batch.weight)
    exact, f1 = [], []
    for question in range(4):
        best = (-np.inf, 0, 0)
        for row in np.flatnonzero(np.asarray(label.group) == question):
            if weight[row] == 0:
                continue
            begin, stop = int(label.first[row]), int(label.last[row])
            for s in range(begin, stop):
                for e in range(s, min(stop, s + MAX_TOKENS)):
                    score = logits[row, s, 0] + logits[row, e, 1]
                    move = int(label.shift[row]) - begin
                    best = max(best, (score, s + move, e + move))
        ours = set(range(best[1], best[2] + 1))
        row = int(np.flatnonzero(np.asarray(label.group) == question)[0])
        golds = [
            set(range(int(s), int(e) + 1))
            for s, e in zip(label.gold_start[row], label.gold_end[row], strict=True)
            if s >= 0
        ]
        exact.append(max(float(ours == gold) for gold in golds))
        f1.append(max(2 * len(ours & g) / (len(ours) + len(g)) for g in golds))
    return float(np.mean(exact)), float(np.mean(f1))


@pytest.mark.parametrize("seed", range(40))
def test_scores_equal_a_search_over_all_spans_and_windows(seed):
    batch, logits = random_windows(seed)
    found = np.asarray(TASK.statistics(logits, batch))
    sums = (found * np.asarray(batch.weight)[:, None]).sum(0)
    values = TASK.metrics(sums)
    exact, f1 = brute_force(seed)
    assert float(sums[0]) == 4.0  # every question is counted once
    assert float(values["token_exact"]) == pytest.approx(exact, abs=1e-6)
    assert float(values["token_f1"]) == pytest.approx(f1, abs=1e-6)
    assert float(values["error"]) == pytest.approx(1 - (exact + f1) / 2, abs=1e-6)


def test_the_random_scores_are_not_all_zero():
    f1 = [brute_force(seed)[1] for seed in range(40)]
    assert max(f1) > 0.3


def test_loss_equals_torch_cross_entropy_of_start_and_end():
    import torch

    batch, logits = random_windows(0)
    rng = np.random.default_rng(0)
    start = rng.integers(0, 9, len(batch.length))
    label = batch.label.replace(start=integers(start), end=integers(start))
    batch = batch.replace(label=label)
    masked = np.where(np.asarray(batch.mask)[..., None], np.asarray(logits), -1e9)
    parts = [
        torch.nn.functional.cross_entropy(
            torch.tensor(masked[..., i]), torch.tensor(start), reduction="none"
        )
        for i in (0, 1)
    ]
    expected = (parts[0] + parts[1]).numpy() / 2
    found = TASK.loss(logits, batch)
    np.testing.assert_allclose(found.total, expected, rtol=1e-4)


def test_padding_is_never_looked_at():
    batch, logits = random_windows(3)
    noise = np.where(np.asarray(batch.mask)[..., None], 0.0, 50.0).astype(np.float32)
    for changed in (logits, jnp.asarray(np.asarray(logits) + noise)):
        loss = TASK.loss(changed, batch).total
        distance = TASK.distill(changed, logits, batch, 1.0).total
        np.testing.assert_allclose(loss, TASK.loss(logits, batch).total, rtol=1e-5)
        np.testing.assert_allclose(distance, 0.0, atol=1e-5)


def test_predictions_are_the_best_context_positions_in_order():
    task = compiled(make_qa(num_best=3))
    batch, logits = random_windows(1)
    label, logits = jax.tree.map(np.asarray, (batch.label, logits))
    found = jax.tree.map(np.asarray, task.predict(jnp.asarray(logits), batch))
    for row in range(len(batch.length)):
        inside = range(int(label.first[row]), int(label.last[row]))
        order = sorted(inside, key=lambda place, r=row: -float(logits[r, place, 0]))
        assert found["start"][row].tolist() == order[:3]
        expected = logits[row, order[:3], 0]
        np.testing.assert_allclose(found["start_logit"][row], expected)
