"""`xlnas ablate`, as a user runs it."""

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


@pytest.mark.slow
def test_it_prints_a_table_and_writes_numbers_a_page_and_a_picture(
    config, tmp_path, capsys
):
    out, plot = tmp_path / "ablated", tmp_path / "parts.svg"
    given = ["ablate", config, "--parts", "limits,adapt", "--seeds", "2"]
    assert run([*given, "--out", str(out), "--plot", str(plot)]) == 0
    shown = capsys.readouterr().out
    assert "part is worth" in shown and "adapt: passed over" in shown
    document = json.loads((out / "comparison.json").read_text())
    assert list(document["parts"]) == ["whole", "limits"]
    assert "no limit on costs" in (out / "comparison.md").read_text()
    assert plot.read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--parts", "limit"], "--parts: must be some of alignment"),
        (["--parts", "adapt"], "adapt (the experiment is without it)"),
        (["--seeds", "0"], "--seeds: must be between 1"),
        (["--plot", "a.txt"], "--plot: must end in one of"),
    ],
)
def test_what_cannot_be_left_out_is_one_paragraph(
    config, options, message, tmp_path, capsys
):
    given = ["ablate", config, "--out", str(tmp_path / "out"), *options]
    assert run(given) == WRONG_INPUT
    errors = capsys.readouterr().err
    assert message in " ".join(errors.split()) and "Traceback" not in errors
