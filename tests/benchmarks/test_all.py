"""Every benchmark imports what the package has today."""

import importlib
import pathlib

import pytest

import benchmarks

FOLDER = pathlib.Path(benchmarks.__path__[0])
NAMES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts)
    for folder in ("", "speed", "search", "evidence")
    for path in (FOLDER / folder).glob("[a-z]*.py")
)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name):
    assert importlib.import_module(f"benchmarks.{name}").__doc__
