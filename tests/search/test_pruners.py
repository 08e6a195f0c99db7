"""One-shot pruning: the best network within a budget, of all there are."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.search.pruners import (
    Pruners,
    best_within,
    magnitude,
    worth_of_units,
)
from xlnas_jax.space.every import every_architecture
from xlnas_jax.types import ArchitectureError


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config(constraints=ConstraintsConfig()))


@pytest.fixture(scope="module")
def pruners(experiment: Experiment) -> Pruners:
    return Pruners(experiment, init_params(experiment), training_rows(experiment))


def random_ranking(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"heads": rng.uniform(size=(2, 2)), "ffn": rng.uniform(size=(2, 32))}


def kept(experiment: Experiment, ranking, row: np.ndarray) -> float:
    """What a network keeps of the scores, counted one unit after another."""
    total = 0.0
    for number, values in experiment.space.layers(row):
        for name, scores in ranking.items():
            best = sorted(scores[number].tolist(), reverse=True)
            total += sum(best[: values[name]])
    return total


@pytest.mark.parametrize("budget", [0.25, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_network_within_the_budget_keeps_more(experiment, seed, budget) -> None:
    ranking = random_ranking(seed)
    row = best_within(experiment, worth_of_units(experiment, ranking), budget)
    every = every_architecture(experiment.space)
    flops = experiment.costs.counted(every)["flops"]
    most = experiment.costs.flops_of_share(budget)
    assert experiment.costs.counted(row[None])["flops"][0] <= most
    best = max(kept(experiment, ranking, one) for one in every[flops <= most])
    assert kept(experiment, ranking, row) == pytest.approx(best)


def test_a_budget_that_nothing_meets_is_left_out(experiment, pruners) -> None:
    with pytest.raises(ArchitectureError):
        best_within(experiment, worth_of_units(experiment, random_ranking(0)), 1e-6)
    config = experiment.config
    finalists = dataclasses.replace(config.finalists, budgets=(0.5, 1e-6))
    config = dataclasses.replace(config, finalists=finalists)
    own = dataclasses.replace(experiment, config=config)
    found = dataclasses.replace(pruners, experiment=own).prune("magnitude")
    assert [one.budget for one in found] == [0.5]


def test_magnitude_is_the_length_of_all_weights_of_a_unit(experiment, pruners) -> None:
    layers = jax.tree.map(np.asarray, pruners.params.encoder.layers)
    found = magnitude(layers, experiment.space.stages)
    for layer, neuron in ((0, 0), (1, 31)):
        parts = [
            layers.up.kernel[layer, :, neuron],
            layers.up.bias[layer, [neuron]],
            layers.down.kernel[layer, neuron],
        ]
        expected = np.linalg.norm(np.concatenate(parts))
        assert found["ffn"][layer, neuron] == pytest.approx(expected, rel=1e-5)
    assert found["heads"].shape == (2, 2)


def test_influence_keeps_or_drops_whole_layers(experiment, pruners) -> None:
    for one in pruners.prune("influence"):
        values = experiment.space.layers(one.row)
        assert all(v == {"heads": 2, "ffn": 32} for _, v in values)
        assert one.ranking is None
