"""No candidate above a limit is ever run: not in a round, not at the end."""

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.evaluate import EvaluateConfig, RaceConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results import conclude as ending
from xlnas_jax.results.conclude import conclude
from xlnas_jax.search import engine as engines
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.terminal.progress import Progress

# Met by fewer than one in five networks of the space.
TIGHT = ConstraintsConfig(encoder_params=1700.0, flops=66_000.0)


class Counter:
    """Every row that any evaluator was given, by who made it."""

    def __init__(self) -> None:
        self.rows: dict[str, list[np.ndarray]] = {}

    def wrap(self, name: str, make):
        def made(*given):
            run = make(*given)

            def counted(params, indices, num):
                rows = np.asarray(indices)[: int(num)]
                self.rows.setdefault(name, []).append(rows)
                return run(params, indices, num)

            return counted

        return made

    def __getitem__(self, name: str) -> np.ndarray:
        return np.concatenate(self.rows[name])


@pytest.fixture(
    scope="module",
    params=["racing", pytest.param("to the end", marks=pytest.mark.slow)],
)
def searched(request):
    """A whole search, its end and its report, with everything counted."""
    race = RaceConfig(blocks=2) if request.param == "racing" else None
    config = tiny_config(
        constraints=TIGHT,
        train=TrainConfig(batch_size=16, num_random=1),
        search=SearchConfig(rounds=3, weight_steps=1, population=4, archive_size=16),
        evaluate=EvaluateConfig(form="sliced", race=race),
    )
    counter, tested = Counter(), []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("make_evaluate", "make_race_evaluate"):
            wrapped = counter.wrap(name, getattr(engines, name))
            patch.setattr(engines, name, wrapped)

        def report(experiment, networks, *tell):
            tested.append(np.stack([row for _, row in networks]))
            return original(experiment, networks, *tell)

        original = ending.report
        patch.setattr(ending, "report", report)
        experiment = prepare(config)
        engine, state = make_engine(
            experiment, training_rows(experiment), heldout_data(experiment)
        )
        for _ in range(engine.num_warm_up + config.search.rounds):
            state, _ = step(engine, state)
        with Progress("test", 100) as progress:
            document = conclude(experiment, engine, state, progress)
    return experiment, state, counter, np.concatenate(tested), document


def feasible(experiment, rows: np.ndarray) -> np.ndarray:
    return is_feasible(rows, experiment.costs, TIGHT)


def is_full(experiment, rows: np.ndarray) -> np.ndarray:
    """The whole supernet, with any pooling: the one baseline that ignores limits."""
    space = experiment.space
    full = np.asarray(space.flatten(space.largest()))
    rest = np.ones(len(full), bool)
    rest[space.columns("pooling")] = False
    return (rows[:, rest] == full[rest]).all(-1)


def test_no_row_that_was_scored_is_above_a_limit(searched):
    experiment, state, counter, _, _ = searched
    rows = np.concatenate([counter[name] for name in counter.rows])
    baseline = is_full(experiment, rows)
    # The full network is scored once with each pooling, as a baseline, and is told
    # to no strategy.
    assert baseline.sum() == len(experiment.space.knob("pooling").choices)
    assert feasible(experiment, rows[~baseline]).all()
    assert int(state.rejected) > 12, "a limit that rejects nothing shows nothing"


def test_rounds_score_exactly_what_they_count(searched):
    experiment, state, counter, _, _ = searched
    is_race = experiment.config.evaluate.race is not None
    in_rounds = counter["make_race_evaluate" if is_race else "make_evaluate"]
    in_rounds = in_rounds if is_race else in_rounds[: int(state.evaluated)]
    assert len(in_rounds) == int(state.evaluated) == 12
    assert feasible(experiment, in_rounds).all()
    assert not is_full(experiment, in_rounds).any()


def test_the_end_scores_no_network_twice_for_one_purpose(searched):
    experiment, _, counter, _, _ = searched
    config = experiment.config
    in_rounds = config.search.rounds if config.evaluate.race is None else 0
    calls = counter.rows["make_evaluate"][in_rounds:]
    for rows in calls:
        assert len(np.unique(experiment.space.canonical(rows), axis=0)) == len(rows)


def test_test_data_is_read_for_feasible_networks_and_the_full_one(searched):
    experiment, _, _, tested, document = searched
    baseline = is_full(experiment, tested)
    assert baseline.sum() == 1
    assert feasible(experiment, tested[~baseline]).all()
    for point in (*document["points"], *document["baselines"].values()):
        if point is document["baselines"]["full"]:
            continue
        row = experiment.space.from_values(point["architecture"])
        assert feasible(experiment, row[None]).all()
