"""Every benchmark imports what the package has today."""

import importlib
import pathlib

import pytest

import benchmarks

FOLDER = pathlib.Path(benchmarks.__path__[0])
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    assert importlib.import_module(f"benchmarks.{name}").__doc__
