"""The controls ask for what they say, within the limits, and learn nothing."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config.controller import MoreParamsController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.more_params import make_more_params
from xlnas_jax.controllers.uniform import make_uniform
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.every import every_architecture
from xlnas_jax.space.uniform import uniform_rows

SPACE = tiny_space()
EVERY = every_architecture(SPACE)
LIMITS = ConstraintsConfig(encoder_params=5000.0)
SETTING = make_setting(1.0, space=SPACE, constraints=LIMITS, num_rounds=40)


def told(rows, is_valid=None) -> Told:
    valid = jnp.ones(len(rows), bool) if is_valid is None else jnp.asarray(is_valid)
    return Told(jnp.asarray(rows), jnp.ones((len(rows), 2)), valid)


def names(rows) -> set[bytes]:
    return {row.tobytes() for row in np.asarray(rows).astype(np.int32)}


def feasible_uniform() -> np.ndarray:
    rows = uniform_rows(SPACE)
    return rows[is_feasible(rows, SETTING.costs, LIMITS)]


def test_uniform_asks_for_every_feasible_uniform_network_once_before_any_twice():
    controller = make_uniform(SETTING).compiled()
    expected = feasible_uniform()
    size = len(expected) // 4
    state = controller.init(jax.random.key(0))
    met = []
    for number in range(8):
        rows = controller.ask(state, jax.random.key(number), size)
        state = controller.tell(state, told(rows))
        met += list(map(bytes, np.asarray(rows)))

    assert 0 < len(expected) == 4 * size < len(uniform_rows(SPACE))
    half = len(met) // 2
    assert sorted(met[:half]) == sorted(met[half:]) == sorted(names(expected))


def test_uniform_asks_again_for_what_failed():
    controller = make_uniform(SETTING).compiled()
    state = controller.init(jax.random.key(0))
    rows = controller.ask(state, jax.random.key(0), 6)
    bad = [True] * 5 + [False]

    after = controller.tell(state, told(rows, bad))

    rest = controller.ask(after, jax.random.key(1), len(feasible_uniform()) - 5)
    assert names(rest) == names(feasible_uniform()) - names(rows[:5])


def test_uniform_asks_for_the_smallest_network_where_no_uniform_one_fits():
    tight = SETTING._replace(constraints=ConstraintsConfig(encoder_params=1.0))
    controller = make_uniform(tight)

    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 3)

    np.testing.assert_array_equal(asked, [SPACE.flatten(SPACE.smallest())] * 3)


def test_more_params_asks_for_the_largest_feasible_networks_first():
    # So many draws of 8,000 networks that hardly any is left out.
    controller = make_more_params(MoreParamsController(draws=200_000), SETTING)
    feasible = EVERY[is_feasible(EVERY, SETTING.costs, LIMITS)]
    params = np.sort(SETTING.costs(feasible)["params"])[::-1]

    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 30)

    found = SETTING.costs(np.asarray(asked))["params"]
    np.testing.assert_array_equal(found, params[:30])
    assert params[0] <= SETTING.costs(EVERY)["params"].max() - 1000


def test_more_params_goes_down_the_ranking():
    controller = make_more_params(MoreParamsController(draws=200_000), SETTING)
    state = controller.init(jax.random.key(0))
    met = []
    for number in range(3):
        rows = controller.ask(state, jax.random.key(number), 6)
        state = controller.tell(state, told(rows))
        met.append(np.asarray(rows))

    asked = np.concatenate(met)
    assert len(np.unique(asked, axis=0)) == 18
    assert (np.diff(SETTING.costs(asked)["params"]) <= 0).all()


def test_more_params_asks_for_anything_where_nothing_fits():
    tight = SETTING._replace(constraints=ConstraintsConfig(encoder_params=1.0))
    controller = make_more_params(MoreParamsController(draws=50), tight)

    asked = controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 20)

    assert names(asked) <= names(EVERY) | names(SPACE.canonical(np.asarray(asked)))
    assert asked.shape == (20, EVERY.shape[1])
