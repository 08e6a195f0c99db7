"""The description says what the space spans before anything is trained."""

import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.terminal.heard import Heard
from tests.terminal.test_text import WIDTHS, assert_whole, shown
from xlnas_jax.config.data import TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.description import describe
from xlnas_jax.terminal.text import Grid


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return prepare(tiny_config())


@pytest.fixture(scope="module")
def every_table(experiment) -> list[Grid]:
    heard = Heard()
    tables = describe(experiment, heard)
    assert heard.parts("reading data") == sum(
        len(codes) for _, _, codes in experiment.reads(experiment.parts[0])
    )
    assert heard.parts("describing data and languages") == 2
    return tables


@pytest.fixture
def tables(every_table) -> list[Grid]:
    return every_table[1:]


def rows(table: Grid) -> dict[str, list[str]]:
    """Cells of a table by the first of each row."""
    return {first: rest for first, *rest in table.rows}


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


@pytest.mark.parametrize("width", WIDTHS)
def test_every_number_is_whole_on_a_terminal_of_any_width(every_table, width):
    for table in every_table:
        cells = [cell for row in table.rows for cell in row]
        assert_whole(shown(table, width), cells, width)


def test_rows_and_labels_are_counted_in_every_split_that_is_read(tables):
    counted, labels = tables[3], tables[4]
    read = [(split, languages) for split, languages, *_ in counted.rows]
    assert read == [
        ("train", "en, fr"),
        ("dev", "pt, it"),
        ("test", "en, fr, pt, it, es, ca"),
    ]
    assert {tuple(row[2:]) for row in counted.rows[1:]} == {("20", "20", "0", "0", "")}
    assert labels.title == "Labels (4): rows of each"
    five_each = "territory=5, language=5, script=5, currency=5"
    assert ("dev", "pt, it", five_each) in labels.rows
    assert labels.notes == ()


@pytest.fixture
def tsv(tmp_path):
    """A function that writes labels of one language and split."""

    def write(language: str, split: str, *labels: str) -> None:
        folder = tmp_path / language
        folder.mkdir(exist_ok=True)
        lines = [f"text {n} here\t{label}\n" for n, label in enumerate(labels)]
        (folder / f"{split}.tsv").write_text("text\tlabel\n" + "".join(lines))

    return write


def test_labels_that_look_odd_are_pointed_out(tsv, tmp_path):
    for language in ("en", "quy", "de"):
        tsv(language, "train", "a[/b]", "b", "rare")
        tsv(language, "dev", "b", "b")
        tsv(language, "test", "a[/b]", "b")
    tsv("de", "test", "b", "b", "a[/b]")
    config = tiny_config(
        languages=LanguagesConfig(source="en", aux_heldout=("quy",), target=("de",)),
        data=TableData(path=f"{tmp_path}/{{language}}/{{split}}.tsv"),
    )
    grids = {grid.title.split(" (")[0]: grid for grid in describe(prepare(config))}
    labels = grids["Labels"]
    assert labels.rows == [
        ("train", "en", "a[/b]=1, b=1, rare=1"),
        ("dev", "quy", "a[/b]=0, b=2, rare=0"),
        ("test", "en, quy", "a[/b]=1, b=1, rare=0"),
        ("test", "de", "a[/b]=1, b=2, rare=0"),
    ]
    assert labels.notes == (
        "Odd: quy, dev: every label is 'b', of 3.",
        "Odd: label 'rare' is in train alone.",
    )
    assert "a[/b]=1" in shown(labels, 40)
    named = [row[0] for row in grids["Languages of classification"].rows]
    assert named == ["en English", "quy Ayacucho Quechua", "de German"]


def test_of_very_many_labels_the_most_frequent_are_listed(tsv, tmp_path):
    names = [f"label{n:02}" for n in range(40)]
    for language in ("en", "pt", "es"):
        for split in ("train", "dev", "test"):
            tsv(language, split, *names, names[7])
    config = tiny_config(
        languages=LanguagesConfig(source="en", aux_heldout=("pt",), target=("es",)),
        data=TableData(path=f"{tmp_path}/{{language}}/{{split}}.tsv"),
    )
    labels = describe(prepare(config))[5]
    text = labels.rows[0][2]
    assert labels.title == "Labels (40): rows of each"
    assert text.startswith("label07=2, label00=1,")
    assert text.endswith(", and 16 of at most 1")
