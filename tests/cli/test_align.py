"""`xlnas align`, as a user runs it."""

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


def test_it_prints_tables_and_writes_numbers_and_a_picture(config, tmp_path, capsys):
    out, plot = tmp_path / "alignment.json", tmp_path / "alignment.svg"
    given = ["align", config, "--language", "es", "--language", "fr", "--pairs", "20"]
    assert run([*given, "--out", str(out), "--plot", str(plot)]) == 0
    shown = capsys.readouterr().out
    assert "Alignment with en English by layer" in shown and "ca Catalan" not in shown
    document = json.loads(out.read_text())
    assert list(document["languages"]) == ["es", "fr"]
    assert plot.read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pairs", "3"], "--pairs: must be at least 4; got 3."),
        (["--language", "xx"], "unknown"),
        (["--language", "sw"], "only a language with a role"),
        (["--plot", "picture.txt"], "--plot: must end in one of"),
    ],
)
def test_what_cannot_be_measured_is_one_paragraph(config, options, message, capsys):
    assert run(["align", config, *options]) == WRONG_INPUT
    errors = capsys.readouterr().err
    assert message in " ".join(errors.split()) and "Traceback" not in errors
