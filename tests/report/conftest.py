"""Runs that a report is made of, written once."""

import pathlib

import pytest

from tests.report.material import document_of, make_run
from xlnas_jax.report.content import make_content
from xlnas_jax.report.found import Found, read_found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Finished runs `one`, and `s0` to `s2` of one configuration; `going` is not."""
    place = tmp_path_factory.mktemp("reported")
    times = {"seconds": 12.5, "finish": {"front": 1.5}, "environment": {"jax": "0.10"}}
    make_run(place / "one", 0, document_of(0, points=24), measured=times)
    for seed in range(3):
        make_run(place / f"s{seed}", seed, document_of(seed, points=6))
    make_run(place / "going", rounds=9)
    return place


@pytest.fixture(scope="session")
def one(folder: pathlib.Path) -> Found:
    return read_found([folder / "one"])[0]


@pytest.fixture(scope="session")
def content(one: Found) -> dict:
    return make_content([one])
