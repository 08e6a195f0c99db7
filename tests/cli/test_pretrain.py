"""`xlnas pretrain`, as a user runs it."""

import json

import pytest

from tests.pretraining.planted import make_config, write_corpus
from xlnas_jax.cli.main import WRONG_INPUT, run
from xlnas_jax.config.reading.file import dump_config


@pytest.fixture
def config(tmp_path) -> str:
    write_corpus(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(make_config(tmp_path)))
    return str(file)


@pytest.mark.slow
def test_it_shows_the_curves_and_the_path_of_the_model(config, tmp_path, capsys):
    options = ["--set", "pretrain.steps=2", "pretrain.sandwich=false"]
    given = ["pretrain", config, "--run-dir", str(tmp_path / "run"), *options]
    assert run(given) == 0
    shown = capsys.readouterr().out
    assert "Held-out text" in shown and "French" in shown
    model = tmp_path / "run" / "model"
    assert shown.rstrip().endswith(str(model))
    facts = json.loads((model / "pretraining.json").read_text())
    assert facts["steps"] == 2 and facts["heldout"]["last"]["largest"]["p_at_1"]
    # The same command again finds it finished.
    assert run(given) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["pretrain.mlm=0", "pretrain.tlm=0", "pretrain.ranking=0"], "some loss must"),
        (["pretrain.languages=[en, fr, sw]"], "there must be text of Swahili (sw)"),
        (["search.rounds=3"], "search: there is no such option"),
    ],
)
def test_what_cannot_be_pretrained_is_one_paragraph(config, options, message, capsys):
    assert run(["pretrain", config, "--set", *options]) == WRONG_INPUT
    errors = capsys.readouterr().err
    assert message in " ".join(errors.split()) and "Traceback" not in errors
