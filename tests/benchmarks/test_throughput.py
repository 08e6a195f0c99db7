import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.speed import throughput
from benchmarks.speed.throughput import (
    LOGIT_TOLERANCE,
    SETTINGS,
    TINY,
    TORCH,
    UnequalError,
    Worker,
    require_equal,
    sub_networks,
    synthetic,
)

SCRIPT = pathlib.Path(throughput.__file__)


@pytest.fixture(scope="module")
def made():
    return synthetic(TINY, 3, 8)


@pytest.fixture(scope="module")
def torch_worker(tmp_path_factory):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    folder = tmp_path_factory.mktemp("worker")
    worker = Worker("torch", sys.executable, TORCH.script, folder)
    with contextlib.closing(worker):
        yield worker


def outputs(worker: Worker, made, folder: pathlib.Path) -> dict[str, np.ndarray]:
    file = folder / "outputs.npz"
    request = {"options": TORCH.options, "outputs": str(file)}
    worker.ask("load", **made.save(folder), **request)
    with np.load(file) as found:
        return dict(found)


def perturbed(made, name: str):
    """The same case with one weight of one layer changed."""
    weights = dict(made.case.weights)
    weights[name] = weights[name].copy()
    weights[name][0, 0] += 0.05
    case = dataclasses.replace(made.case, weights=weights)
    return dataclasses.replace(made, case=case)


def run(*arguments: str) -> dict:
    file = pathlib.Path(arguments[0])
    command = [sys.executable, "-m", throughput.__name__, "--quick", "--repeats", "2"]
    # What other runs compiled saves time here, where nobody asks for it.
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "true"}
    subprocess.run(
        [*command, "--out", *arguments],
        check=True,
        capture_output=True,
        env=environment,
    )
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_quick_run_measures_systems_with_equal_logits(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    found = run(str(tmp_path / "found.json"), "--sib200", str(tmp_path / "none"))
    (case,) = found["cases"]
    assert set(case["systems"]) == {"ours, sliced", TORCH.name}
    assert set(found["workers"]) == set(case["systems"])
    assert 0.0 < case["systems"][TORCH.name]["max_logit_difference"] < LOGIT_TOLERANCE
    assert case["ratios"]["ours, sliced"][TORCH.name]["repeats"] == 2
    assert case["bars"][TORCH.name]["at_least"] == 1.9
    assert list(found["not_measured"]) == ["SIB-200"]
    rates = case["systems"]["ours, sliced"]["candidates_per_second_with_compilation"]
    assert rates["32"] < rates["256"] < rates["1024"]


@pytest.mark.slow
def test_real_sentences_get_the_same_accuracies_however_batched(
    tmp_path, shared, minilm
):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    data = str(shared / "data" / "sib200")
    found = run(str(tmp_path / "found.json"), "--sib200", data)
    assert not found["not_measured"]
    ours, loop = found["cases"][1]["systems"].values()
    assert ours["padding_share"] < loop["padding_share"]
    assert loop["max_logit_difference"] < LOGIT_TOLERANCE


@pytest.mark.parametrize(
    "name", ["encoder.layers.query.kernel", "encoder.layers.down.bias"]
)
def test_a_worker_with_other_weights_is_found_out(torch_worker, made, tmp_path, name):
    right = outputs(torch_worker, made, tmp_path)
    wrong = outputs(torch_worker, perturbed(made, name), tmp_path)
    assert require_equal("tiny", {"one": right, "same": right}) == {"same": 0.0}
    with pytest.raises(UnequalError, match="between one and other"):
        require_equal("tiny", {"one": right, "other": wrong})


def test_a_worker_that_gives_no_number_is_found_out():
    right = {"logits": np.zeros((2, 3, 4)), "accuracy": np.zeros((2, 1))}
    wrong = {**right, "logits": np.full((2, 3, 4), np.nan)}
    with pytest.raises(UnequalError, match="got nan"):
        require_equal("tiny", {"one": right, "other": wrong})


def test_other_accuracies_are_found_out():
    right = {"logits": np.zeros((2, 3, 4)), "accuracy": np.zeros((2, 1))}
    wrong = {**right, "accuracy": np.full((2, 1), 0.1)}
    with pytest.raises(UnequalError, match="accuracies must be the same"):
        require_equal("tiny", {"one": right, "other": wrong})


def test_a_failure_in_a_worker_is_told_with_its_name(torch_worker):
    with pytest.raises(RuntimeError, match=r"(?s)torch: load failed.*No such file"):
        torch_worker.ask("load", case="none.npz", weights="none.npz", options={})


@pytest.mark.parametrize("setting", SETTINGS[:2], ids=lambda s: s.name)
def test_candidates_keep_their_first_layers(setting):
    case = synthetic(dataclasses.replace(setting, width=setting.num_heads), 1, 8).case
    keep = case.rows[:, : setting.layers]
    np.testing.assert_array_equal(keep, np.sort(keep, axis=1)[:, ::-1])
    np.testing.assert_array_equal(keep.sum(1), case.depth)
    assert case.depth.min() >= setting.min_layers
    assert [len(case.sizes(i)) for i in range(setting.candidates)] == list(case.depth)


@pytest.mark.parametrize("setting", SETTINGS[:2], ids=lambda s: s.name)
def test_whittle_gets_as_much_work_as_each_candidate(setting):
    made = synthetic(setting, 1, 16)
    chosen, ratios = sub_networks(made.case, made.flops)
    assert [sizes["depth"] for sizes in chosen] == list(made.case.depth)
    np.testing.assert_allclose(ratios, 1.0, atol=0.02)
    widths = [int(sizes["mlp_ratio"] * sizes["embed_dim"]) for sizes in chosen]
    assert all(width % 8 == 0 and width <= setting.ffn_size for width in widths)
