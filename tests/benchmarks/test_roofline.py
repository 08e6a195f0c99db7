"""FLOPs are those of the work that is done, and shares those of the peak."""

import importlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from xlnas_jax.training.methods import base

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    yield {
        name: importlib.import_module(f"benchmarks.speed.{name}")
        for name in ("problems", "training")
    }


@pytest.fixture(scope="module")
def problem(modules):
    return modules["problems"].make_problem("tiny", 3, 8, 6, steps=2)


def alone(modules, problem, row: np.ndarray) -> int:
    """What one candidate by itself computes."""
    one = problem._replace(indices=row[None])
    return modules["problems"].flops_done(one)


def test_work_of_one_candidate_is_what_the_cost_model_counts(modules, problem):
    rows = problem.indices
    expected = problem.costs(rows)["flops"] * 6  # sentences
    found = [alone(modules, problem, row) for row in rows]
    np.testing.assert_array_equal(found, expected)


def test_copies_of_a_candidate_add_only_their_read_out(modules, problem):
    row = problem.indices[0]
    copies = problem._replace(indices=np.repeat(row[None], 4, axis=0))
    head = problem.costs.heads[0].flops(problem.shape.width, 8)
    expected = alone(modules, problem, row) + 3 * head * 6
    assert modules["problems"].flops_done(copies) == expected


def test_the_masked_form_computes_the_supernet_for_a_whole_chunk(modules, problem):
    flops = modules["problems"].flops_done
    largest = np.asarray(problem.space.flatten(problem.space.largest()))
    full = alone(modules, problem, largest)
    assert flops(problem, "masked", 4) == 8 * full
    assert flops(problem, "masked", 3) == 6 * full


def test_a_full_step_counts_three_forward_passes_of_its_batch(modules, problem):
    largest = np.asarray(problem.space.flatten(problem.space.largest()))
    flops = modules["training"].step_flops(problem)
    assert flops["full"] == 3 * 3 * int(problem.costs(largest[None])["flops"][0])
    assert flops["sandwich"] > flops["full"]


def test_a_timed_sandwich_trains_the_networks_that_are_counted(modules, problem):
    drawn = base.networks
    with modules["training"].fixed_sandwich(problem) as calls:
        every = base.networks(problem.space, None, 2)
        only = base.networks(problem.space, None, 0)
    assert base.networks is drawn
    assert calls == [2, 0]
    expected = problem.space.flatten(modules["training"].sandwich_networks(problem))
    np.testing.assert_array_equal(problem.space.flatten(every), expected)
    np.testing.assert_array_equal(problem.space.flatten(only), expected[:2])


@pytest.mark.parametrize("kind", ["classification", "tagging", "qa"])
def test_every_task_is_scored_on_all_its_rows(modules, kind):
    problems = modules["problems"]
    problem = problems.make_problem("tiny", 3, 8, 2, steps=2, kind=kind)
    score = problems.make_scorer(problem, "sliced")
    found = score(*problems.score_arguments(problem))
    metrics = problem.task.metrics(found)
    assert np.isfinite(metrics["loss"]).all()
    assert found[..., 0].min() > 0  # something was counted for every candidate


@pytest.mark.slow
def test_a_quick_run_holds_the_work_against_the_peak(tmp_path):
    out = tmp_path / "roofline.json"
    options = ["--quick", "--parts", "scoring", "--forms", "sliced", "masked:4"]
    command = [
        sys.executable,
        "-m",
        "benchmarks.speed.roofline",
        *options,
        "--out",
        out,
    ]
    subprocess.run(command, check=True)
    document = json.loads(out.read_text())
    (case,) = document["cases"]
    for form in ("sliced", "masked:4"):
        facts = case["scoring"]["forms"][form]
        rate = facts["flops"] / facts["seconds"]["max"]
        assert facts["flops_per_second"]["min"] == pytest.approx(rate)
        done = facts["flops_done"] / facts["flops"]
        share = facts["share_of_peak"]["median"] * done
        assert facts["share_of_peak_done"]["median"] == pytest.approx(share)
    sliced, masked = case["scoring"]["forms"].values()
    assert sliced["flops_done"] <= sliced["flops"] <= masked["flops_done"]
    expected = (
        "python -m benchmarks.speed.roofline --quick --parts scoring --forms sliced"
    )
    assert document["command"] == f"{expected} masked:4"
