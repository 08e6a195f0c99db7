"""Tagging scores on the host: entity F1 for NER, accuracy and micro-F1 for POS.

Gold tags count for every word, also for words that a length limit cut off before
the model saw them: leave those in, with `UNTAGGED` as their prediction. Dropping
them from the gold tags would raise recall without cause.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real

from xlnas_jax.types import DataError

Tags = Sequence[Sequence[str]]
UNTAGGED = ""
_ENTITY_TAG = re.compile(r"O|[BI]-.*[^-].*")


class EntityScore(NamedTuple):
    """Micro-averaged over all entities of all sentences; each between 0 and 1."""

    precision: float
    recall: float
    f1: float


def entity_score(gold: Tags, predicted: Tags, strict: bool = False) -> EntityScore:
    """Precision, recall and F1 of the entities that `seqeval` sees in the tags.

    By default the lenient rules of XTREME (those of `conlleval`): an `I-` that
    continues nothing begins an entity. With `strict` the rules of IOB2: only `B-`
    begins one. What would divide by zero is 0, so sentences without any entity,
    gold or predicted, score 0 and not 1.

    Raises:
        DataError: nothing to score, unequal lengths, or a tag that is not IOB.

    References:
        Nakayama, "seqeval", 2018. https://github.com/chakki-works/seqeval
        Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080

    Example:
        >>> gold = [["O", "I-PER", "I-PER", "O", "B-LOC"]]
        >>> predicted = [["O", "B-PER", "I-PER", "O", "B-LOC"]]
        >>> entity_score(gold, predicted).f1
        1.0
        >>> round(entity_score(gold, predicted, strict=True).f1, 3)
        0.667
    """
    sums = entity_counts(gold, predicted, strict).sum(0)
    correct, num_predicted, num_gold = (int(total) for total in sums)
    return EntityScore(
        precision=correct / max(num_predicted, 1),
        recall=correct / max(num_gold, 1),
        f1=float(micro_f1(sums)),
    )


def entity_f1(gold: Tags, predicted: Tags, strict: bool = False) -> float:
    """The F1 of `entity_score`: the number that XTREME reports for NER."""
    return entity_score(gold, predicted, strict).f1


def entity_counts(
    gold: Tags, predicted: Tags, strict: bool = False
) -> Int[np.ndarray, "sentence 3"]:
    """Entities of each sentence: correct, predicted, gold.

    `micro_f1` of their sum is `entity_f1`; so they can be resampled by sentence.
    """
    gold, predicted = _entity_tags(gold, predicted)
    pairs = zip(_entities(predicted, strict), _entities(gold, strict), strict=True)
    rows = [(len(given & wanted), len(given), len(wanted)) for given, wanted in pairs]
    return np.array(rows, np.int64)


def micro_f1(counts: Real[np.ndarray, "*lead 3"]) -> Float[np.ndarray, "*lead"]:
    """F1 from summed counts of correct, predicted and gold; 0 where there are none."""
    correct, total = counts[..., 0], counts[..., 1] + counts[..., 2]
    return np.asarray(2.0 * correct / np.where(total > 0, total, 1))


def tag_counts(gold: Tags, predicted: Tags) -> Int[np.ndarray, "sentence 3"]:
    """Words of each sentence: tagged correctly, tagged at all, all.

    The last column is the number of gold tags, so `micro_f1` applies here too.
    """
    _check_lengths(gold, predicted)
    rows = []
    for wanted, given in zip(gold, predicted, strict=True):
        correct = sum(a == b for a, b in zip(wanted, given, strict=True))
        rows.append((correct, sum(tag != UNTAGGED for tag in given), len(wanted)))
    return np.array(rows, np.int64)


def token_accuracy(gold: Tags, predicted: Tags) -> float:
    """Share of words whose tag is right; a word left untagged is wrong."""
    correct, _, total = tag_counts(gold, predicted).sum(0)
    return float(correct / max(total, 1))


def tag_f1(gold: Tags, predicted: Tags) -> float:
    """Micro-F1 of word-level tags (POS): precision over the words that got a tag.

    It equals `token_accuracy` when every word got one. It is *not* what XTREME
    prints as the F1 of POS: XTREME gives bare tags to `seqeval`, which expects
    IOB. Of `NOUN` it takes `N` for a position and `OUN` for a type of entity, and
    adjacent equal tags merge into one span, so that a single wrong word undoes
    its neighbours too. Two right words of three can score 0 there.

    References:
        Hu et al., "XTREME", 2020. https://arxiv.org/abs/2003.11080
    """
    return float(micro_f1(tag_counts(gold, predicted).sum(0)))


def _entities(sentences: list[list[str]], strict: bool) -> list[set]:
    """The entities of each sentence: type, first and last word."""
    # Imported late: it brings pandas and scikit-learn along, seconds of a start.
    from seqeval.metrics.sequence_labeling import get_entities
    from seqeval.scheme import IOB2, Entities

    if not strict:
        return [set(get_entities(tags)) for tags in sentences]
    return [
        {(found.tag, found.start, found.end) for found in entities}
        for entities in Entities(sentences, IOB2).entities
    ]


def _entity_tags(gold: Tags, predicted: Tags) -> tuple[list[list[str]], ...]:
    """Both as lists, checked; a word without a prediction is outside of entities."""
    _check_lengths(gold, predicted)
    given = [[tag or "O" for tag in tags] for tags in predicted]
    wanted = [list(tags) for tags in gold]
    for kind, sentences in (("gold", wanted), ("predicted", given)):
        _check_tags(kind, sentences)
    return wanted, given


def _check_lengths(gold: Tags, predicted: Tags) -> None:
    if not gold or len(gold) != len(predicted):
        raise DataError(
            f"tags: gold and predicted must hold the same sentences, at least one; "
            f"got {len(gold)} gold and {len(predicted)} predicted. Score one split "
            f"of one language at a time, in file order."
        )
    for row, (wanted, given) in enumerate(zip(gold, predicted, strict=True)):
        if len(wanted) != len(given):
            raise DataError(
                f"tags, sentence {row}: every word must have a gold and a predicted "
                f"tag; got {len(wanted)} gold and {len(given)} predicted. Give "
                f"words that were cut off the prediction {UNTAGGED!r}."
            )


def _check_tags(kind: str, sentences: list[list[str]]) -> None:
    known: set[str] = set()
    for row, tags in enumerate(sentences):
        for word, tag in enumerate(tags):
            if tag in known:
                continue
            if _ENTITY_TAG.fullmatch(tag) is None:
                raise DataError(
                    f"{kind} tags, sentence {row}, word {word}: every tag must be O, "
                    f"B-TYPE or I-TYPE; got {tag!r}. Convert other schemes to IOB2 "
                    f"first; score tags of words (POS) by token_accuracy or tag_f1."
                )
            known.add(tag)
