"""Predictions are held against a second measurement of the networks held out."""

import importlib
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def latency():
    yield importlib.import_module("benchmarks.speed.latency")


def test_a_second_measurement_that_is_slower_is_noise_and_not_held(
    latency, monkeypatch
):
    calls = []

    def measure(params, space, shape, rows, batch_size, length):
        """Milliseconds by depth alone; the second time half as much again."""
        calls.append(len(rows))
        return (1.0 + space.num_kept(rows)) * (1.0, 1.5)[len(calls) - 1]

    monkeypatch.setattr(latency, "measure_latency", measure)
    given = latency.argparse.Namespace(shape="tiny", networks=20)
    case = latency.measure(given, "3x8")
    assert calls == [20, 10]
    assert (case["batch_size"], case["length"], case["tokens"]) == (3, 8, "3x8")
    assert case["noise"] == pytest.approx(0.5)
    assert case["mape"] == pytest.approx(0.0, abs=1e-5)
    assert case["held"] == 0.0
    assert (case["smallest_ms"], case["full_ms"]) == (2.0, 3.0)
    error, tau = latency.bars(case)
    assert error["is_reached"] and tau["is_reached"]
    _, tau = latency.bars({**case, "tau": None})
    assert not tau["is_reached"]


@pytest.mark.slow
def test_what_a_quick_run_writes_can_be_shown(tmp_path):
    out = tmp_path / "latency.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.latency",
        "--quick",
        "--out",
        out,
    ]
    subprocess.run(command, check=True)
    sys.path.insert(0, str(FOLDER.parent / "tools"))
    try:
        made = importlib.import_module("tables.benchmarks")
    finally:
        sys.path.remove(str(FOLDER.parent / "tools"))
    text = made.benchmark_block("latency", tmp_path)
    assert "error of held-out networks, 1x8 tokens" in text
    assert "--quick" in text
