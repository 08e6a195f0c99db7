"""Languages as they are shown: by what is known of them, and by their text."""

import dataclasses

import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.languages import DistanceConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results import languages
from xlnas_jax.results.description import describe
from xlnas_jax.results.languages import make_distance_tables
from xlnas_jax.terminal.text import Grid


@pytest.fixture(scope="module")
def part() -> TaskPart:
    config = tiny_config()
    roles = dataclasses.replace(config.languages, unlabelled=("nl",))
    return prepare(dataclasses.replace(config, languages=roles)).parts[0]


@pytest.fixture(scope="module")
def tables(part: TaskPart) -> list[Grid]:
    return make_distance_tables(part, DistanceConfig(), "")


def test_from_the_source_every_kind_is_shown(tables: list[Grid]) -> None:
    by_kind = tables[0]
    assert by_kind.title == "Distance from en English"
    assert by_kind.headings[1:8] == tuple(DistanceConfig.__dataclass_fields__)
    shown = {row[0]: row[1:] for row in by_kind.rows}
    assert set(shown["en English"][:-1]) == {"0.00"}
    assert shown["nl Dutch"][3] < shown["es Spanish"][3]  # genetic
    assert all(row[-1].endswith("%") for row in by_kind.rows)


def test_the_matrix_goes_from_all_to_those_with_a_role(tables: list[Grid]) -> None:
    matrix = tables[1]
    assert matrix.headings == ("from", "en", "fr", "pt", "it", "es", "ca")
    cells = {
        row[0]: dict(zip(matrix.headings, row, strict=True)) for row in matrix.rows
    }
    assert len(cells) == 7
    assert all(cells[name][name.split()[0]] == "0.00" for name in list(cells)[:6])
    assert cells["pt Portuguese"]["es"] < cells["en English"]["es"]


def test_the_nearest_to_a_target_are_no_targets(tables: list[Grid]) -> None:
    nearest = dict(tables[2].rows)
    assert set(nearest) == {"es Spanish", "ca Catalan"}
    for text in nearest.values():
        named = [one.split() for one in text.split(", ")]
        assert not {"es", "ca"} & {code for code, _ in named}
        assert [far for _, far in named] == sorted(far for _, far in named)


def test_without_the_package_a_line_says_what_to_install(part, monkeypatch) -> None:
    monkeypatch.setattr(languages, "is_installed", lambda: False)
    (table,) = make_distance_tables(part, DistanceConfig(), "")
    assert table.notes == ("By recorded features: pip install 'xlnas-jax[languages]'",)


def test_kinds_that_need_text_alone_are_known_of_all(part) -> None:
    weights = DistanceConfig(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    tables = make_distance_tables(part, weights, "")
    assert [row[-1] for row in tables[0].rows] == ["100%"] * 7
    subwords, combined = ([row[n] for row in tables[0].rows] for n in (7, 8))
    assert subwords == combined


def test_each_of_several_tasks_has_languages_and_weights_of_its_own() -> None:
    config = tiny_config()
    assert config.languages is not None and config.data is not None
    weights = DistanceConfig(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    by_family = dataclasses.replace(config.languages, distance=weights)
    several = dataclasses.replace(
        config,
        languages=None,
        data=None,
        tasks={
            "one": TaskConfig(config.languages, config.data),
            "two": TaskConfig(by_family, config.data),
        },
    )
    titles = {table.title: table for table in describe(prepare(several))}
    one, two = (titles[f"{name}: Distance from en English"] for name in ("one", "two"))
    assert [row[:8] for row in one.rows] == [row[:8] for row in two.rows]
    assert [row[4] for row in two.rows] == [row[8] for row in two.rows]
    assert [row[8] for row in one.rows] != [row[8] for row in two.rows]
