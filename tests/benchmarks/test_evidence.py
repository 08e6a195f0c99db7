"""Experiments on a finished search that had a teacher."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.evidence import aligned, distillation, mixed, ranking
from benchmarks.evidence.refit import make_refit
from benchmarks.evidence.restored import restore
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.alignment.measures.registry import MEASURES
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.results.finish import Rescore
from xlnas_jax.run.run import run_search

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tiny_config(controller=RANDOM)
    config = dataclasses.replace(
        base,
        languages=dataclasses.replace(base.languages, unlabelled=("pt", "nl")),
        train=dataclasses.replace(
            base.train, method="distill", kd_vector=1.0, pretune_steps=6
        ),
        search=dataclasses.replace(
            base.search, rounds=1, objectives=("divergence", "flops"), control=False
        ),
    )
    folder = tmp_path_factory.mktemp("evidence") / "run"
    run_search(config, folder)
    return folder


def told(module: Any, monkeypatch: Any, out: Path, *options: str) -> dict[str, Any]:
    monkeypatch.setattr("sys.argv", ["benchmark", *options, "--out", str(out)])
    module.main()
    return json.loads(out.read_text("utf-8"))


def test_rankings_are_compared_and_nothing_is_measured_twice(
    run, tmp_path, monkeypatch
) -> None:
    options = [str(run), "--quick", "--steps", "12", "--shares", "0.6"]
    found = told(ranking, monkeypatch, tmp_path / "one.json", *options)
    (size,) = found["sizes"].values()
    (own,) = size["runs"]
    assert own["signals"].keys() >= {
        "divergence, as cut",
        "error, norms refitted",
        "divergence, 10 steps",
        "divergence, tuned 10x0.0002",
    }
    assert len(own["networks"]) == 3
    monkeypatch.setattr(ranking, "make_measure", lambda *_: None)
    again = told(ranking, monkeypatch, tmp_path / "two.json", *options)
    assert again["sizes"] == found["sizes"]


def test_distillation_is_held_against_labels(run, tmp_path, monkeypatch) -> None:
    found = told(distillation, monkeypatch, tmp_path / "d.json", str(run), "--quick")
    (own,) = found["runs"]
    (case,) = own["structures"]
    assert case["target_mean"].keys() == set(distillation.WAYS)
    assert 0.0 <= own["full"] <= 1.0


@pytest.mark.filterwarnings("ignore:the tokenizer should know")
def test_alignment_is_held_against_transfer(run, tmp_path, monkeypatch) -> None:
    plot = tmp_path / "aligned.png"
    options = [str(run), "--quick", "--pairs", "20", "--plot", str(plot)]
    found = told(aligned, monkeypatch, tmp_path / "a.json", *options)
    roles = tiny_config().languages
    assert roles is not None
    count = len(roles.aux_train) + len(roles.aux_heldout) + len(roles.target)
    assert len(found["languages"]) == count + aligned.FEW
    for one in found["languages"].values():
        assert 0.0 <= one["accuracy"] <= 1.0 and one["distances"]["all"] > 0.0
    own = found["correlations"]
    assert set(own["measures"]) == set(MEASURES)
    for one in (own["measures"]["score"], own["distances"]["genetic"]):
        assert -1.0 <= one["low"] <= one["value"] <= one["high"] <= 1.0
    assert plot.stat().st_size > 5_000


def test_texts_are_held_against_each_other_alone_and_mixed(
    tmp_path, monkeypatch
) -> None:
    found = told(mixed, monkeypatch, tmp_path / "m.json", "--quick")
    assert set(found["arms"]) == {mixed.TRANSLATED, *mixed.ARMS}
    for name in mixed.ARMS:
        for one in found["arms"][name].values():
            assert 0.0 <= one["accuracy"] <= 100.0 and -1.0 <= one["cka"] <= 1.0
    # Where nothing is mixed it is the same whether texts stand side by side.
    for one in found["arms"]["consistency alone"].values():
        for what in ("centroid_distance", "cka", "accuracy"):
            assert one[what] == pytest.approx(one[f"{what}_of_pairs"], rel=1e-4)
    assert len(found["bars"]) == 6


def test_norms_of_the_full_network_fit_already(run) -> None:
    experiment, engine, _, rows, _, teacher = restore(run)
    refit = make_refit(experiment, rows, teacher)
    full = np.asarray(experiment.space.num_choices, np.int32) - 1
    score = Rescore(experiment, engine, refit(teacher, full), as_is=True)
    assert score(full[None]).objectives[0, 0] < 1e-4
    # And of a cut one they do what they are for: its features are the teacher's again.
    row = draw_feasible(experiment, 1, "control")[0]
    refitted = refit(teacher, row)
    before = teacher.encoder.layers.attention_norm.scale
    after = refitted.encoder.layers.attention_norm.scale
    assert np.abs(np.asarray(before) - np.asarray(after)).max() > 1e-4
