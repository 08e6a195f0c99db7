import numpy as np
import pytest
from seqeval import metrics as seqeval_metrics
from seqeval.scheme import IOB2

from xlnas_jax.tasks.entities import (
    UNTAGGED,
    entity_counts,
    entity_f1,
    entity_score,
    micro_f1,
    tag_counts,
    tag_f1,
    token_accuracy,
)
from xlnas_jax.types import DataError

# `I-` may follow anything: most random sequences are malformed IOB2.
TAGS = ("O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "I-WORK-OF-ART")
SEEDS = range(40)
SENTENCES = 60


def random_pair(seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted sentences that agree on about two words of three."""
    rng = np.random.default_rng(seed)
    gold, predicted = [], []
    for length in rng.integers(0, 9, SENTENCES):
        wanted = rng.choice(TAGS, length)
        given = np.where(rng.random(length) < 0.65, wanted, rng.choice(TAGS, length))
        gold.append(wanted.tolist())
        predicted.append(given.tolist())
    return gold, predicted


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("strict", [False, True])
def test_scores_and_summed_counts_equal_seqeval(seed, strict):
    gold, predicted = random_pair(seed)
    options = {"mode": "strict", "scheme": IOB2} if strict else {}
    expected = [
        float(score(gold, predicted, zero_division=0, **options))
        for score in (
            seqeval_metrics.precision_score,
            seqeval_metrics.recall_score,
            seqeval_metrics.f1_score,
        )
    ]
    found = entity_score(gold, predicted, strict)
    assert list(found) == pytest.approx(expected, abs=1e-15)
    counts = entity_counts(gold, predicted, strict)
    assert counts.shape == (SENTENCES, 3)
    correct, right, wanted = counts.sum(0)
    assert [correct / right, correct / wanted] == expected[:2]
    assert float(micro_f1(counts.sum(0))) == found.f1


def test_the_random_sentences_tell_lenient_from_strict():
    gold, predicted = random_pair(0)
    assert entity_f1(gold, predicted) != entity_f1(gold, predicted, strict=True)


def test_an_entity_that_begins_with_i_counts_only_under_lenient_rules():
    gold = [["O", "I-PER", "I-PER", "O", "B-LOC"]]
    predicted = [["O", "B-PER", "I-PER", "O", "B-LOC"]]
    assert entity_f1(gold, predicted) == 1.0
    # Strict: one gold entity (LOC), two predicted, one right.
    assert entity_score(gold, predicted, strict=True) == (0.5, 1.0, 2 / 3)
    assert entity_counts(gold, predicted, strict=True).tolist() == [[1, 2, 1]]


def test_boundaries_and_type_must_both_be_right():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "B-LOC"]]
    predicted = [["B-PER", "O", "O", "B-PER"], ["B-LOC", "I-LOC"]]
    assert entity_counts(gold, predicted).tolist() == [[0, 2, 2], [0, 1, 2]]
    assert entity_score(gold, predicted) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("strict", [False, True])
def test_no_entity_anywhere_scores_zero(strict):
    gold = [["O", "O"], []]
    assert entity_score(gold, gold, strict) == (0.0, 0.0, 0.0)
    counts = entity_counts(gold, gold, strict)
    assert counts.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert float(micro_f1(counts.sum(0))) == 0.0


def test_a_word_cut_off_stays_in_the_gold_tags():
    gold = [["B-PER", "O", "B-LOC"]]
    assert entity_score(gold, [["B-PER", "O", UNTAGGED]]) == (1.0, 0.5, 2 / 3)


def test_tag_scores_differ_only_by_words_without_a_tag():
    gold = [["NOUN", "VERB", "NOUN"], ["PUNCT"]]
    predicted = [["NOUN", "NOUN", "NOUN"], [UNTAGGED]]
    assert tag_counts(gold, predicted).tolist() == [[2, 3, 3], [0, 0, 1]]
    assert token_accuracy(gold, predicted) == 0.5
    assert tag_f1(gold, predicted) == pytest.approx(2 * 2 / (3 + 4))
    assert token_accuracy(gold[:1], predicted[:1]) == tag_f1(gold[:1], predicted[:1])


@pytest.mark.filterwarnings("ignore:.*seems not to be NE tag")
def test_seqeval_on_bare_tags_is_not_the_accuracy_of_tags():
    gold, predicted = [["NOUN", "NOUN", "NOUN"]], [["NOUN", "NOUN", "VERB"]]
    assert seqeval_metrics.f1_score(gold, predicted, zero_division=0) == 0.0
    assert token_accuracy(gold, predicted) == tag_f1(gold, predicted) == 2 / 3


def test_micro_f1_works_along_leading_axes():
    counts = np.array([[[1.0, 2.0, 2.0]], [[0.0, 0.0, 0.0]]])
    assert micro_f1(counts).tolist() == [[0.5], [0.0]]


@pytest.mark.parametrize("score", [entity_f1, entity_counts, token_accuracy])
def test_unequal_lengths_name_the_sentence(score):
    gold = [["O"], ["O", "O"]]
    with pytest.raises(DataError, match=r"sentence 1.*2 gold and 1 predicted"):
        score(gold, [["O"], ["O"]])
    with pytest.raises(DataError, match="2 gold and 1 predicted"):
        score(gold, [["O"]])
    with pytest.raises(DataError, match="at least one"):
        score([], [])


@pytest.mark.parametrize("tag", ["NOUN", "S-PER", "B-", "I--", "b-PER", "B"])
def test_tags_that_are_not_iob_are_named(tag):
    with pytest.raises(DataError, match=r"predicted tags, sentence 1, word 0.*IOB2"):
        entity_f1([["O"], ["O"]], [["O"], [tag]])
    with pytest.raises(DataError, match="gold tags, sentence 0, word 1"):
        entity_f1([["O", tag]], [["O", "O"]])
