"""All data is looked at before a search; of targets nothing but the form is seen."""

import ast
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from tests.corpora import write_questions, write_tagged
from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import SetData, TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.examples import Examples, Source
from xlnas_jax.data.form import require_text
from xlnas_jax.data.readers.faults import LoadReport
from xlnas_jax.data.sources import inspect
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.inspection import check_data, inspect_data
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.run import run as runner
from xlnas_jax.types import ConfigError, DataError

PACKAGE = Path(__file__).parents[2] / "xlnas_jax"
LANGUAGES = LanguagesConfig(source="en", aux_heldout=("pt",), target=("es",))
ROLES = LanguageRoles.from_config(LANGUAGES)
ROWS = [("a match was won", "sport"), ("a trip by train", "travel")] * 3


def write(folder: Path, rows: list[tuple[str, str]] = ROWS) -> Path:
    """JSONL files of three languages."""
    for language in ROLES.all:
        for split in ("train", "dev", "test"):
            write_split(folder / language / f"{split}.jsonl", rows)
    return folder


def write_split(path: Path, rows: list[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path.write_text("\n".join(lines) + "\n")


def table_config(folder: Path, **changes: Any) -> Config:
    data = TableData(path=f"{folder}/{{language}}/{{split}}.jsonl")
    return tiny_config(languages=LANGUAGES, data=data, **changes)


def set_config(name: str, folder: Path) -> Config:
    return tiny_config(
        languages=LANGUAGES,
        data=SetData(name=name, path=str(folder)),
        space=SpaceConfig(heads=(1, 2), ffn=(8, 16, 32)),
        tokens=TokensConfig(max_length=24, doc_stride=8),
    )


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that goes on after its check fails the test."""

    def fail(*_: object) -> None:
        raise AssertionError("the search went on")

    monkeypatch.setattr(runner, "read_data", fail)


FAULTS = {
    "an unknown label": (b'{"text": "a dish", "label": "food"}', "line 7.*food"),
    "a lone surrogate": (rb'{"text": "a \ud800 dish", "label": "sport"}', "surrogate"),
    "no JSON": (b'{"text": ', "line 7"),
    "no UTF-8": (b'{"text": "\xff", "label": "sport"}', "line 7.*UTF-8"),
    "no text": (b'{"text": " ", "label": "sport"}', "line 7.*empty"),
}


@pytest.mark.parametrize("language", ROLES.all)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_that_is_read_last_is_checked_first(fault, language, tmp_path, untrained):
    line, message = FAULTS[fault]
    path = write(tmp_path / "data") / language / "test.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match=message):
        runner.run_search(table_config(tmp_path / "data"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", ["missing", "empty", "a folder"])
def test_a_file_that_is_read_last_is_looked_for_first(kind, tmp_path, untrained):
    path = write(tmp_path / "data") / "es" / "test.jsonl"
    path.unlink()
    if kind == "empty":
        path.touch()
    elif kind == "a folder":
        path.mkdir()
    with pytest.raises(DataError, match=r"test\.jsonl"):
        runner.run_search(table_config(tmp_path / "data"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tag_that_is_read_last_is_checked_first(tmp_path, untrained):
    folder = write_tagged(tmp_path / "data")
    path = folder / "es" / "test.txt"
    path.write_text(path.read_text() + "\nana B-ORG\n")
    with pytest.raises(DataError, match=r"es/test\.txt.*B-ORG"):
        runner.run_search(set_config("conll", folder), tmp_path / "run")


def test_a_question_that_is_read_last_is_checked_first(tmp_path, untrained):
    folder = write_questions(tmp_path / "data")
    path = folder / "test.es.json"
    content = json.loads(path.read_text())
    content["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["text"] = "nowhere"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"test\.es\.json.*nowhere"):
        runner.run_search(set_config("squad_like", folder), tmp_path / "run")


def test_rows_that_are_passed_over_are_counted_and_told_of(tmp_path):
    folder = write(tmp_path / "data")
    write_split(folder / "es" / "test.jsonl", [*ROWS, ("a dish", "food")])
    experiment = prepare(table_config(folder, skip_bad_rows=True))
    said: list[str] = []
    assert check_data(experiment, said.append)
    assert said == ["es, test: 1 of 7 rows are passed over (1 unknown label)"]
    write_split(folder / "pt" / "dev.jsonl", [*ROWS, ("a dish", "food")])
    assert not check_data(experiment, said.append)


def test_the_form_is_the_same_whichever_row_has_which_label(tmp_path):
    experiment = prepare(table_config(write(tmp_path / "data")))
    before = inspect_data(experiment)
    texts, labels = zip(*ROWS, strict=True)
    for language in ROLES.all:
        for split in ("train", "dev", "test"):
            other = list(zip(reversed(texts), labels, strict=True))
            write_split(tmp_path / "data" / language / f"{split}.jsonl", other)
    assert inspect_data(experiment) == before


def test_the_form_holds_numbers_and_names_of_labels_alone(tmp_path):
    experiment = prepare(table_config(write(tmp_path / "data")))
    source = experiment.parts[0].source
    form = inspect(source, ROLES, "es", "test")
    assert form.labels == {"sport": 3, "travel": 3}
    assert form.report == LoadReport(rows=6, kept=6)
    assert form._fields == ("report", "labels")


def test_no_example_outlives_its_inspection(tmp_path):
    experiment = prepare(table_config(write(tmp_path / "data")))
    read = experiment.parts[0].source.read
    seen = []

    def watched(language: str, split: Any) -> Any:
        found = read(language, split)
        seen.append(weakref.ref(found))
        return found

    source = experiment.parts[0].source._replace(read=watched)
    forms = [inspect(source, ROLES, code, "test") for code in ROLES.all]
    gc.collect()
    assert len(forms) == len(seen) == 3
    assert [ref() for ref in seen] == [None] * 3


def test_labels_of_targets_reach_nothing_that_is_learnt_or_scored(tmp_path):
    def static(labels: tuple[str, str]) -> tuple[Any, list[np.ndarray]]:
        """All that a search starts from, where targets are labelled so."""
        rows = [(text, labels[label == "travel"]) for text, label in ROWS]
        for split in ("train", "dev", "test"):
            write_split(tmp_path / "data" / "es" / f"{split}.jsonl", rows)
        experiment = prepare(table_config(tmp_path / "data"))
        check_data(experiment, lambda line: None)
        data = heldout_data(experiment)
        arrays = init_params(experiment), training_rows(experiment), data[0].batches
        names = [one.name for one in experiment.objectives]
        facts = names, experiment.box.reference, experiment.costs.smallest()
        return facts, [np.asarray(leaf) for leaf in jax.tree.leaves(arrays)]

    write(tmp_path / "data")
    facts, arrays = static(("sport", "travel"))
    for labels in (("travel", "sport"), ("sport", "sport")):
        other_facts, others = static(labels)
        assert other_facts == facts
        assert len(others) == len(arrays)
        for one, other in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_outside_of_the_guard_no_source_is_read():
    found = {
        file.name: ast.unparse(node)
        for file in PACKAGE.rglob("*.py")
        if file.parent.name not in ("data", "sets")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "read"
        if ast.unparse(node.func.value).split(".")[-1] == "source"
    }
    assert found == {}


def test_a_language_without_a_role_cannot_be_inspected():
    source = Source(("a", "b"), lambda: ("de",), lambda language, split: examples("x"))
    with pytest.raises(ConfigError, match="'de'"):
        inspect(source, ROLES, "de", "test")


def examples(*texts: str, pairs: tuple[str, ...] | None = None) -> Examples:
    ids = tuple(map(str, range(len(texts))))
    return Examples("es", "test", ids, texts, np.zeros(len(texts), np.int32), pairs)


@pytest.mark.parametrize(
    "broken", [examples("a", "b\ud800"), examples("a", pairs=("\udcff",))]
)
def test_half_a_character_is_no_text_wherever_it_comes_from(broken):
    with pytest.raises(DataError, match=r"'test' of 'es'.*lone surrogate") as error:
        require_text(broken)
    str(error.value).encode()


def test_entities_are_counted_by_their_beginning(tmp_path):
    folder = write_tagged(tmp_path / "data", num=1)
    for language in ROLES.all:
        for split in ("train", "dev", "test"):
            text = "ana B-PER\nli I-PER\nsaw O\nbo B-PER\n\nthe O\nold B-LOC\n"
            (folder / language / f"{split}.txt").write_text(text)
    (found, *_) = inspect_data(prepare(set_config("conll", folder)))["task"]
    assert found.form.labels == {"O": 2, "LOC": 1, "PER": 2}
