"""What is kept of a run's texts is what they are like, and shows when others come."""

import json
import math

import numpy as np
import pytest
import scipy.stats

from xlnas_jax.export.monitored import (
    FILE,
    PSEUDO_COUNT,
    count,
    observe,
    read_reference,
    script_of,
    stability_index,
)
from xlnas_jax.export.predicting.answers import AnswerPrediction
from xlnas_jax.export.predicting.classes import Prediction
from xlnas_jax.export.predicting.tags import TaggedPrediction
from xlnas_jax.types import CheckpointError

MANY = 10**9


def test_the_index_is_that_of_the_closed_form() -> None:
    # Of shares p and 1-p against their mirror image: 2 (1-2p) ln((1-p)/p).
    p = 0.3
    few, many = round(p * MANY), round((1 - p) * MANY)
    found = stability_index({"a": few, "b": many}, {"a": many, "b": few})
    assert found == pytest.approx(2 * (1 - 2 * p) * math.log((1 - p) / p), rel=1e-6)


def test_the_index_is_the_divergence_both_ways() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.integers(0, 50, (2, 7))
    names = [f"bin {n}" for n in range(7)]
    p, q = ours + PSEUDO_COUNT, theirs + PSEUDO_COUNT
    both = scipy.stats.entropy(p, q) + scipy.stats.entropy(q, p)
    as_counts = (dict(zip(names, one.tolist(), strict=True)) for one in (ours, theirs))
    assert stability_index(*as_counts) == pytest.approx(both, rel=1e-12)


def test_counts_that_are_alike_have_no_index_and_new_bins_a_finite_one() -> None:
    counts = {"a": 30, "b": 12}
    assert stability_index(counts, counts) == 0.0
    assert stability_index(counts, {"a": 3000, "b": 1200}) < 1e-3
    assert 1 < stability_index(counts, {"c": 42}) < math.inf


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("the old city", "LATIN"),
        ("старый город", "CYRILLIC"),
        ("旧市街 old", "CJK"),
        ("المدينة", "ARABIC"),
        ("123 !?", "none"),
        ("", "none"),
        ("аб ab", "CYRILLIC"),
    ],
)
def test_a_script_is_that_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


def test_a_text_falls_into_a_bin_of_every_quantity_that_is_known_of_it() -> None:
    rows = [[1, 7, 0, 2], [1, 7, 2]]
    found = observe("old", rows, 0, Prediction("good", 1.0 + 1e-12, {}))
    assert found == {
        "tokens": ["<=8"],
        "unknown": ["<=0.2"],
        "script": ["LATIN"],
        "label": ["good"],
        "confidence": ["<=1"],
    }
    tagged = TaggedPrediction(("old", "city"), ("O", "B-LOC"), (), 0)
    assert observe(["old", "city"], [[1] * 513], 0, tagged)["label"] == ["O", "B-LOC"]
    assert observe(["old", "city"], [[1] * 513], None, tagged)["tokens"] == [">512"]
    answer = AnswerPrediction("city", 4, 1.0, 0.35)
    assert observe("where", rows, None, answer)["confidence"] == ["<=0.4"]


def test_counts_are_of_texts_in_a_fixed_order() -> None:
    observed = [{"script": ["LATIN"], "label": ["b", "a"]}, {"script": ["CJK"]}]
    found = count(observed)
    assert (found.texts, list(found.counts)) == (2, ["label", "script"])
    assert found.counts == {"label": {"a": 1, "b": 1}, "script": {"CJK": 1, "LATIN": 1}}


@pytest.mark.parametrize(
    "content",
    [
        {"format": 2, "texts": 1, "counts": {}},
        {"format": 1, "texts": True, "counts": {}},
        {"format": 1, "texts": 1, "counts": {"colour": {"a": 1}}},
        {"format": 1, "texts": 1, "counts": {"label": {}}},
        {"format": 1, "texts": 1, "counts": {"label": {"a": -1}}},
        {"format": 1, "texts": 1, "counts": {"label": {"a": 0.5}}},
        {"format": 1, "texts": 1},
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content) -> None:
    assert read_reference(tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"monitoring\.json: must hold counts"):
        read_reference(tmp_path)
