"""Outside optimisers: told everything each time, and nothing is kept in objects."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import optuna
import pytest

from tests.landscapes import TOY
from tests.models import tiny_space
from tests.settings import make_costs, make_setting
from xlnas_jax.config.controller import OptunaController
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.optuna import make_optuna
from xlnas_jax.controllers.outside import make_outside
from xlnas_jax.controllers.variation import is_within
from xlnas_jax.space.every import every_architecture
from xlnas_jax.types import ArchitectureError

SPACE = tiny_space()
WIDTH = len(SPACE.num_choices)
# Kept by about half of the networks.
LIMIT = float(np.median(make_costs(SPACE)(every_architecture(SPACE))["encoder_params"]))


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


def test_suggestions_above_a_limit_are_moved_within_and_the_others_stay():
    limit = ConstraintsConfig(encoder_params=LIMIT)
    setting = make_setting(1.0, space=SPACE, constraints=limit, population=16)
    asked = Recorder(0)
    controller = make_outside(lambda seed: asked, setting)
    suggested = asked.suggest(16)
    fits = is_within(setting, suggested.astype(np.int32))

    rows = np.asarray(
        controller.ask(controller.init(jax.random.key(0)), jax.random.key(1), 16)
    )

    assert fits.any() and not fits.all()
    assert is_within(setting, rows).all()
    canonical = SPACE.canonical(suggested)
    is_first = np.zeros(16, bool)
    is_first[np.unique(canonical, axis=0, return_index=True)[1]] = True
    kept = fits & is_first
    # One that was moved may come before one like it.
    assert (rows[kept] == suggested[kept]).all(-1).mean() > 0.5


def test_what_was_scored_before_gives_way_to_mutants_of_it():
    class Stubborn(Recorder):
        def suggest(self, num: int):
            return np.repeat(np.asarray(SPACE.num_choices)[None] - 1, num, 0)

    setting = make_setting(1.0, space=SPACE, num_rounds=4, population=4)
    controller = make_outside(Stubborn, setting)
    state, met = controller.init(jax.random.key(0)), []
    for number in range(4):
        rows = controller.ask(state, jax.random.key(number), 4)
        scores = jnp.zeros((4, 2))
        state = controller.tell(state, Told(rows, scores, jnp.ones(4, bool)))
        met += [row.tobytes() for row in SPACE.canonical(np.asarray(rows))]

    assert len(set(met)) == len(met) == 16


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
    rng, ends = np.random.default_rng(0), np.asarray(TOY.num_choices)
    rows = rng.integers(0, ends, (40, len(ends)))
    errors = (rows != ends - 1).mean(-1)

    def error_of_asked(sampler: str) -> float:
        setting = make_setting(space=TOY, num_rounds=20, population=10)
        controller = make_optuna(OptunaController(sampler=sampler), setting)
        told = Told(
            jnp.asarray(rows, jnp.int32),
            jnp.asarray(errors[:, None], jnp.float32),
            jnp.ones(40, bool),
        )
        state = controller.tell(controller.init(jax.random.key(0)), told)
        asked = np.asarray(controller.ask(state, jax.random.key(1), 10))
        return float((asked != ends - 1).mean())

    assert error_of_asked(sampler) < 0.8 * error_of_asked("random")


def test_optuna_breeds_from_what_was_told_in_earlier_rounds():
    setting = make_setting(space=TOY, num_rounds=20, population=10)
    controller = make_optuna(OptunaController(sampler="nsga2"), setting)
    state = controller.init(jax.random.key(0))
    one = jnp.asarray(TOY.num_choices, jnp.int32)[None] - 1
    rows, valid = jnp.repeat(one, 20, 0), jnp.ones(20, bool)

    state = controller.tell(state, Told(rows, jnp.ones((20, 1)), valid))
    asked = np.asarray(controller.ask(state, jax.random.key(1), 20))

    # All parents are the same: only mutation makes a difference, about one choice,
    # and one more where the child is known. Of four, uniform draws would change 2.7.
    assert (asked != np.asarray(one)).sum(-1).mean() < 1.8
