"""`xlnas compare`, as a user runs it."""

import json

import pytest

from tests.experiments import tiny_config
from xlnas_jax.cli.main import WRONG_INPUT, run
from xlnas_jax.config.reading.file import dump_config


@pytest.fixture
def config(tmp_path) -> str:
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(tiny_config()))
    return str(file)


def test_it_prints_tables_and_writes_numbers_a_page_and_a_picture(
    config, tmp_path, capsys
):
    out, plot = tmp_path / "compared", tmp_path / "methods.svg"
    given = ["compare", config, "--methods", "finetune", "--seeds", "1"]
    assert run([*given, "--steps", "2", "--out", str(out), "--plot", str(plot)]) == 0
    shown = capsys.readouterr().out
    assert "Test accuracy (%), mean of 1 seed, 2 steps" in shown
    assert "By language (%)" in shown and "ca (target)" in shown
    document = json.loads((out / "comparison.json").read_text())
    assert document["methods"] == {"finetune": "Devlin et al. 2019"}
    page = (out / "comparison.md").read_text()
    mean = 100 * document["summary"]["task"]["finetune"]["target_mean"]
    assert f"| {mean:.1f} |" in page and "| ca (target) |" in page
    assert plot.read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--methods", "finetun"], "Did you mean 'finetune'?"),
        (["--methods", "finetune", "--steps", "0"], "--steps: must be at least 1"),
        (["--methods", "finetune", "--seeds", "0"], "--seeds: must be between 1"),
        (["--methods", "finetune,distill"], "must tune the full network"),
        (["--methods", "finetune", "--plot", "a.txt"], "--plot: must end in one of"),
    ],
)
def test_what_cannot_be_compared_is_one_paragraph(
    config, options, message, tmp_path, capsys
):
    given = ["compare", config, "--out", str(tmp_path / "out"), *options]
    assert run(given) == WRONG_INPUT
    errors = capsys.readouterr().err
    assert message in " ".join(errors.split()) and "Traceback" not in errors
