"""What is collected from finished searches, on made-up ones."""

from typing import Any

import numpy as np
import pytest

from benchmarks.evidence import chosen_by, few_labels, without_labels
from xlnas_jax.tasks.divergence import with_divergence
from xlnas_jax.tasks.registry import make_task


def test_what_few_labels_lose_is_the_best_score_less_the_chosen_one() -> None:
    task = with_divergence(make_task("classification", ("a", "b"), 1))
    # Rows of three networks: the first is right half of the time, the second always.
    right, wrong = [1.0, 0.1, 1.0, 0, 0, 0], [1.0, 2.0, 0, 1.0, 0, 0]
    near, far = [0.1, 1.0], [0.9, 1.0]
    rows = np.asarray(
        [
            [[*right, *far], [*wrong, *far]] * 5,
            [[*right, *far]] * 10,
            [[*wrong, *near]] * 10,
        ]
    )
    rivals = few_labels.Rivals(
        target=np.asarray([0.5, 0.8, 0.6]),
        heard=np.asarray([0.1, 0.2, 0.3]),
        source=np.asarray([0.3, 0.3, 0.9]),
        statistics={"fr": rows, "sw": rows},
    )
    found = few_labels.lost(task, [rivals], draws=2)
    by = {
        (one["by"], one.get("languages"), one.get("sentences")): one["lost"]
        for one in found
    }
    assert by[few_labels.BLIND, None, None] == pytest.approx((0.3 + 0.0 + 0.2) / 3)
    assert by[few_labels.SOURCE, None, None] == pytest.approx(
        0.15
    )  # of a tie, the mean
    assert by[few_labels.HEARD, None, None] == pytest.approx(0.3)
    for count in (1, 2):
        assert by[few_labels.LABELS, count, 10] == pytest.approx(0.0)
        assert by[few_labels.TEXT, count, 10] == pytest.approx(0.2)


def test_what_is_lost_without_labels_is_told_by_who_was_heard() -> None:
    def point(params: int, **scores: float) -> dict[str, Any]:
        return {
            "costs": {"encoder_params": params, "params": 3 * params},
            "languages": {code: {"p_at_1": value} for code, value in scores.items()},
        }

    networks = [
        {**point(25, de=0.8, fr=0.9, am=0.5), "kind": "found", "places": ["1/4"]},
        {**point(20, de=0.7, fr=0.7, am=0.4), "kind": "bottom", "places": ["1/4"]},
    ]
    roles = {"source": "en", "target": ["de", "fr", "am"], "unlabelled": ["de", "fr"]}
    document = {
        "seed": 3,
        "tasks": {"task": {"primary": "p_at_1", "roles": roles}},
        "baselines": {"full": point(100, de=0.9, fr=1.0, am=0.8)},
        "finalists": {"networks": networks, "winner": 0},
    }
    found = without_labels.of_document(document)
    assert found["languages"] == {"seen": ["de", "fr"], "unseen": ["am"]}
    picked = found["networks"]["picked"]
    assert picked["lost"] == pytest.approx({"seen": 10.0, "unseen": 30.0})
    assert picked["share_of_encoder"] == 0.25
    assert found["networks"]["bottom 1/4"]["mean"]["seen"] == pytest.approx(0.7)


def test_what_a_criterion_loses_is_the_best_found_network_less_the_chosen_one() -> None:
    def network(name: str, kind: str, flops: int, measured: tuple, mean: float) -> dict:
        error, divergence = measured
        metrics = {"error": error, "loss": 1 - error, "divergence": divergence}
        return {
            "id": name,
            "kind": kind,
            "places": ["1/4"] if kind == "uniform" else ["tried"],
            "costs": {"flops": flops},
            "selection": {"fr": metrics, "sw": {"divergence": divergence}},
            "summary": {"target_mean": mean},
        }

    networks = [
        network("a", "found", 250, (0.1, 3.0), 0.6),
        network("b", "found", 240, (0.3, 1.0), 0.5),
        network("c", "found", 200, (0.15, 1.2), 0.7),
        # What is above the budget, or was not found, is not chosen.
        network("d", "found", 260, (0.0, 0.0), 0.9),
        network("e", "uniform", 200, (0.0, 0.0), 0.9),
        # It was also found: once among all.
        network("c", "uniform", 200, (0.15, 1.2), 0.7),
    ]
    full = {"costs": {"flops": 1000}}
    run = {
        "seed": 3,
        "finalists": {"networks": networks},
        "networks": {"full": full},
    }
    (case,) = chosen_by.of_run(run)
    assert (case["seed"], case["place"], case["networks"]) == (3, "1/4", 3)
    assert case["best"] == 0.7
    assert case["lost"] == pytest.approx(
        {"error": 0.1, "loss": 0.2, "divergence": 0.2, "both": 0.0}
    )
    assert len(chosen_by.distinct(networks)) == 5
