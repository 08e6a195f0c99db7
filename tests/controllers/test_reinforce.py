"""REINFORCE: exact under rejection, deaf to failures, better than chance."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.config.controller import ReinforceController
from xlnas_jax.controllers.base import Told, choice_mask
from xlnas_jax.controllers.random import make_random
from xlnas_jax.controllers.reinforce import (
    entropy,
    log_policy,
    make_reinforce,
    policy_gradient,
)

# float32 sums of a few hundred terms of order one.
EXACT_TOLERANCE = 1e-6
# One step of Adam on rounding noise of 1e-8, at learning rates up to 0.5.
ROUNDING_STEP = 2e-3
NUM_ESTIMATES = 100_000
NUM_SEEDS = 20


# --- the gradient estimator, on 27 points of which some are infeasible ---------

MASK = choice_mask((3, 3, 3))
POINTS = jnp.asarray(list(itertools.product(range(3), repeat=3)), jnp.int32)
_rng = np.random.default_rng(7)
REWARD = jnp.asarray(_rng.random(27), jnp.float32)
LOGITS = jnp.asarray(_rng.normal(size=(3, 3)), jnp.float32)
IS_FEASIBLE = POINTS.sum(-1) <= 3


def _log_prob(logits, indices):
    log_probs = jax.nn.log_softmax(logits, axis=-1)
    return sum(log_probs[site, indices[site]] for site in range(3))


def _conditional(logits):
    """Probability of each point, given that it is feasible."""
    probs = jnp.exp(jax.vmap(_log_prob, (None, 0))(logits, POINTS))
    probs = jnp.where(IS_FEASIBLE, probs, 0)
    return probs / probs.sum()


def _expected_reward(logits):
    return (_conditional(logits) * REWARD).sum()


EXACT = jax.grad(_expected_reward)(LOGITS)
SCORES = jax.vmap(jax.grad(_log_prob), (None, 0))(LOGITS, POINTS)


def test_expectation_over_all_pairs_is_the_exact_gradient():
    # A third row fills up the population: it must not count, whatever it holds.
    first, second = jnp.meshgrid(jnp.arange(27), jnp.arange(27))
    rows = jnp.stack([first.ravel(), second.ravel(), jnp.zeros(729, int)], axis=-1)
    reward = REWARD[rows].at[:, 2].set(jnp.nan)
    is_valid = jnp.asarray([True, True, False])

    estimates = jax.vmap(policy_gradient, (None, None, 0, 0, None))(
        LOGITS, MASK, POINTS[rows], reward, is_valid
    )

    probs = _conditional(LOGITS)
    weight = probs[first.ravel()] * probs[second.ravel()]
    mean = jnp.einsum("n,nsc->sc", weight, estimates)
    np.testing.assert_allclose(mean, EXACT, rtol=0, atol=EXACT_TOLERANCE)


def test_conditional_mean_baseline_is_exact_and_no_baseline_is_biased():
    probs = _conditional(LOGITS)

    def expectation(baseline):
        return jnp.einsum("n,nsc->sc", probs * (REWARD - baseline), SCORES)

    exact_error = jnp.abs(expectation(_expected_reward(LOGITS)) - EXACT).max()
    biased_error = jnp.abs(expectation(jnp.zeros(())) - EXACT).max()

    assert exact_error < EXACT_TOLERANCE
    assert biased_error > 0.05


def _accepted_populations(size: int) -> jax.Array:
    """Row numbers of feasible draws of the policy, in the order of drawing."""
    probs = jnp.exp(jax.vmap(_log_prob, (None, 0))(LOGITS, POINTS))
    drawn = jax.random.choice(
        jax.random.key(3), 27, (2 * size * NUM_ESTIMATES,), p=probs
    )
    accepted = drawn[np.asarray(IS_FEASIBLE)[drawn]][: size * NUM_ESTIMATES]
    return accepted.reshape(NUM_ESTIMATES, size)


def test_sampled_estimates_are_unbiased_under_rejection():
    rows = _accepted_populations(size=4)

    estimates = jax.jit(jax.vmap(policy_gradient, (None, None, 0, 0, None)))(
        LOGITS, MASK, POINTS[rows], REWARD[rows], jnp.ones(4, bool)
    )
    naive = jnp.einsum("np,npsc->nsc", REWARD[rows], SCORES[rows]) / 4

    deviations = {}
    for name, samples in (("leave-one-out", estimates), ("none", naive)):
        samples = np.asarray(samples, np.float64)
        standard_error = samples.std(0) / np.sqrt(NUM_ESTIMATES)
        deviations[name] = np.abs(samples.mean(0) - EXACT) / standard_error
    assert deviations["leave-one-out"].max() < 3
    assert deviations["none"].max() > 30


def test_a_single_valid_candidate_gives_no_gradient():
    gradient = policy_gradient(
        LOGITS, MASK, POINTS[:3], REWARD[:3], jnp.asarray([False, True, False])
    )

    np.testing.assert_array_equal(gradient, jnp.zeros((3, 3)))


def test_absent_choices_are_never_asked_nor_moved():
    mask = choice_mask((3, 1, 2))
    logits = LOGITS

    log_probs = log_policy(logits, mask)
    gradient = policy_gradient(
        logits, mask, jnp.asarray([[0, 0, 1], [2, 0, 0]]), REWARD[:2], jnp.ones(2, bool)
    )
    bonus = jax.grad(entropy)(logits, mask)

    np.testing.assert_allclose(jnp.exp(log_probs).sum(-1), np.ones(3), rtol=1e-6)
    np.testing.assert_array_equal(jnp.exp(log_probs)[~mask], np.zeros(3))
    np.testing.assert_array_equal(gradient[~mask], np.zeros(3))
    np.testing.assert_array_equal(bonus[~mask], np.zeros(3))
    assert jnp.abs(gradient[mask]).max() > 0
    assert jnp.isfinite(bonus).all()


def test_entropy_is_that_of_the_enumerated_policy():
    log_probs = jax.vmap(_log_prob, (None, 0))(LOGITS, POINTS)
    expected = -(jnp.exp(log_probs) * log_probs).sum()

    np.testing.assert_allclose(entropy(LOGITS, MASK), expected, rtol=1e-5)


# --- the controller ----------------------------------------------------------

GOLDEN_ASKED = [
    [[0, 2, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0]],
    [[1, 1, 0], [0, 2, 0], [0, 1, 0], [1, 1, 0]],
    [[1, 2, 0], [0, 2, 0], [1, 0, 0], [1, 1, 0]],
]
GOLDEN_LOGITS = [
    [-0.8225, 0.8225, 0.0],
    [0.0231, -0.8197, 0.8562],
    [0.0, 0.0, 0.0],
]


def _controller(num_rounds=10, num_choices=(3, 3, 3), **changes):
    config = ReinforceController(**{"cost_weight": 0.0, **changes})
    return make_reinforce(config, num_choices, num_rounds, ())


def _told(objectives, is_valid=None) -> Told:
    objectives = jnp.asarray(objectives, jnp.float32)
    size = objectives.shape[0]
    valid = jnp.ones(size, bool) if is_valid is None else jnp.asarray(is_valid)
    return Told(POINTS[:size], objectives, valid)


def test_golden_trace_for_a_fixed_key():
    controller = _controller(num_choices=(2, 3, 1), learning_rate=0.3)
    state = controller.init(jax.random.key(0))
    asked = []
    for key in jax.random.split(jax.random.key(1), 3):
        indices = controller.ask(state, key, 4)
        errors = jnp.abs(indices - jnp.asarray([[1, 2, 0]])).mean(-1)
        told = Told(indices, errors[:, None], jnp.ones(4, bool))
        state = controller.tell(state, told)
        asked.append(np.asarray(indices).tolist())

    assert asked == GOLDEN_ASKED
    np.testing.assert_allclose(state.logits, GOLDEN_LOGITS, atol=ROUNDING_STEP)


def test_better_candidates_become_more_probable():
    controller = _controller()
    state = controller.init(jax.random.key(0))

    after = controller.tell(state, _told([[0.9], [0.9], [0.1]]))

    # The first three points differ in the last site only; choice 2 was best.
    assert int(after.logits[2].argmax()) == 2


def test_sites_where_all_candidates_agree_do_not_move():
    # A site that tells nothing has a gradient of rounding noise, which Adam
    # would scale up to a step like any other.
    controller = _controller(learning_rate=0.5)
    state = controller.init(jax.random.key(0))

    after = controller.tell(state, _told([[0.9], [0.7], [0.1]]))

    np.testing.assert_allclose(after.logits[:2], np.zeros((2, 3)), atol=ROUNDING_STEP)
    assert jnp.abs(after.logits[2]).min() > 0.1


def test_cost_enters_the_reward():
    config = ReinforceController(cost_weight=1.0)
    controller = make_reinforce(config, (3, 3, 3), 10, (100.0,))
    state = controller.init(jax.random.key(0))

    after = controller.tell(state, _told([[0.5, 90.0], [0.5, 10.0], [0.5, 90.0]]))

    assert int(after.logits[2].argmax()) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_failed_candidates_teach_nothing(bad):
    controller = _controller()
    state = controller.init(jax.random.key(0))

    marked = controller.tell(state, _told([[0.9], [0.1], [bad]], [True, True, False]))
    unmarked = controller.tell(state, _told([[0.9], [0.1], [bad]]))
    absent = controller.tell(state, _told([[0.9], [0.1]]))

    for after in (marked, unmarked):
        assert jnp.isfinite(after.logits).all()
        np.testing.assert_allclose(after.logits, absent.logits, atol=ROUNDING_STEP)


def test_population_without_valid_candidates_leaves_the_policy_unchanged():
    controller = _controller()
    state = controller.init(jax.random.key(0))
    # Momentum from a good round must not carry the policy through a bad one.
    state = controller.tell(state, _told([[0.9], [0.1]]))

    after = controller.tell(state, _told([[np.nan], [np.nan]], [False, False]))

    np.testing.assert_array_equal(after.logits, state.logits)
    jax.tree.map(np.testing.assert_array_equal, after.opt_state, state.opt_state)
    assert int(after.round) == int(state.round) + 1


def test_entropy_bonus_anneals_from_first_to_last_round():
    controller = _controller(num_rounds=5, entropy=0.4, final_entropy=0.1)
    state = controller.init(jax.random.key(0))
    bonuses = []
    for _ in range(7):
        bonuses.append(float(controller.summary(state)["entropy_bonus"]))
        state = controller.tell(state, _told([[0.9], [0.1]]))

    expected = [0.4, 0.325, 0.25, 0.175, 0.1, 0.1, 0.1]
    np.testing.assert_allclose(bonuses, expected, rtol=1e-5)


def test_entropy_bonus_pulls_towards_uniform():
    controller = _controller(entropy=1.0, final_entropy=1.0)
    state = controller.init(jax.random.key(0)).replace(logits=LOGITS)
    before = float(controller.summary(state)["entropy"])

    after = controller.tell(state, _told([[0.5], [0.5]]))

    assert float(controller.summary(after)["entropy"]) > before


# --- a toy of 81 points with one known optimum ---------------------------------

OPTIMUM = jnp.asarray([2, 0, 1, 2])


def _toy_error(indices):
    distance = jnp.abs(indices - OPTIMUM[None]).mean(-1) / 2
    is_uneven = indices[:, 0] != indices[:, 3]
    return distance + 0.1 * is_uneven.astype(jnp.float32)


def _search(controller, num_rounds: int, population: int):
    """Final probabilities and all errors, for each seed."""

    def step(state, key):
        indices = controller.ask(state, key, population)
        error = _toy_error(indices)
        told = Told(indices, error[:, None], jnp.ones(population, bool))
        return controller.tell(state, told), error

    def run(key):
        keys = jax.random.split(key, num_rounds)
        state, errors = jax.lax.scan(step, controller.init(key), keys)
        return controller.summary(state)["probabilities"], errors

    return jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(1), NUM_SEEDS))


def test_policy_settles_on_the_optimum_of_the_toy():
    controller = _controller(30, (3, 3, 3, 3), learning_rate=0.3)

    probabilities, errors = _search(controller, num_rounds=30, population=8)

    is_optimum = (probabilities.argmax(-1) == OPTIMUM[None]).all(-1)
    assert int(is_optimum.sum()) >= 19
    assert float(errors[:, -1].mean()) < 0.05


def test_reinforce_finds_the_optimum_more_often_than_random_search():
    # 72 evaluations of 81 points: chance alone finds it in about 59 % of runs.
    budget = {"num_rounds": 12, "population": 6}
    controller = _controller(12, (3, 3, 3, 3), learning_rate=0.2)

    _, errors = _search(controller, **budget)
    _, control = _search(make_random((3, 3, 3, 3)), **budget)

    assert int((errors.min((1, 2)) == 0).sum()) >= 19
    assert int((control.min((1, 2)) == 0).sum()) <= 15
    assert (errors[:, -1].mean(-1) < control[:, -1].mean(-1)).all()
