"""One distance of several kinds, each by its weight and what is known."""

import numpy as np
import pytest

from xlnas_jax.config.languages import DistanceConfig
from xlnas_jax.languages.distance.composite import Distances, measure
from xlnas_jax.languages.distance.typology import distance
from xlnas_jax.types import ConfigError

NOTHING = {
    "syntactic": 0.0,
    "phonological": 0.0,
    "inventory": 0.0,
    "genetic": 0.0,
    "script": 0.0,
    "subwords": 0.0,
}


def only(**weights: float) -> DistanceConfig:
    return DistanceConfig(**{**NOTHING, **weights})


def test_each_kind_counts_by_weight_and_confidence() -> None:
    values = {"a": np.full((1, 1), 0.2), "b": np.full((1, 1), 0.8)}
    confidence = {"a": np.full((1, 1), 1.0), "b": np.full((1, 1), 0.5)}
    made = Distances(("en",), values, confidence, {"a": 1.0, "b": 2.0})
    assert made.combined()[0, 0] == pytest.approx((0.2 + 0.8) / 2)
    assert made.combined_confidence()[0, 0] == pytest.approx(2 / 3)


def test_what_is_not_known_does_not_count() -> None:
    values = {"a": np.full((1, 1), 0.3), "b": np.full((1, 1), np.nan)}
    confidence = {"a": np.ones((1, 1)), "b": np.zeros((1, 1))}
    made = Distances(("en",), values, confidence, {"a": 0.1, "b": 0.9})
    assert made.combined()[0, 0] == pytest.approx(0.3)


def test_one_kind_alone_is_that_kind() -> None:
    made = measure(("en", "fr", "yo"), only(syntactic=1.0))
    assert made.combined()[0, 1] == pytest.approx(
        distance("syntactic", "eng", "fra")[0]
    )
    assert np.allclose(np.diag(made.combined()), 0.0)


def test_near_languages_are_nearer() -> None:
    made = measure(("nl", "de", "fr", "yo"), DistanceConfig())
    row = made.combined()[0]
    assert row[0] == 0.0 and row[1] < row[2] < row[3]
    assert (made.combined_confidence() <= 1.0).all()


def test_sub_words_are_one_sided_and_need_text() -> None:
    pieces = {"en": [[1, 2]], "fr": [[1, 2, 3, 4]]}
    made = measure(("en", "fr"), only(subwords=1.0), pieces)
    assert made.combined().tolist() == [[0.0, 0.5], [0.0, 0.0]]
    with pytest.raises(ConfigError, match=r"French \(fr\) and English \(en\)"):
        measure(("fr", "en"), only(subwords=1.0), {"fr": [[1]]})


def test_scripts_are_compared_as_codes_name_them() -> None:
    made = measure(("sr", "sr-Latn", "en"), only(script=1.0))
    assert made.combined().tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


def test_invented_languages_are_known_by_their_text_alone() -> None:
    pieces = {"en": [[1, 2]], "x-near": [[2, 3]]}
    made = measure(("en", "x-near"), DistanceConfig(), pieces)
    assert made.combined()[0, 1] == pytest.approx(0.5)
    assert made.combined_confidence()[0, 1] == pytest.approx(0.1)
    with pytest.raises(ConfigError, match="x-near"):
        measure(("en", "x-near"), DistanceConfig())


def test_some_kind_must_count() -> None:
    with pytest.raises(ConfigError, match="some kind must count"):
        only()
    with pytest.raises(ConfigError, match="syntactic"):
        DistanceConfig(syntactic=-1.0)
