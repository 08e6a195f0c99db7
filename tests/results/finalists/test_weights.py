"""A finalist's weights, cut, kept and put back, compute what they did."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.finalists import FinalistsConfig
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.results.finalists.saved import (
    DECIDING,
    Trained,
    keep_of,
    load_finalist,
    save_finalist,
)
from xlnas_jax.results.finalists.weights import cut_network, spread_network
from xlnas_jax.types import CheckpointError


@pytest.fixture(scope="module")
def made():
    experiment = prepare(tiny_config())
    params = init_params(experiment)
    other = jax.tree.map(lambda leaf: leaf + 1.0, params)
    return experiment, params, other, draw_feasible(experiment, 8, "control")


def same(one, other) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_what_was_cut_is_back_in_any_shared_weights(made) -> None:
    experiment, params, other, rows = made
    for row in rows:
        cut = cut_network(experiment, params, row)
        back = spread_network(experiment, other, row, cut)
        expected = slice_subnet(params.of_task("task"), experiment.space, row)
        found = slice_subnet(back.of_task("task"), experiment.space, row)
        assert same(expected, found)


def test_it_is_kept_and_read_bit_for_bit(made, tmp_path) -> None:
    experiment, params, _, rows = made
    cut = cut_network(experiment, params, rows[0])
    statistics = ({"pt": np.arange(6.0).reshape(3, 2)},)
    metrics = ({"error": np.asarray([0.25, 0.5], np.float32)},)
    trained = Trained(cut, np.asarray([0.3, 7.0], np.float32), metrics, statistics)
    save_finalist(tmp_path / "finalists" / "a", trained)
    found = load_finalist(tmp_path / "finalists" / "a", cut)
    assert found is not None
    assert same(trained, found)
    assert load_finalist(tmp_path / "finalists" / "b", cut) is None


def test_what_was_trained_by_other_settings_is_not_taken(made, tmp_path) -> None:
    experiment, params, _, rows = made
    cut = cut_network(experiment, params, rows[0])
    folder, config = tmp_path / "finalists", FinalistsConfig(steps=3)
    keep_of(folder, config)
    one = ({"error": np.asarray([0.25], np.float32)},)
    save_finalist(folder / "a", Trained(cut, np.zeros(2), one, one))
    # Who is chosen among them may change, and how often that is shown.
    keep_of(folder, dataclasses.replace(config, tries=4, controls=("uniform",)))
    assert load_finalist(folder / "a", cut) is not None
    keep_of(folder, dataclasses.replace(config, steps=4))
    assert load_finalist(folder / "a", cut) is None


def test_options_that_decide_are_all_but_those_that_choose() -> None:
    names = {field.name for field in dataclasses.fields(FinalistsConfig)}
    choosing = {"budgets", "budget_cost", "tries", "controls", "by"}
    assert names - {*DECIDING} == choosing


def test_what_is_damaged_is_made_again(made, tmp_path) -> None:
    experiment, params, _, rows = made
    cut = cut_network(experiment, params, rows[0])
    save_finalist(tmp_path / "a", Trained(cut, np.zeros(2), ({},), ({},)))
    file = max((tmp_path / "a").rglob("*"), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])
    assert load_finalist(tmp_path / "a", cut) is None
    assert not (tmp_path / "a").exists()


def test_another_network_in_its_place_is_refused(made, tmp_path) -> None:
    experiment, params, _, rows = made
    sizes = [len(experiment.space.layers(row)) for row in rows]
    one, other = rows[int(np.argmin(sizes))], rows[int(np.argmax(sizes))]
    cut = cut_network(experiment, params, one)
    save_finalist(tmp_path / "a", Trained(cut, np.zeros(2), ({},), ({},)))
    with pytest.raises(CheckpointError, match="weights of the finalist"):
        load_finalist(tmp_path / "a", cut_network(experiment, params, other))
