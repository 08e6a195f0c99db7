"""A model is scored on a file or a configuration, in the model's own labels."""

from pathlib import Path

import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.export.conftest import LABELS
from xlnas_jax.config_file import dump_config
from xlnas_jax.export.evaluation import evaluate_model, read_labelled
from xlnas_jax.types import DataError

FILE = "words\tkind\nold river\tscript\nnew city\tterritory\nmany people\tscript\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "names.tsv"
    path.write_text(FILE)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(tiny_config()))
    return path


def test_a_file_is_read_by_its_columns(table):
    (code, part), *rest = read_labelled(table, ("en",), "words", "kind", LABELS).items()
    assert code == "en" and not rest
    assert part.texts == ("old river", "new city", "many people")
    assert [LABELS[i] for i in part.labels] == ["script", "territory", "script"]


def test_a_label_the_model_does_not_know_is_told(table, config):
    with pytest.raises(DataError, match=r"line 2.*'script'"):
        read_labelled(table, ("en",), "words", "kind", ("territory",))
    with pytest.raises(DataError, match=r"\['currency'\]"):
        read_labelled(config, (), "text", "label", LABELS)


def test_a_configuration_is_read_in_the_order_of_the_models_labels(config):
    theirs = ("territory", "language", "script", "currency")
    ours = theirs[::-1]
    one = read_labelled(config, (), "text", "label", theirs)
    other = read_labelled(config, (), "text", "label", ours)
    assert list(one) == ["en", "fr", "pt", "it", "es", "ca"]
    for code, part in one.items():
        names = [theirs[i] for i in part.labels]
        assert [ours[i] for i in other[code].labels] == names
    assert list(read_labelled(config, ("es",), "text", "label", theirs)) == ["es"]


def test_scores_are_those_of_the_models_own_predictions(subnet, table):
    parts = read_labelled(table, ("en",), "words", "kind", LABELS)
    scores = evaluate_model(subnet, parts)["en"]
    guessed = [p.label for p in subnet.predict(list(parts["en"].texts))]
    right = np.mean(
        [g == LABELS[i] for g, i in zip(guessed, parts["en"].labels, strict=True)]
    )
    assert scores["examples"] == 3
    assert scores["accuracy"] == pytest.approx(right, abs=1e-6)
