"""Alignment of real names in a small encoder: what is measured, and what is shown."""

import json

import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.terminal.heard import Heard
from tests.terminal.test_text import WIDTHS, assert_whole, shown
from xlnas_jax.alignment.measures.registry import MEASURES
from xlnas_jax.data.pairs import read_text_pairs
from xlnas_jax.evaluation.layers import encode_layers
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.results.alignment.measured import (
    Aligned,
    best_layer,
    measure_alignment,
    parallel_of,
    to_document,
)
from xlnas_jax.results.alignment.plot import plot_alignment, require_plots
from xlnas_jax.results.alignment.tables import alignment_tables
from xlnas_jax.types import ConfigError

LANGUAGES = ("fr", "es", "ca")
MOST = 30


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def params(experiment):
    return init_params(experiment).of_task(experiment.parts[0].name)


@pytest.fixture(scope="module")
def found(experiment, params) -> list[Aligned]:
    heard, part = Heard(), experiment.parts[0]
    aligned = measure_alignment(experiment, part, params, LANGUAGES, MOST, heard)
    assert heard.parts("measuring languages") == len(LANGUAGES)
    return aligned


def test_every_layer_of_every_language_has_every_measure(experiment, found) -> None:
    assert [one.language for one in found] == list(LANGUAGES)
    for one in found:
        assert 4 <= one.num_pairs <= MOST
        assert len(one.layers) == experiment.shape.num_layers + 1
        for layer in one.layers:
            assert layer.keys() == {*MEASURES, "score_error"}
            assert np.isfinite(list(layer.values())).all()


def test_they_are_the_measures_of_those_vectors(experiment, params, found) -> None:
    part = experiment.parts[0]
    given = parallel_of(experiment), part.source, part.roles
    pairs = read_text_pairs(*given, "es", MOST)
    x, y = (
        encode_layers(experiment, part, params, [getattr(p, side) for p in pairs])
        for side in ("source", "target")
    )
    spanish = found[1]
    assert spanish.num_pairs == len(pairs)
    for name in ("p1", "cka", "centroid"):
        expected = MEASURES[name].run(x[2], y[2])
        assert spanish.layers[2][name] == pytest.approx(expected, rel=1e-3)


def test_the_best_layer_has_the_highest_mean_score(found) -> None:
    means = [np.mean([one.layers[n]["score"] for one in found]) for n in range(3)]
    assert best_layer(found) == int(np.argmax(means))


def test_the_document_is_json_with_what_measures_mean(experiment, found) -> None:
    document = to_document(experiment.parts[0], "scratch", found)
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again["measures"]["spectrum"]["is_better_high"] is False
    assert again["languages"]["es"]["role"] == "target"
    assert again["languages"]["fr"]["layers"][0] == found[0].layers[0]


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_show_whole_numbers_on_any_terminal(experiment, found, width) -> None:
    for table in alignment_tables(experiment.parts[0], found):
        cells = [cell for row in table.rows for cell in row]
        assert_whole(shown(table, width), cells, width)


def test_tables_name_languages_layers_and_measures(experiment, found) -> None:
    by_layer, every = alignment_tables(experiment.parts[0], found)
    assert [row[0] for row in by_layer.rows] == [
        "fr French",
        "es Spanish",
        "ca Catalan",
        "mean",
    ]
    assert by_layer.headings == ("language", "emb", "1", "2")
    assert set(MEASURES) <= set(every.headings)
    assert len(every.notes) == len(MEASURES)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_drawn(experiment, found, tmp_path, suffix) -> None:
    file = tmp_path / f"alignment{suffix}"
    require_plots(file)
    plot_alignment(experiment.parts[0], found, file)
    assert file.stat().st_size > 5_000
    if suffix == ".svg":
        assert "layer" in file.read_text() or "<svg" in file.read_text()


def test_another_kind_of_file_is_refused_before_anything_is_computed(tmp_path) -> None:
    with pytest.raises(ConfigError, match="png"):
        require_plots(tmp_path / "alignment.xyz")


def test_a_language_without_a_role_is_refused(experiment, params) -> None:
    with pytest.raises(ConfigError, match="only a language with a role"):
        measure_alignment(experiment, experiment.parts[0], params, ["sw"], MOST)
