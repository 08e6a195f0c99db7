"""Runs are compared with one device's, and the projection follows its formula."""

import importlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scaling():
    yield importlib.import_module("benchmarks.speed.scaling")


@pytest.fixture(scope="module")
def problem(scaling):
    return scaling.make_problem("tiny", 4, 8, 16)


def facts(sent: int) -> dict:
    scoring = {
        "seconds": 0.5,
        "bytes_per_device": sent,
        "bytes_of_all": 2 * sent,
        "collectives": {"all-reduce": 3} if sent else {},
    }
    return {"scoring": scoring, "weight_step": {}}


@pytest.fixture
def runs(scaling):
    found = {
        "1 device": (facts(0), {"error": np.asarray([0.25, 0.5, 0.125])}),
        "2 devices": (facts(96), {"error": np.asarray([0.25, 0.5, 0.5625])}),
    }
    return scaling.compare(found, {"population": 16})


def test_differences_and_rankings_are_those_to_one_device(runs):
    one, two = runs
    assert one["largest_difference"] == {"error": 0.0}
    assert two["largest_difference"] == {"error": 0.4375}
    assert (one["same_ranking"], two["same_ranking"]) == (True, False)
    assert (one["bytes_per_candidate"], two["bytes_per_candidate"]) == (0, 12)


def test_bars_say_what_is_not_equal(scaling, runs):
    balance = [{"imbalance": {"max": 0.25}}]
    values = [bar["value"] for bar in scaling.bars(runs, balance)]
    assert values == [0.4375, 1.0, 0.25]
    assert not any(bar["is_reached"] for bar in scaling.bars(runs, balance))


def test_the_projection_is_its_formula(scaling, problem, runs):
    found = scaling.project(problem, runs, bandwidth=1e6, latency=0.25)
    assert found["bytes_per_device"] == 96 / 16 * 4096
    busiest, host = found["busiest_device_seconds"], found["host_seconds"]
    messages = 96 / 16 * 4096 / 1e6 + 3 * 0.25
    assert found["seconds"] == pytest.approx(busiest + host + messages)
    alone = found["efficiency"] * found["seconds"] * 256
    shared = busiest / (1 + found["imbalance"]) * 256
    assert shared == pytest.approx(alone * (1 + found["work_done_again"]))


def test_populations_of_reinforce_move_towards_what_it_learns(scaling, problem):
    drawn = dict(scaling.learnt(problem, 0))
    assert list(drawn) == [0, 10, 20, 30, 39]
    flops = {n: problem.costs(rows)["flops"].mean() for n, rows in drawn.items()}
    assert flops[39] > flops[0]


@pytest.mark.slow
@pytest.mark.multiprocess
def test_devices_and_processes_find_the_same(tmp_path):
    out = tmp_path / "scaling.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.scaling",
        "--quick",
        "--repeats",
        "1",
    ]
    subprocess.run([*command, "--out", str(out)], check=True)
    document = json.loads(out.read_text())
    assert [bar["is_reached"] for bar in document["bars"]] == [True] * 3
    sent = [run["scoring"]["bytes_per_device"] for run in document["runs"]]
    # The sums of 16 candidates; processes send what devices of one would.
    assert sent[0] == 0 and sent[1] == sent[2] > 0
    assert sent[1] % (16 * 4) == 0
