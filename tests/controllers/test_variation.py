"""Variation changes networks, not only the numbers that stand for them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.variation import (
    canonical,
    crossover,
    draw,
    first_new,
    init_history,
    is_live,
    is_within,
    make_sites,
    mutate,
    remember,
)
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.latency import Latency, LatencyTable

SPACE = tiny_space(min_layers=2)
SITES = make_sites(SPACE)
EVERY = every_architecture(SPACE)
NUM = 2000
live_in = jax.jit(lambda rows: is_live(SITES, rows))
remembered = jax.jit(remember)


def networks(num: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return EVERY[rng.integers(0, len(EVERY), num)]


def mutants(rows: np.ndarray, rate: float = 0.0) -> np.ndarray:
    keys = jax.random.split(jax.random.key(1), len(rows))
    vary = jax.vmap(lambda key, row: mutate(SITES, key, row, jnp.asarray(rate)))
    return np.asarray(jax.jit(vary)(keys, jnp.asarray(rows, jnp.int32)))


def test_canonical_form_is_that_of_the_space():
    rows = np.random.default_rng(0).integers(
        0, SITES.num_choices, (200, EVERY.shape[1])
    )

    within = jax.jit(lambda rows: canonical(SITES, rows))
    found = within(jnp.asarray(rows.astype(np.int32)))

    np.testing.assert_array_equal(found, SPACE.canonical(rows))


def test_draws_are_canonical_and_reach_every_choice():
    rows = np.asarray(jax.jit(lambda key: draw(SITES, key, 500))(jax.random.key(0)))

    np.testing.assert_array_equal(rows, SPACE.canonical(rows))
    np.testing.assert_array_equal(rows.max(0), SITES.num_choices - 1)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_a_mutant_is_another_valid_network(rate):
    rows = networks(NUM)

    found = mutants(rows, rate)

    np.testing.assert_array_equal(found, SPACE.canonical(found))
    assert (found != rows).any(-1).all()
    assert ((found >= 0) & (found < SITES.num_choices)).all()
    if not rate:  # several layers at once may be skipped; limits sort that out
        assert (SPACE.num_kept(found) >= SPACE.min_layers).all()


def test_at_rate_zero_one_choice_changes_or_one_layer_comes_or_goes():
    rows = networks(NUM)

    found = mutants(rows)

    keep = SPACE.columns("keep")
    switched = (found != rows)[:, keep].sum(-1)
    live = np.asarray(live_in(rows)) & np.asarray(live_in(found))
    others = np.delete(live & (found != rows), np.r_[keep], axis=1).sum(-1)
    np.testing.assert_array_equal(switched + others, 1)


def test_every_neighbour_by_one_choice_is_reached_and_none_is_favoured():
    # All three layers are kept: each layer may go, each choice may change.
    row = np.asarray([1, 1, 1, 0, 1, 2, 2, 1, 0, 3])
    found = mutants(np.repeat(row[None], 4 * NUM, 0))

    changed = found != row
    keep = changed[:, SPACE.columns("keep")]
    sites = np.where(keep.any(-1), keep.argmax(-1), changed.argmax(-1))
    counts = np.bincount(sites, minlength=len(row))

    assert stats.chisquare(counts).pvalue > 0.001
    assert set(found[sites == 9, 9].tolist()) == {0, 1, 2}


def test_no_layer_goes_where_the_fewest_are_left():
    row = np.asarray([1, 0, 1, 0, 0, 2, 2, 0, 0, 3])

    found = mutants(np.repeat(row[None], 500, 0))

    assert (SPACE.num_kept(found) >= 2).all()
    assert (SPACE.num_kept(found) == 3).any()


def test_a_layer_that_comes_has_choices_of_its_own():
    row = np.asarray([1, 0, 1, 0, 0, 2, 2, 0, 0, 3])
    found = mutants(np.repeat(row[None], NUM, 0))

    new = found[SPACE.num_kept(found) == 3]

    for column in (4, 7):
        assert stats.chisquare(np.bincount(new[:, column])).pvalue > 0.001


def test_children_take_each_choice_from_a_parent_that_has_it():
    one, other = networks(NUM, 1), networks(NUM, 2)
    keys = jax.random.split(jax.random.key(1), NUM)

    crossed = jax.jit(jax.vmap(lambda k, a, b: crossover(SITES, k, a, b)))
    children = np.asarray(crossed(keys, jnp.asarray(one), jnp.asarray(other)))

    np.testing.assert_array_equal(children, SPACE.canonical(children))
    live = [np.asarray(live_in(x)) for x in (one, other, children)]
    from_one = live[0] & (children == one)
    from_other = live[1] & (children == other)
    assert (from_one | from_other)[live[2]].all()
    # Where both have it, each gives it as often.
    differs = live[0] & live[1] & live[2] & (one != other)
    share = from_one[differs].mean()
    assert abs(share - 0.5) < 4 * 0.5 / differs.sum() ** 0.5


def test_limits_are_checked_without_measuring():
    def measure(rows):
        raise AssertionError("nothing is measured")

    table = LatencyTable((0,) * 4, ((10, 20, 30), (10, 20, 30)))
    flops = make_setting(space=SPACE).costs(EVERY)["flops"]
    half = float(np.median(flops))
    limits = ConstraintsConfig(flops=half, latency_ms=1e-4)
    plain = make_setting(space=SPACE, constraints=limits)
    costs = plain.costs.with_latency(Latency(table, 0.0, measure))

    found = is_within(plain._replace(costs=costs), EVERY)

    counted = flops <= half
    np.testing.assert_array_equal(found, counted & (table(SPACE, EVERY) <= 100))
    assert 0 < found.sum() < counted.sum() < len(EVERY)
    unknown = is_within(plain, EVERY)
    without = ConstraintsConfig(flops=half)
    np.testing.assert_array_equal(unknown, is_feasible(EVERY, plain.costs, without))


def told(numbers, is_valid=None) -> Told:
    rows = jnp.asarray(numbers, jnp.int32)[:, None]
    valid = jnp.ones(len(numbers), bool) if is_valid is None else jnp.asarray(is_valid)
    return Told(rows, rows.astype(jnp.float32) / 2, valid)


def contents(history) -> list[int]:
    """What is remembered, oldest first."""
    num, capacity = int(history.num), len(history.rows)
    slots = np.arange(max(num - capacity, 0), num) % capacity
    np.testing.assert_array_equal(
        np.asarray(history.objectives)[slots], np.asarray(history.rows)[slots] / 2
    )
    return np.asarray(history.rows)[slots, 0].tolist()


def test_history_keeps_the_youngest_usable_candidates_in_order():
    history = init_history(4, 1, 1)

    history = remembered(history, told([1, 2, 3], [True, False, True]))
    assert contents(history) == [1, 3]
    assert history.is_filled.tolist() == [True, True, False, False]
    history = remembered(history, told([4, 5, 6]))
    assert contents(history) == [3, 4, 5, 6]
    history = remembered(history, told([7, 8, 9, 10, 11, 12]))
    assert contents(history) == [9, 10, 11, 12]
    assert history.is_filled.all()


def test_failed_candidates_are_not_remembered():
    bad = told([1, 2])
    bad = bad.replace(objectives=jnp.asarray([[jnp.nan], [1.0]]))

    assert contents(remembered(init_history(4, 1, 1), bad)) == [2]


def test_the_first_variant_that_was_not_told_is_taken():
    history = remembered(init_history(4, 1, 1), told([1, 2]))
    tries = jnp.asarray([[1, 2, 3, 4], [5, 1, 2, 6], [2, 1, 1, 2], [0, 1, 1, 1]])

    found = first_new(history, tries[..., None].astype(jnp.int32))

    # All of the third were told; empty slots hold zeros, which were not.
    assert found[:, 0].tolist() == [3, 5, 2, 0]
