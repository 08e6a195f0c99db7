"""Memory is read where it is, and does not grow with the population."""

import importlib
import json
import pathlib
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def memory():
    yield importlib.import_module("benchmarks.speed.memory")


def run(tmp_path: pathlib.Path, part: str) -> dict:
    """A part of a quick run; shapes of arrays are not checked in its process."""
    out = tmp_path / "memory.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.memory",
        "--quick",
        "--parts",
        part,
    ]
    subprocess.run([*command, "--out", out], check=True)
    return json.loads(out.read_text())


@pytest.mark.slow
def test_what_a_form_holds_does_not_grow_with_the_population(tmp_path):
    document = run(tmp_path, "scoring")
    for small, large in document["scoring"].values():
        assert large["population"] == 4 * small["population"]
        # All that may grow are the candidates' own rows and sums.
        assert large["temporaries"] <= small["temporaries"] + 2**14
        assert large["outputs"] == 4 * small["outputs"]
    assert all(bar["is_reached"] for bar in document["bars"])


@pytest.mark.slow
def test_a_sandwich_step_without_remat_holds_more(tmp_path):
    steps = run(tmp_path, "training")["training"]
    with_remat, without = steps["sandwich"], steps["sandwich, no remat"]
    assert with_remat["temporaries"] < without["temporaries"]


@pytest.mark.slow
def test_a_process_of_its_own_scores_as_many_as_it_is_told(memory):
    found = memory.child("tiny", "4x8", "sliced", 4, 3)
    assert found["candidates"] == 12
    assert found["resident_peak"] >= found["resident_before"] > 0


def test_bars_compare_the_largest_size_with_the_smallest(memory):
    def size(population: int, compiled: int, used: int) -> dict:
        return {
            "population": population,
            "candidates": population,
            "compiled": compiled,
            "resident_before": 10,
            "resident_peak": 10 + used,
        }

    scoring = {"sliced": [size(8, 100, 0), size(64, 105, 2**24 + 1)]}
    compiled, resident, calls = memory.bars(scoring, [size(4, 0, 5), size(8, 0, 5)])
    assert compiled["value"] == pytest.approx(1.05)
    assert compiled["is_reached"]
    assert not resident["is_reached"]
    assert calls["value"] == 0
