"""Outside optimisers: told everything each time, and nothing is kept in objects."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import optuna
import pytest

from tests.landscapes import TOY
from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config import OptunaController
from xlnas_jax.controllers import Told
from xlnas_jax.controllers.optuna import make_optuna
from xlnas_jax.controllers.outside import make_outside
from xlnas_jax.types import ArchitectureError

SPACE = tiny_space()
WIDTH = len(SPACE.num_choices)


class Recorder:
    """Suggests its seed's draws and remembers what it was told."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rows, self.objectives = np.zeros((0, WIDTH)), np.zeros((0, 2))

    def observe(self, rows, objectives) -> None:
        self.rows, self.objectives = rows, objectives

    def suggest(self, num: int):
        rng = np.random.default_rng(self.seed)
        return rng.integers(0, SPACE.num_choices, (num, WIDTH))


def recorded():
    """A strategy of recorders, and the recorders that it made."""
    made: list[Recorder] = []

    def build(seed: int) -> Recorder:
        made.append(Recorder(seed))
        return made[-1]

    setting = make_setting(1.0, space=SPACE, num_rounds=2, population=4)
    return make_outside(build, setting), made


def test_each_time_a_new_one_is_told_everything_that_can_be_learnt_from():
    controller, made = recorded()
    state = controller.init(jax.random.key(0))
    rows = controller.ask(state, jax.random.key(1), 4)
    scores = jnp.asarray([[0.1, 1.0], [jnp.nan, 2.0], [0.3, 3.0], [0.4, 4.0]])
    valid = jnp.asarray([True, True, True, False])

    state = controller.tell(state, Told(rows, scores, valid))
    controller.ask(state, jax.random.key(2), 4)

    assert len(made) == 2
    assert len(made[0].rows) == 0
    np.testing.assert_array_equal(made[1].rows, np.asarray(rows)[[0, 2]])
    np.testing.assert_allclose(made[1].objectives, [[0.1, 1.0], [0.3, 3.0]], rtol=1e-6)


def test_more_than_was_planned_drops_the_oldest_and_keeps_the_order():
    controller, made = recorded()
    state = controller.init(jax.random.key(0))
    told = []
    for number in range(3):
        rows = controller.ask(state, jax.random.key(number), 4)
        state = controller.tell(
            state, Told(rows, jnp.full((4, 2), float(number)), jnp.ones(4, bool))
        )
        told.append(np.asarray(rows))

    controller.ask(state, jax.random.key(9), 4)

    np.testing.assert_array_equal(made[-1].rows, np.concatenate(told)[4:])
    assert made[-1].objectives[:, 0].tolist() == [1.0] * 4 + [2.0] * 4


def test_suggestions_outside_the_space_are_refused():
    class Wrong(Recorder):
        def suggest(self, num: int):
            return super().suggest(num) + 1

    setting = make_setting(1.0, space=SPACE)
    controller = make_outside(Wrong, setting)

    with pytest.raises(ArchitectureError, match="must suggest 4 rows"):
        controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 4)


class Listener(logging.Handler):
    """Remembers what it was handed."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


def test_optuna_is_quiet_and_its_settings_stay_as_they_were():
    logger, listener = logging.getLogger("optuna"), Listener()
    logger.addHandler(listener)
    level = optuna.logging.get_verbosity()
    filters = [list(handler.filters) for handler in logger.handlers]
    controller = make_optuna(OptunaController(), make_setting(1.0, space=SPACE))

    controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 4)

    assert listener.heard == []
    assert optuna.logging.get_verbosity() == level
    assert [list(handler.filters) for handler in logger.handlers] == filters
    optuna.create_study()
    logger.removeHandler(listener)
    assert len(listener.heard) == 1


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_optuna_learns_what_it_was_told(sampler):
    """After good and bad networks were told, it asks for more like the good ones."""
    setting = make_setting(space=TOY, num_rounds=20, population=10)
    controller = make_optuna(OptunaController(sampler=sampler), setting)
    rng, ends = np.random.default_rng(0), np.asarray(TOY.num_choices)
    rows = rng.integers(0, ends, (60, len(ends)))
    errors = (rows != ends - 1).mean(-1)
    state = controller.init(jax.random.key(0))

    told = Told(
        jnp.asarray(rows, jnp.int32),
        jnp.asarray(errors[:, None], jnp.float32),
        jnp.ones(60, bool),
    )
    state = controller.tell(state, told)
    asked = np.asarray(controller.ask(state, jax.random.key(1), 10))

    assert (asked != ends - 1).mean() < 0.75 * errors.mean()


def test_optuna_breeds_from_what_was_told_in_earlier_rounds():
    setting = make_setting(space=TOY, num_rounds=20, population=10)
    controller = make_optuna(OptunaController(sampler="nsga2"), setting)
    state = controller.init(jax.random.key(0))
    one = jnp.asarray(TOY.num_choices, jnp.int32)[None] - 1
    rows, valid = jnp.repeat(one, 20, 0), jnp.ones(20, bool)

    state = controller.tell(state, Told(rows, jnp.ones((20, 1)), valid))
    asked = np.asarray(controller.ask(state, jax.random.key(1), 20))

    # All parents are the same: only mutation makes a difference, about one choice.
    assert (asked != np.asarray(one)).sum(-1).mean() < 1.5
