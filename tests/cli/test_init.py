"""From a data file to a configuration that a search accepts, in one command."""

import io
import sys

import numpy as np
import pytest
import yaml

from tests.drafts.material import rows, write_table
from xlnas_jax.cli.main import WRONG_INPUT, run
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.drafts import roles
from xlnas_jax.experiment.prepare import prepare


@pytest.fixture(autouse=True)
def _no_features(monkeypatch):
    monkeypatch.setattr(roles, "is_installed", lambda: False)


@pytest.fixture
def table(tmp_path) -> str:
    return write_table(tmp_path / "all.tsv", rows())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "config.yaml"


class Terminal(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


# Of so few texts as there are here a tokenizer does not learn much.
@pytest.mark.filterwarnings("ignore:the tokenizer should know most")
def test_one_table_in_three_languages_is_enough(table, out, tmp_path, capsys):
    given = ["--data", table, "--model", "scratch", "--budget", "0.3"]
    assert run(["init", *given, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "English (en): " in said
    assert "labels (bad, good)" in said
    assert "source English (en)" in said
    config = load_config(out)
    languages = config.languages
    assert (languages.source, languages.aux_heldout, languages.target) == (
        "en",
        ("fr",),
        ("sw",),
    )
    assert "#" in out.read_text()
    # The limit is that share of the full encoder.
    experiment = prepare(config)
    largest = np.asarray(experiment.space.flatten(experiment.space.largest()))
    full = experiment.costs(largest[None])
    limit = config.constraints.encoder_params
    assert limit == pytest.approx(0.3 * full["encoder_params"][0], abs=1)
    rest = [str(out), "--dry-run", "--run-dir", str(tmp_path / "run")]
    assert run(["search", *rest]) == 0
    assert "Nothing stands in the way" in capsys.readouterr().out


def test_on_a_terminal_what_is_missing_is_asked_for(table, out, capsys, monkeypatch):
    answers = [table, "fr", "en", "", "scratch", "flops:50%"]
    monkeypatch.setattr(sys, "stdin", Terminal("\n".join(answers) + "\n"))
    assert run(["init", "--out", str(out)]) == 0
    asked = capsys.readouterr().err
    for word in ("Data file", "Source language [en]", "Auxiliary [sw]", "Budget [0.5]"):
        assert word in asked
    found = yaml.safe_load(out.read_text())
    assert found["languages"] == {
        "source": "fr",
        "aux_heldout": ["sw"],
        "target": ["en"],
    }
    assert found["constraints"].keys() == {"flops"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--data": "nowhere.tsv"}, "there is none"),
        ({"--model": "no/such/place"}, "model.path: it must be a directory"),
        ({"--budget": "0.0001"}, "The smallest there is takes"),
        ({"--budget": "0.001MB"}, "The smallest there is takes"),
        ({"--targets": "xq"}, "--targets: must name languages"),
        ({"--text-column": "body"}, "--text-column: must be a column"),
        ({"--data": ""}, "--data: must be given where nobody can be asked"),
        ({"--model": ""}, "--model: must be given where nobody can be asked"),
    ],
)
def test_bad_input_is_one_paragraph_and_nothing_is_written(
    table, out, capsys, changes, said
):
    given = {"--data": table, "--model": "scratch", "--budget": "0.3", **changes}
    words = [word for pair in given.items() if pair[1] for word in pair]
    assert run(["init", *words, "--out", str(out)]) == WRONG_INPUT
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_file_that_is_there_stays(table, out, capsys):
    out.write_text("mine")
    assert run(["init", "--data", table, "--out", str(out)]) == WRONG_INPUT
    assert out.read_text() == "mine"
    assert "--overwrite" in capsys.readouterr().err
