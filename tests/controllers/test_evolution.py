"""Evolution: who may have children, who dies, and what is never asked again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.landscapes import TOY, search
from tests.models import tiny_space
from tests.settings import make_setting
from xlnas_jax.config.controller import (
    Nsga2Controller,
    RandomController,
    RegularisedEvolutionController,
)
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.nsga2 import make_nsga2
from xlnas_jax.controllers.registry import make_controller
from xlnas_jax.controllers.regularised_evolution import make_regularised_evolution
from xlnas_jax.objectives.pareto import nondominated
from xlnas_jax.space.every import every_architecture

SPACE = tiny_space()
EVERY = every_architecture(SPACE)
BOTH = {
    "regularised_evolution": RegularisedEvolutionController(queue=8, tournament=4),
    "nsga2": Nsga2Controller(parents=8),
}
both = pytest.mark.parametrize("kind", BOTH)
NUM_SEEDS = 20


def told(rows, objectives) -> Told:
    objectives = jnp.asarray(objectives, jnp.float32)
    return Told(jnp.asarray(rows, jnp.int32), objectives, jnp.ones(len(rows), bool))


def networks(num: int, seed: int = 0) -> np.ndarray:
    """Different networks."""
    rng = np.random.default_rng(seed)
    return EVERY[rng.permutation(len(EVERY))[:num]]


def distance(rows, row) -> np.ndarray:
    return (np.asarray(rows) != row).sum(-1)


@both
def test_nothing_that_was_scored_is_asked_again_while_there_is_anything_new(kind):
    setting = make_setting(1.0, space=SPACE, num_rounds=20, population=10)
    controller = make_controller(BOTH[kind], setting).compiled()
    state = controller.init(jax.random.key(0))
    met = []
    for number in range(20):
        rows = controller.ask(state, jax.random.key(number), 10)
        scores = jax.random.uniform(jax.random.key(50 + number), (10, 2))
        state = controller.tell(state, told(rows, scores))
        met.append(np.asarray(rows))

    earlier = [set(map(bytes, np.concatenate(met[:n]))) for n in range(1, 20)]
    repeated = [
        sum(bytes(row) in known for row in rows)
        for rows, known in zip(met[1:], earlier, strict=True)
    ]
    assert sum(repeated) <= 2


@both
def test_a_space_that_was_seen_whole_is_asked_for_again(kind):
    setting = make_setting(1.0, space=TOY, num_rounds=30, population=10)
    controller = make_controller(BOTH[kind], setting).compiled()
    rows = every_architecture(TOY)
    state = controller.tell(
        controller.init(jax.random.key(0)), told(rows, np.ones((len(rows), 2)))
    )

    asked = controller.ask(state, jax.random.key(1), 10)

    assert set(map(bytes, np.asarray(asked))) <= set(map(bytes, rows))


@both
def test_with_the_same_scores_a_higher_rate_changes_more(kind):
    setting = make_setting(1.0, space=SPACE, num_rounds=20, population=8)
    controller = make_controller(BOTH[kind], setting).compiled()
    parent = networks(1)
    state = controller.init(jax.random.key(0))
    for _ in range(5):
        state = controller.tell(state, told(np.repeat(parent, 8, 0), np.ones((8, 2))))

    usual, raised = (
        distance(controller.ask(one, jax.random.key(1), 200), parent).mean()
        for one in (state, controller.with_rate(state, jnp.asarray(10.0)))
    )

    assert raised > 1.2 * usual


# --- regularised evolution ---------------------------------------------------------


def evolution(num_rounds=10, **changes):
    config = RegularisedEvolutionController(
        **{"queue": 4, "tournament": 40, "mutation": 0.0, "cost_weight": 0.0, **changes}
    )
    setting = make_setting(1.0, space=SPACE, num_rounds=num_rounds, population=4)
    return make_regularised_evolution(config, setting).compiled()


def parents_of(controller, state, candidates) -> set[int]:
    """Which of the candidates the children are one step away from."""
    children = np.asarray(controller.ask(state, jax.random.key(3), 64))
    steps = []
    for row in candidates:
        keep = SPACE.columns("keep")
        switched = children[:, keep] != row[keep]
        own = SPACE.canonical(children)
        live = np.ones_like(children, bool)
        for knob in ("heads", "ffn"):
            live[:, SPACE.columns(knob)] = (own[:, keep] * row[keep]) == 1
        live[:, keep] = False
        steps.append(switched.sum(-1) + ((children != row) & live).sum(-1))
    return set(np.argmin(steps, axis=0).tolist())


def apart() -> np.ndarray:
    """Networks that are more than two steps from each other."""
    return np.asarray(
        [
            [1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 2, 2, 2, 2, 2, 2, 1],
            [1, 1, 1, 1, 1, 1, 0, 0, 2, 2],
            [1, 1, 1, 0, 1, 2, 1, 1, 1, 3],
            [1, 1, 1, 2, 0, 1, 1, 2, 0, 0],
        ]
    )


def test_the_best_of_the_queue_has_the_children():
    controller = evolution()
    rows = apart()[:4]

    state = controller.tell(
        controller.init(jax.random.key(0)),
        told(rows, [[0.4, 0], [0.1, 0], [0.3, 0], [0.2, 0]]),
    )

    assert parents_of(controller, state, rows) == {1}


def test_the_oldest_dies_though_it_is_the_best():
    controller = evolution()
    rows = apart()
    state = controller.init(jax.random.key(0))
    state = controller.tell(
        state, told(rows[:4], [[0.1, 0], [0.2, 0], [0.3, 0], [0.4, 0]])
    )

    state = controller.tell(state, told(rows[4:], [[0.9, 0]]))

    assert parents_of(controller, state, rows) == {1}


def test_cost_counts_as_much_as_it_is_configured_to():
    rows = apart()[:4]
    scores = [[0.1, 9.0], [0.2, 1.0], [0.3, 2.0], [0.4, 3.0]]
    winners = []
    for cost_weight in (0.0, 1.0):
        controller = evolution(cost_weight=cost_weight)
        state = controller.tell(controller.init(jax.random.key(0)), told(rows, scores))
        winners.append(parents_of(controller, state, rows))

    assert winners == [{0}, {1}]


def test_until_the_queue_is_full_candidates_are_random():
    controller = evolution(num_rounds=100, queue=64)
    row = networks(1)
    state = controller.tell(
        controller.init(jax.random.key(0)),
        told(np.repeat(row, 32, 0), np.ones((32, 2))),
    )

    asked = np.asarray(controller.ask(state, jax.random.key(1), 64))

    assert distance(asked, row).mean() > 4


def test_a_queue_is_filled_by_half_of_the_run_at_most():
    controller = evolution(num_rounds=4, queue=1000)
    rows = apart()[:4]
    state = controller.init(jax.random.key(0))
    scores = [[0.4, 0], [0.1, 0], [0.3, 0], [0.2, 0]]

    state = controller.tell(
        controller.tell(state, told(rows, scores)), told(rows, scores)
    )

    assert parents_of(controller, state, rows) == {1}


# --- NSGA-II -----------------------------------------------------------------------


def test_parents_are_the_best_fronts_of_everything_told():
    setting = make_setting(1.0, space=SPACE, num_rounds=10, population=12)
    controller = make_nsga2(Nsga2Controller(parents=40), setting).compiled()
    state = controller.init(jax.random.key(0))
    rows = networks(36).reshape(3, 12, -1)
    scores = np.random.default_rng(0).random((3, 12, 2)).astype(np.float32)

    for one, own in zip(rows, scores, strict=True):
        state = controller.tell(state, told(one, own))

    everything = scores.reshape(-1, 2)
    on_front = np.asarray(nondominated(jnp.asarray(everything), jnp.ones(36, bool)))
    summary = controller.summary(state)
    assert float(summary["parents"]) == 36
    assert float(summary["parents_on_front"]) == on_front.sum()
    first = np.asarray(state.parents.indices)[: on_front.sum()]
    expected = rows.reshape(36, -1)[on_front]
    assert set(map(bytes, first)) == set(map(bytes, expected.astype(np.int32)))


def test_the_fronts_extremes_survive():
    setting = make_setting(1.0, space=SPACE, num_rounds=10, population=30)
    controller = make_nsga2(Nsga2Controller(parents=4), setting).compiled()
    rows = networks(30)
    line = np.linspace(0, 1, 30)

    state = controller.tell(
        controller.init(jax.random.key(0)), told(rows, np.stack([line, 1 - line], -1))
    )

    survivors = set(map(bytes, np.asarray(state.parents.indices)))
    assert {bytes(rows[i].astype(np.int32)) for i in (0, 29)} <= survivors
    assert len(survivors) == 4


def test_children_of_two_parents_mix_their_choices():
    setting = make_setting(1.0, space=SPACE, num_rounds=10, population=2)
    config = Nsga2Controller(parents=2, crossover=1.0, mutation=0.0)
    controller = make_nsga2(config, setting).compiled()
    pair = np.asarray([[1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 2, 2, 2, 2, 2, 2, 1]])
    state = controller.init(jax.random.key(0))
    for _ in range(3):
        state = controller.tell(state, told(pair, [[0.0, 1.0], [1.0, 0.0]]))

    children = np.asarray(controller.ask(state, jax.random.key(1), 200))

    from_either = (children == pair[0]) | (children == pair[1])
    assert ((~from_either).sum(-1) <= 1).all()
    far = np.minimum(distance(children, pair[0]), distance(children, pair[1]))
    assert (far >= 3).mean() > 0.1


def two_goals(rows):
    """Both objectives pull every site the opposite way, one harder at some sites."""
    ends = jnp.asarray(TOY.num_choices, jnp.float32) - 1
    share = rows.astype(jnp.float32) / jnp.maximum(ends, 1)[None]
    weight = jnp.asarray([0.0, 0.0, 4.0, 1.0, 2.0, 3.0, 0.0])
    return jnp.stack([(weight[None] * (1 - share) ** 2).sum(-1), share.sum(-1)], -1)


@pytest.mark.slow
def test_the_true_front_is_found_more_often_than_by_chance():
    rows = every_architecture(TOY)
    truth = np.asarray(two_goals(jnp.asarray(rows)))
    front = truth[np.asarray(nondominated(jnp.asarray(truth), jnp.ones(81, bool)))]
    wanted = set(map(bytes, front))
    setting = make_setting(1.0, space=TOY, num_rounds=10, population=6)
    shares = []
    for config in (Nsga2Controller(), RandomController()):
        controller = make_controller(config, setting)
        met = search(controller, two_goals, 10, 6, NUM_SEEDS).reshape(NUM_SEEDS, -1, 2)
        own = [len(wanted & set(map(bytes, one))) / len(wanted) for one in met]
        shares.append(np.asarray(own))

    ours, chance = shares
    assert (ours > chance).sum() >= 15
    assert ours.mean() > chance.mean() + 0.2
