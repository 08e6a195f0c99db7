"""A fresh classifier of languages, beside scikit-learn's, and what it cannot know."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from xlnas_jax.alignment.probe import fit, probe
from xlnas_jax.types import DataError

LANGUAGES = ("en", "fr", "sw")


def spaces(offset: float, count: int = 60, width: int = 6):
    """The same meanings in every language, moved by the language, with little noise."""
    rng = np.random.default_rng(0)
    meanings = rng.normal(size=(count, width))
    moves = offset * np.eye(width)[: len(LANGUAGES)]
    return {
        code: {
            str(n): one + move + 0.01 * rng.normal(size=width)
            for n, one in enumerate(meanings)
        }
        for code, move in zip(LANGUAGES, moves, strict=True)
    }


def test_its_weights_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    classes = rng.integers(0, 3, 80)
    vectors = rng.normal(size=(80, 5)) + 0.5 * np.eye(5)[classes]
    theirs = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(vectors, classes)
    ours = fit(vectors, classes, 3, penalty=2.0)
    np.testing.assert_allclose(ours.kernel, theirs.coef_.T, atol=1e-3)
    scores, expected = ours.scores(vectors), theirs.predict_proba(vectors)
    said = np.exp(scores - scores.max(1, keepdims=True))
    np.testing.assert_allclose(said / said.sum(1, keepdims=True), expected, atol=1e-3)


def test_languages_that_lie_apart_are_named_and_equal_ones_by_chance() -> None:
    apart = probe(spaces(offset=5.0))
    assert apart.accuracy > 0.98 and apart.chance == pytest.approx(1 / 3)
    same = spaces(offset=0.0)["en"]
    equal = probe(dict.fromkeys(LANGUAGES, same))
    # Were a translation on the other side of the division, it would be below.
    assert equal.accuracy == pytest.approx(equal.chance)


def test_the_farther_they_lie_apart_the_better_they_are_named() -> None:
    found = [probe(spaces(offset)).accuracy for offset in (0.0, 0.3, 1.0, 3.0)]
    assert found == sorted(found) and found[0] < 0.5 < 0.9 < found[-1]


def test_as_many_of_each_count_so_that_chance_is_the_same() -> None:
    whole = spaces(offset=1.0)
    few = {code: dict(list(own.items())[:40]) for code, own in whole.items()}
    uneven = {**few, "en": whole["en"]}
    assert probe(uneven) == probe(few)


def test_scales_of_the_vectors_do_not_matter() -> None:
    plain = spaces(offset=0.5)
    scale = np.asarray([1e-3, 1.0, 1e3, 1.0, 10.0, 0.0])
    other = {c: {m: v * scale for m, v in own.items()} for c, own in plain.items()}
    flat = {c: {m: v * (scale > 0) for m, v in own.items()} for c, own in plain.items()}
    assert probe(other).accuracy == pytest.approx(probe(flat).accuracy)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ({"en": spaces(0.0)["en"]}, "got 60 of 1"),
        (spaces(0.0, count=3), "got 3 of 3"),
        ({}, "got 0 of 0"),
        ({c: {str(n): np.full(2, np.nan) for n in range(4)} for c in "ab"}, "finite"),
    ],
)
def test_what_tells_nothing_is_refused(vectors, message: str) -> None:
    with pytest.raises(DataError, match=message):
        probe(vectors)
