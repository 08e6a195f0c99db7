"""What `xlnas serve` says before it listens."""

import sys
from pathlib import Path

import pytest

from xlnas_jax.cli.main import run
from xlnas_jax.serve.access import VARIABLE


def test_without_its_libraries_it_says_what_to_install(monkeypatch, capsys) -> None:
    monkeypatch.delitem(sys.modules, "xlnas_jax.serve.listen", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(["serve", "model"]) == 2
    assert "pip install 'xlnas-jax[serve]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "must be the directory of an exported model; got no such directory"),
        (["."], "an exported model must hold config.json"),
        ([], "at least one directory"),
        (["a/x", "b/x"], "every model must have a name of its own"),
        (["x", "--host", "0.0.0.0"], "beyond this machine a server must have tokens"),
        (["x", "--tokens", "none"], "none (from "),
        (["x", "--tokens", "empty"], "at least one token, one a line; got none"),
        (["x", "--batch-size", "3"], "--batch-size: must be a power of two"),
    ],
)
def test_what_is_wrong_is_said_in_one_paragraph(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "empty").write_text("\n \n")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path / "here")
    assert run(["serve", "--port", "0", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
