"""Means of weights are exact, and lose nothing of what is equal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.training.average import checkpoints, with_checkpoint


def mean_of(trees: list) -> dict:
    """As a run makes it, from a tree of zeros on."""
    add = jax.jit(with_checkpoint)
    mean = jax.tree.map(jnp.zeros_like, trees[0])
    for number, tree in enumerate(trees):
        mean = add(mean, tree, np.float32(number + 1))
    return mean


@pytest.mark.parametrize("count", [1, 2, 5, 11])
def test_it_is_the_mean(count: int) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(count, 2, 3, 4)).astype(np.float32)
    found = mean_of([{"a": jnp.asarray(x), "b": (jnp.asarray(-x),)} for x in drawn])
    expected = drawn.astype(np.float64).mean(0)
    # A few roundings of float32 numbers around one.
    np.testing.assert_allclose(found["a"], expected, atol=1e-6)
    np.testing.assert_allclose(found["b"][0], -expected, atol=1e-6)


def test_the_mean_of_equal_weights_is_these_to_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    tree = {"a": jnp.asarray(rng.normal(size=(50, 7)), jnp.float32)}
    np.testing.assert_array_equal(mean_of([tree] * 7)["a"], tree["a"])


@pytest.mark.parametrize(
    ("num_steps", "count", "steps"),
    [
        (10, 0, []),
        (10, 1, [10]),
        (10, 5, [2, 4, 6, 8, 10]),
        (7, 3, [2, 5, 7]),
        (4, 4, [1, 2, 3, 4]),
    ],
)
def test_checkpoints_are_spread_evenly_up_to_the_end(num_steps, count, steps) -> None:
    assert checkpoints(num_steps, count) == {s: n + 1 for n, s in enumerate(steps)}


def test_no_checkpoint_is_taken_twice() -> None:
    for num_steps in range(1, 60):
        for count in range(1, num_steps + 1):
            assert list(checkpoints(num_steps, count).values()) == list(
                range(1, count + 1)
            )
