import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.controllers import toy
from tests.models import labelled
from xlnas_jax.config.controller import GdasController
from xlnas_jax.controllers.base import RelaxedLosses, Told
from xlnas_jax.controllers.gdas import path_gradient, whole_gradient
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.controllers.reinforce import policy_gradient
from xlnas_jax.search.refine import make_losses

INTERACTION = 0.3
SEEDS = 20
# Of the plane: two sites of three choices, all nine losses random.
PLANE = jnp.ones((2, 3), bool)
DRAWS = 4000
# Least cosine with the exact gradient. A sliced path says less: it is known whether a
# choice is worth what it adds only where it is drawn, and the noise that draws it also
# softens it. Found are 0.97 and 0.88.
LEAST = {"masked": 0.9, "sliced": 0.85}


@pytest.mark.parametrize("form", ["masked", "sliced"])
def test_the_best_of_81_architectures_is_found_in_19_of_20_seeds(form):
    config = GdasController(form=form)
    controller = make_controller(config, toy.toy_setting())
    tables = jnp.stack([toy.random_table(seed, INTERACTION) for seed in range(SEEDS)])

    states = toy.learn(controller, tables, form, config.arch_steps)

    hits = sum(
        toy.found(controller, state) == toy.best(table)
        for state, table in zip(states, tables, strict=True)
    )
    print(f"gdas, {form}: {hits} of {SEEDS} seeds")
    assert hits >= 19


def plane(seed: int):
    """Random losses of nine architectures, centred, and random logits."""
    table_key, logit_key = jax.random.split(jax.random.key(seed))
    table = jax.random.normal(table_key, (3, 3))
    return table - table.mean(), jax.random.normal(logit_key, (2, 3))


def plane_losses(table, form: str):
    def loss(params, weights, chosen, batch):
        return toy.mean_loss(table, toy.as_run(weights, chosen, form))

    data = labelled(jnp.zeros(1))
    return make_losses(loss, jnp.zeros(()), data, data, 0.0, 0.0)


@functools.partial(jax.jit, static_argnums=2)
def estimates(table, logits, form: str):
    """Mean straight-through gradient at temperature 1, and that of REINFORCE."""
    losses, one = plane_losses(table, form), jnp.ones(())
    keys = jax.random.split(jax.random.key(7), DRAWS)
    is_partial = np.ones(2, bool) if form == "sliced" else None

    def estimate(key):
        return path_gradient(logits, PLANE, one, losses, key, is_partial)

    paths = jax.vmap(estimate)(keys)
    rows = jax.random.categorical(jax.random.key(8), logits, shape=(DRAWS, 2))
    rows = rows.astype(jnp.int32)
    reward = -table[rows[:, 0], rows[:, 1]]
    valid = jnp.ones(DRAWS, bool)
    return paths.mean(0), -policy_gradient(logits, PLANE, rows, reward, valid)


def cosine(one, other) -> float:
    return float((one * other).sum() / jnp.linalg.norm(one) / jnp.linalg.norm(other))


@pytest.mark.parametrize(("form", "least"), LEAST.items())
def test_straight_through_gradients_point_where_the_exact_gradient_does(form, least):
    """At temperature 1, against the sum over all nine architectures, and REINFORCE."""

    def exact(table, logits):
        return toy.mean_loss(table, jax.nn.softmax(logits, axis=-1))

    with_exact, with_reinforce = [], []
    for seed in range(10):
        table, logits = plane(seed)
        found, reinforce = estimates(table, logits, form)
        with_exact.append(cosine(found, jax.grad(exact, argnums=1)(table, logits)))
        with_reinforce.append(cosine(found, reinforce))
    print(f"{form}: cosines with the exact gradient", np.round(with_exact, 3))
    print("cosines with REINFORCE", np.round(with_reinforce, 3))
    assert min(with_exact) > least
    assert min(with_reinforce) > least


def test_unseen_choices_are_made_up_for_on_average():
    """Prefix gradients of one site: the mean over draws is that of all choices run."""
    added = jnp.asarray([[0.3, -1.0, 2.0]])
    full = jnp.cumsum(added, axis=-1)
    policy = jnp.asarray([[0.5, 0.3, 0.2]])
    mean = jnp.zeros_like(full)
    for chosen in range(3):
        seen = full[:, jnp.minimum(jnp.arange(3), chosen)]
        mean += policy[0, chosen] * whole_gradient(seen, policy)
    np.testing.assert_allclose(mean, full, rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 10.0])
def test_paths_are_drawn_from_the_policy_at_any_temperature(temperature):
    """The sampled path, as the loss is given it."""
    logits = jnp.asarray([[0.0, 1.0, -1.0], [0.5, 0.0, 0.0]])

    def draw(key):
        seen = []

        def loss(weights, chosen):
            seen.append((weights, chosen))
            return jnp.zeros(()), jnp.zeros_like(weights)

        heat, losses = jnp.asarray(temperature), RelaxedLosses(loss, loss)
        path_gradient(logits, PLANE, heat, losses, key)
        return seen[0]

    weights, chosen = jax.vmap(draw)(jax.random.split(jax.random.key(0), 4000))
    np.testing.assert_array_equal(weights, jax.nn.one_hot(chosen, 3))
    # Four standard errors of a share of 4,000.
    np.testing.assert_allclose(
        weights.mean(0), jax.nn.softmax(logits, axis=-1), atol=4 * 0.5 / 4000**0.5
    )


def test_the_temperature_falls_linearly_from_the_first_round_to_the_last():
    controller = make_controller(GdasController(), toy.toy_setting())
    state = controller.init(jax.random.key(0))
    told = Told(jnp.asarray(toy.ROWS[:1]), jnp.zeros((1, 1)), jnp.ones(1, bool))
    seen = []
    for _ in range(toy.ROUNDS):
        seen.append(float(controller.summary(state)["temperature"]))
        state = controller.tell(state, told)
    np.testing.assert_allclose(seen, np.linspace(10.0, 0.1, toy.ROUNDS), rtol=1e-5)


def test_the_same_key_takes_the_same_step_and_another_key_another():
    controller = make_controller(GdasController(), toy.toy_setting())
    losses = toy.table_losses(toy.random_table(0, INTERACTION), "sliced")
    start = controller.init(jax.random.key(0))
    first, again, other = (
        controller.refine(start, losses, jax.random.key(seed)).logits
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_settings_of_the_temperature_are_checked():
    with pytest.raises(ValueError, match="final_temperature: must be above 0"):
        dataclasses.replace(GdasController(), final_temperature=0.0)
