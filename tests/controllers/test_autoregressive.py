"""The autoregressive policy: a distribution, an unbiased gradient, dependent knobs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.landscapes import search
from tests.models import SHAPE
from tests.settings import make_setting
from xlnas_jax.config.controller import AutoregressiveController, ReinforceController
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.controllers.autoregressive import (
    Policy,
    init_policy,
    log_prob,
    make_autoregressive,
    make_order,
    policy_gradient,
    sample,
)
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.controllers.variation import make_sites
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space

# float32 sums of a few hundred terms of order one.
EXACT_TOLERANCE = 2e-6
NUM_SEEDS = 20

SPACE = make_space(
    SpaceConfig(heads=(1, 4), ffn=(8, 16, 32), pooling=("mean", "max")),
    dataclasses.replace(SHAPE, num_layers=2),
)
ORDER = make_order(SPACE, make_sites(SPACE))
EVERY = jnp.asarray(every_architecture(SPACE), jnp.int32)


def random_policy(seed: int = 0, hidden: int = 8) -> Policy:
    policy = init_policy(jax.random.key(seed), ORDER, hidden)
    leaves, tree = jax.tree.flatten(policy)
    keys = jax.random.split(jax.random.key(seed + 100), len(leaves))
    noisy = [
        leaf + 0.7 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(tree, noisy)


@jax.jit
def log_probs(policy: Policy, rows=EVERY):
    return jax.vmap(lambda row: log_prob(policy, ORDER, row))(rows)


def assert_same(one, other) -> None:
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    for a, b in leaves:
        np.testing.assert_array_equal(a, b)


POLICY = random_policy()
REWARD = jnp.asarray(np.random.default_rng(7).random(len(EVERY)), jnp.float32)
BONUS = jnp.asarray(0.1)


def test_every_layer_says_first_whether_it_is_kept():
    names = [knob.name for knob in SPACE.knobs for _ in range(knob.sites)]

    drawn = [names[site] for site in ORDER.site]

    assert drawn == ["keep", "heads", "ffn"] * 2 + ["pooling"]
    assert ORDER.owner.tolist() == [-1, 0, 0, -1, 3, 3, -1]


def test_probabilities_of_all_networks_sum_to_one():
    # Two layers that cannot both be skipped are left to rejection.
    empty = np.asarray(EVERY[0]) * 0
    skipped = jnp.asarray([empty, np.r_[empty[:-1], 1]], jnp.int32)
    rows = jnp.concatenate([EVERY, skipped])

    total = jnp.exp(log_probs(POLICY, rows)).sum()

    assert len(np.unique(rows, axis=0)) == len(rows) == SPACE.size + 2
    np.testing.assert_allclose(total, 1, rtol=1e-5)


def test_draws_have_the_probabilities_that_are_scored():
    keys = jax.random.split(jax.random.key(5), 40_000)
    rows = jax.jit(jax.vmap(lambda key: sample(POLICY, ORDER, key)))(keys)

    is_same = (np.asarray(rows)[:, None] == np.asarray(EVERY)[None]).all(-1)
    counts = is_same.sum(0)
    probs = np.asarray(jnp.exp(log_probs(POLICY)), np.float64)

    np.testing.assert_array_equal(rows, SPACE.canonical(np.asarray(rows)))
    expected = counts.sum() * probs / probs.sum()
    is_common = expected >= 5
    observed = np.append(counts[is_common], counts[~is_common].sum())
    expected = np.append(expected[is_common], expected[~is_common].sum())
    assert is_common.sum() > 20
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_every_choice_starts_equally_likely():
    policy = init_policy(jax.random.key(0), ORDER, 8)

    kept = np.asarray(EVERY)[:, SPACE.columns("keep")].sum(-1)
    # Two ways to keep each layer or not, 2 x 3 choices of a kept one, 2 poolings.
    expected = -np.log(2.0) * 3 - np.log(6.0) * kept

    np.testing.assert_allclose(log_probs(policy), expected, rtol=1e-5)


# --- the gradient, under rejection and with the entropy bonus --------------------

IS_FEASIBLE = np.asarray(EVERY).sum(-1) <= 6


def objective(policy: Policy):
    """`E[reward | feasible] + bonus * entropy of (policy | feasible)`, enumerated."""
    feasible = jnp.where(jnp.asarray(IS_FEASIBLE), log_probs(policy), -jnp.inf)
    conditional = jax.nn.log_softmax(feasible)
    probs = jnp.exp(conditional)
    surprise = -jnp.where(jnp.asarray(IS_FEASIBLE), conditional, 0)
    return (probs * (REWARD + BONUS * surprise)).sum()


def test_expectation_over_all_pairs_is_the_exact_gradient():
    # A third row fills up the population: it must not count, whatever it holds.
    rows = np.flatnonzero(IS_FEASIBLE)
    first, second = (x.ravel() for x in np.meshgrid(rows, rows))
    probs = np.exp(np.asarray(log_probs(POLICY), np.float64))[rows]
    probs /= probs.sum()
    weight = np.outer(probs, probs).T.ravel()
    is_valid = jnp.asarray([True, True, False])

    def estimate(one, other):
        asked = jnp.stack([EVERY[one], EVERY[other], EVERY[0]])
        reward = jnp.stack([REWARD[one], REWARD[other], jnp.nan])
        found = policy_gradient(POLICY, ORDER, asked, reward, is_valid, BONUS)
        return jax.tree.leaves(found)

    def expectation(first, second, weight):
        found = jax.vmap(estimate)(first, second)
        return jax.tree.map(lambda x: jnp.tensordot(weight, x, 1), found)

    found = jax.jit(expectation)(first, second, jnp.asarray(weight, jnp.float32))

    assert 0 < IS_FEASIBLE.sum() < len(EVERY)
    exact = jax.jit(jax.grad(objective))(POLICY)
    for one, other in zip(found, jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=EXACT_TOLERANCE)
    assert max(float(jnp.abs(x).max()) for x in jax.tree.leaves(exact)) > 1e-2


def test_a_single_valid_candidate_gives_no_gradient():
    is_valid = jnp.asarray([False, True, False])

    gradient = jax.jit(
        lambda policy: policy_gradient(
            policy, ORDER, EVERY[:3], REWARD[:3], is_valid, BONUS
        )
    )(POLICY)

    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(gradient))


# --- the controller --------------------------------------------------------------

CONTROLLER = make_autoregressive(
    AutoregressiveController(), make_setting(space=SPACE)
).compiled()


def told(objectives, is_valid=None) -> Told:
    objectives = jnp.asarray(objectives, jnp.float32)
    size = len(objectives)
    valid = jnp.ones(size, bool) if is_valid is None else jnp.asarray(is_valid)
    return Told(EVERY[-size:], objectives, valid)


def test_better_candidates_become_more_probable():
    controller = CONTROLLER
    state = controller.init(jax.random.key(0))

    after = controller.tell(state, told([[0.9], [0.1], [0.9]]))

    gained = log_probs(after.policy) - log_probs(state.policy)
    assert gained[-2] > 0
    assert gained[-2] > max(gained[-1], gained[-3])


def test_choices_of_a_skipped_layer_make_no_difference():
    controller = CONTROLLER
    state = controller.init(jax.random.key(0))
    rows = np.asarray(EVERY)[[0, 5, 9]]
    assert (rows[:, 0] == 0).all()
    noisy = rows.copy()
    noisy[:, [2, 4]] = 1  # heads and width of the first layer, which is skipped
    scores, valid = jnp.asarray([[0.1], [0.5], [0.9]]), jnp.ones(3, bool)

    one, other = (
        controller.tell(state, Told(jnp.asarray(x), scores, valid))
        for x in (rows, noisy)
    )

    assert (noisy != rows).any()
    assert_same(one, other)


def test_population_without_two_valid_candidates_leaves_the_policy_unchanged():
    controller = CONTROLLER
    state = controller.init(jax.random.key(0))
    # Momentum from a good round must not carry the policy through a bad one.
    state = controller.tell(state, told([[0.9], [0.1]]))

    after = controller.tell(state, told([[np.nan], [0.3]]))

    assert_same(after.policy, state.policy)
    assert_same(after.opt_state, state.opt_state)
    assert int(after.round) == int(state.round) + 1


def test_entropy_bonus_anneals_from_first_to_last_round():
    config = AutoregressiveController(entropy=0.4, final_entropy=0.1)
    controller = make_autoregressive(config, make_setting(space=SPACE, num_rounds=5))
    controller = controller.compiled()
    state = controller.init(jax.random.key(0))
    bonuses = []
    for _ in range(7):
        bonuses.append(float(controller.summary(state)["entropy_bonus"]))
        state = controller.tell(state, told([[0.9], [0.1]]))

    expected = [0.4, 0.325, 0.25, 0.175, 0.1, 0.1, 0.1]
    np.testing.assert_allclose(bonuses, expected, rtol=1e-5)


# --- knobs that interact -----------------------------------------------------------

BITS = 10
CHAIN = SearchSpace((Knob("keep", (1,), 1), Knob("bit", (0, 1), BITS)))


def broken_links(rows):
    """Share of neighbouring bits that are not each other's opposite.

    Two patterns are best, and each alone of their bits is as good as the other:
    independent choices start at a saddle, and freeze with some links broken.
    """
    bits = rows[:, 1:]
    return (bits[:, 1:] == bits[:, :-1]).mean(-1, dtype=jnp.float32)[:, None]


@pytest.mark.slow
def test_it_beats_independent_choices_where_knobs_interact():
    rounds, errors = 30, []
    for config in (
        AutoregressiveController(cost_weight=0.0),
        ReinforceController(learning_rate=0.2, cost_weight=0.0),
    ):
        setting = make_setting(space=CHAIN, num_rounds=rounds, population=16)
        controller = make_controller(config, setting)
        found = search(controller, broken_links, rounds, 16, NUM_SEEDS)
        errors.append(found[:, -5:, :, 0].mean((1, 2)))

    dependent, independent = errors
    assert (dependent < independent).sum() >= 18
    assert np.median(dependent) < np.median(independent) / 4
