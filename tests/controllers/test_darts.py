import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.controllers import toy
from xlnas_jax.config.controller import DartsController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.controllers.base import RelaxedLosses, Told
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.types import ConfigError

# Deviation of what is not the sum over sites, beside steps of 1 between choices.
INTERACTION = 0.3
SEEDS = 20


def make_darts(constraints=None, **options):
    return make_controller(DartsController(**options), toy.toy_setting(constraints))


@pytest.mark.parametrize("order", [1, 2])
def test_the_best_of_81_architectures_is_found_in_19_of_20_seeds(order):
    controller = make_darts(order=order)
    tables = jnp.stack([toy.random_table(seed, INTERACTION) for seed in range(SEEDS)])

    states = toy.learn(controller, tables, "masked", DartsController().arch_steps)

    hits = sum(
        toy.found(controller, state) == toy.best(table)
        for state, table in zip(states, tables, strict=True)
    )
    print(f"darts, order {order}: {hits} of {SEEDS} seeds")
    assert hits >= 19


def test_the_gradient_is_that_of_the_mean_loss_over_all_architectures():
    """One step from logits of 0 goes against the sign of the exact gradient."""
    table = toy.random_table(0, INTERACTION)
    controller = make_darts(weight_decay=0.0)
    start = controller.init(jax.random.key(0))

    def mean(logits):
        policy = jax.nn.softmax(logits[jnp.asarray(toy.SITES)], axis=-1)
        return toy.mean_loss(table, policy)

    exact = np.asarray(jax.grad(mean)(start.logits))
    losses = toy.table_losses(table, "masked")
    moved = controller.refine(start, losses, jax.random.key(1)).logits

    # Adam's first step has one size everywhere, whatever the gradient's is.
    is_clear = np.abs(exact) > 1e-3
    rate = DartsController().learning_rate
    np.testing.assert_allclose(
        np.asarray(moved)[is_clear], -rate * np.sign(exact[is_clear]), rtol=2e-2
    )
    assert is_clear.sum() >= 8
    assert not np.asarray(moved)[[0, 1, 6]].any()


def losses_of(gradient) -> RelaxedLosses:
    def plain(weights, chosen=None):
        return jnp.zeros(()), gradient

    return RelaxedLosses(plain, plain)


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf])
def test_a_gradient_that_is_not_finite_is_skipped_and_counted(bad):
    controller = make_darts()
    start = controller.init(jax.random.key(0))
    gradient = jnp.zeros(start.logits.shape).at[2, 0].set(1.0)
    key = jax.random.key(0)
    before = controller.refine(start, losses_of(gradient), key)

    after = controller.refine(before, losses_of(gradient.at[3, 1].set(bad)), key)

    assert int(after.skipped) == 1
    assert float(controller.summary(after)["skipped_steps"]) == 1.0
    same = dataclasses.replace(after, skipped=before.skipped)
    for one, other in zip(*map(jax.tree.leaves, (before, same)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_scores_that_are_told_count_rounds_and_change_nothing_else():
    controller = make_darts()
    state = controller.init(jax.random.key(0))
    rows = jnp.asarray(toy.ROWS[:2])
    told = Told(rows, jnp.zeros((2, 1)), jnp.ones(2, bool))
    after = controller.tell(state, told)
    assert int(after.round) == 1
    np.testing.assert_array_equal(after.logits, state.logits)


def limited(fraction: float) -> ConstraintsConfig:
    """A limit between the smallest (0) and the largest (1) number of parameters."""
    params = toy.toy_setting().costs(toy.ROWS)["encoder_params"]
    low, high = params.min(), params.max()
    return ConstraintsConfig(encoder_params=float(low + fraction * (high - low)))


def test_what_is_asked_first_is_the_most_probable_within_the_limits():
    """By enumeration, for policies whose own favourite may break the limit."""
    constraints = limited(0.3)
    controller = make_darts(constraints)
    costs = toy.toy_setting().costs
    fits = is_feasible(toy.ROWS, costs, constraints)
    start = controller.init(jax.random.key(0))
    broken = 0
    for seed in range(20):
        logits = 2 * jax.random.normal(jax.random.key(seed), start.logits.shape)
        state = dataclasses.replace(start, logits=logits)
        probability = np.asarray(controller.summary(state)["probabilities"])
        score = np.log(probability[np.arange(toy.ROWS.shape[1])[None], toy.ROWS])
        score = score.sum(-1)
        best = np.where(fits, score, -np.inf).argmax()
        broken += int(not fits[score.argmax()])

        asked = np.asarray(controller.ask(state, jax.random.key(9), 8))

        np.testing.assert_array_equal(asked[0], toy.ROWS[best])
        assert asked.shape == (8, toy.ROWS.shape[1])
    assert 5 < broken < 20


def test_the_other_rows_are_draws_from_the_policy():
    controller = make_darts()
    state = controller.init(jax.random.key(0))
    logits = jax.random.normal(jax.random.key(0), state.logits.shape)
    state = dataclasses.replace(state, logits=logits)
    rows = np.asarray(controller.ask(state, jax.random.key(1), 4001))[1:]
    policy = np.asarray(controller.summary(state)["probabilities"])
    for site in toy.SITES:
        shares = np.bincount(rows[:, site], minlength=3) / len(rows)
        # Four standard errors of a share of 4,000.
        np.testing.assert_allclose(shares, policy[site], atol=4 * 0.5 / 4000**0.5)


def test_expected_costs_are_driven_below_their_limit():
    """The table wants the largest network everywhere; the penalty does not."""
    constraints = limited(0.4)
    table = -sum(jnp.meshgrid(*[jnp.arange(3.0)] * 4, indexing="ij")) / 40
    over = {}
    for penalty in (0.0, 2.0):
        controller = make_darts(constraints, penalty=penalty)
        (state,) = toy.learn(controller, table[None], "masked", 20)
        found = controller.summary(state)
        over[penalty] = float(found["expected_encoder_params_over_limit"])
    print(f"expected cost over the limit, by penalty: {over}")
    assert over[0.0] > 1.2
    assert over[2.0] < 1.02


def test_mixtures_refuse_the_sliced_form_by_name():
    with pytest.raises(ConfigError, match=r"form: must be 'masked'.*gdas"):
        DartsController(form="sliced")
