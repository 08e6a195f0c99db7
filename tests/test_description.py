"""The description says what the space spans before anything is trained."""

import numpy as np
import pytest
from rich.table import Table

from tests.experiments import tiny_config
from xlnas_jax.description import describe
from xlnas_jax.experiment import Experiment, prepare


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def every_table(experiment) -> list[Table]:
    return describe(experiment)


@pytest.fixture
def tables(every_table) -> list[Table]:
    return every_table[1:]


def rows(table: Table) -> dict[str, list[str]]:
    """Cells of a table by the first of each row."""
    cells = zip(*(column.cells for column in table.columns), strict=True)
    return {first: rest for first, *rest in cells}


def test_the_space_is_counted_and_every_knob_listed(experiment, tables):
    # Either layer alone or both, times the poolings.
    size = 2 * (2 * (2 * 3) + (2 * 3) ** 2)
    assert tables[0].title == f"Space: {size} networks"
    assert rows(tables[0])["ffn"] == ["8, 16, 32", "2"]
    assert set(rows(tables[0])) >= {knob.name for knob in experiment.space.knobs}


def test_costs_range_from_the_smallest_to_the_full_network(experiment, tables):
    full = np.asarray(experiment.space.flatten(experiment.space.largest()))[None]
    shown = rows(tables[1])["encoder_params"]
    smallest = experiment.costs.smallest()["encoder_params"]
    largest = int(experiment.costs(full)["encoder_params"][0])
    assert shown == [f"{smallest:,}", f"{largest:,}", "4,000"]
    assert rows(tables[1])["flops"][-1] == "-"


def test_languages_show_their_role_and_distance_from_the_source(tables):
    shown = rows(tables[2])
    roles = [cells[0] for cells in shown.values()]
    assert roles == ["source", "aux_train", *["aux_heldout"] * 2, *["target"] * 2]
    distances = {name: float(cells[-1]) for name, cells in shown.items()}
    assert distances["en English"] == 0.0
    assert 0.0 < distances["es Spanish"] < 1.0


def test_the_taxonomy_names_objectives_space_and_strategy(every_table):
    shown = {name: rest[0] for name, rest in rows(every_table[0]).items()}
    assert shown["objectives"] == "error, flops (a front)"
    assert shown["hard limits"] == "encoder_params <= 4,000"
    assert shown["strategy"] == "reinforce: policy gradient"
    assert "unordered pooling" in shown["space"]
