from fractions import Fraction

import numpy as np
import pytest

from xlnas_jax.tasks import squad
from xlnas_jax.types import DataError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat,\tthe hat!\n", "cat hat"),
        # Punctuation goes first: what it joined is no article any more ...
        ("a-b an. The-", "ab"),
        # ... and what it hid becomes one.
        ("(A) theory of 'the' U.S.A.", "theory of usa"),
        # Only whole words are articles, and letters of any script make a word.
        ("anthem Thé theа", "anthem thé theа"),
        # Only ASCII punctuation: dashes and quotes of Unicode stay.
        ("«the» 1939–45", "« » 1939–45"),
        ("$5 a_b", "5 ab"),
        ("The", ""),
        ("北京 的", "北京 的"),
    ],
)
def test_normalise_follows_the_rules(text, expected):
    assert squad.normalise(text) == expected


@pytest.mark.parametrize(
    ("prediction", "golds", "exact_match", "f1"),
    [
        ("the Denver Broncos!", ["Denver Broncos"], 1.0, 1.0),
        # Two of three tokens predicted, two of two wanted: 2 * 2 / (3 + 2).
        ("Denver Broncos team", ["Denver Broncos"], 0.0, 0.8),
        # The best gold answer counts, for each score by itself.
        ("1999 season", ["in 1999", "1999 season", "season"], 1.0, 1.0),
        ("one two", ["three", "two three four"], 0.0, 0.4),
        # Tokens are counted, not only seen: one `to` is common, 2 * 1 / (2 + 1).
        ("to to", ["to"], 0.0, 2 / 3),
        ("to be to be", ["be to be or"], 0.0, 0.75),
        # Both empty once normalised: equal, but without a common token.
        ("", ["the"], 1.0, 0.0),
        ("...", ["a", "b"], 1.0, 0.0),
        ("", ["b"], 0.0, 0.0),
        ("b", ["the", "b"], 1.0, 1.0),
        (None, ["b"], 0.0, 0.0),
        (None, ["the"], 0.0, 0.0),
        # Without spaces a Chinese answer is one token: nothing in between.
        ("北京市", ["北京"], 0.0, 0.0),
    ],
)
def test_scores_worked_out_by_hand(prediction, golds, exact_match, f1):
    assert squad.exact_match(prediction, golds) == exact_match
    assert squad.f1(prediction, golds) == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(seed):
    rng = np.random.default_rng(seed)
    given = rng.choice(list("bcdef"), rng.integers(1, 8)).tolist()
    wanted = rng.choice(list("bcdef"), rng.integers(1, 8)).tolist()
    common = sum(min(given.count(token), wanted.count(token)) for token in set(given))
    precision, recall = Fraction(common, len(given)), Fraction(common, len(wanted))
    total = precision + recall
    expected = 2 * precision * recall / total if total else Fraction(0)
    found = squad.f1(" ".join(given), [" ".join(wanted)])
    assert found == pytest.approx(float(expected), abs=1e-12)


def test_scores_of_a_split_are_one_row_a_question():
    rows = squad.scores(["the cat", None, "a b c"], [["cat"], ["x"], ["b d"]])
    np.testing.assert_allclose(rows, [[1.0, 1.0], [0.0, 0.0], [0.0, 0.5]])


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(DataError, match="at least one gold answer"):
        squad.f1("x", [])
    with pytest.raises(DataError, match="got 'gold'"):
        squad.exact_match("x", "gold")
    with pytest.raises(DataError, match="1 predictions for 2 questions"):
        squad.scores(["x"], [["x"], ["y"]])
    with pytest.raises(DataError, match="at least one; got 0"):
        squad.scores([], [])
