"""A table as a problem: what strategies are measured by is exact."""

import json

import numpy as np
import pytest
from pymoo.indicators.hv import HV

from benchmarks.search import tabular
from tests.settings import make_costs
from xlnas_jax.config.controller import DartsController, RandomController
from xlnas_jax.space.every import every_architecture


@pytest.fixture(scope="module")
def modules():
    return tabular


@pytest.fixture(scope="module")
def problem(modules):
    costs = make_costs()
    rows = every_architecture(costs.space)
    counted = costs(rows)
    rng = np.random.default_rng(0)
    size = counted["encoder_params"] / counted["encoder_params"].max()
    errors = 100 * (1 - 0.5 * size[:, None]) * rng.uniform(0.8, 1, (len(rows), 3))
    table = {
        "architectures": rows.astype(np.uint8),
        "languages": np.asarray(["a", "b", "c"]),
        "num_examples": np.asarray([100, 100, 100]),
        "errors": errors.astype(np.uint16),
        "loss": errors.astype(np.float32),
        "flops": counted["flops"],
        "encoder_params": counted["encoder_params"],
        "knobs": [vars(knob) | {} for knob in costs.space.knobs],
        "cost_model": {
            "shape": costs.shape.as_dict(),
            "heads": [head._asdict() for head in costs.heads],
            "length": costs.length,
            "batch_size": costs.batch_size,
            "min_layers": costs.space.min_layers,
        },
    }
    json.dumps(table["knobs"])
    return modules.make_problem(table, seen=("a", "b"))


def test_objectives_are_of_the_languages_seen(problem):
    assert (problem.objectives[:, 0] != problem.heldout).any()
    assert problem.fits.any() and not problem.fits.all()
    assert problem.objectives[problem.fits, 0].min() == problem.best


def test_the_volume_of_the_front_is_all_there_is_and_is_pymoos(problem):
    front = problem.objectives[problem.front()]
    assert problem.volume(front) == pytest.approx(1.0)
    some = problem.objectives[problem.fits][:40]
    scale = problem.reference - problem.objectives[problem.fits].min(0)
    theirs = [HV(problem.reference / scale)(points / scale) for points in (some, front)]
    assert problem.volume(some) == pytest.approx(theirs[0] / theirs[1])


def test_a_run_evaluates_feasible_networks_once_each(modules, problem):
    run = modules.make_runner(problem, RandomController(), 60, 10)
    met = run(0)
    assert len(met) == len(set(met.tolist())) == 60
    assert problem.fits[met].all()
    np.testing.assert_array_equal(met, run(0))
    assert (met != run(1)).any()


def test_gradient_steps_come_before_every_round_under_numbers_of_their_own(
    modules, problem
):
    numbers, states = [], []

    def refiner(controller):
        assert controller.refine is not None

        def refine(state, number):
            numbers.append(number)
            states.append(int(state.round))
            return state

        return refine

    run = modules.make_runner(problem, DartsController(), 30, 10, refiner)
    met = [run(seed) for seed in (0, 1)]
    assert all(problem.fits[found].all() for found in met)
    assert len(numbers) == len(set(numbers)) >= 6
    assert states[:3] == [0, 1, 2]
