"""Baselines without a network, which every score is to be held against."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from xlnas_jax.tasks.base import Task

_SENTENCE_END = re.compile(r"(?<=[.!?。！？।؟۔])\s*")

NAMES = {
    "classification": "majority class",
    "tagging": "tag by word",
    "qa": "likeliest sentence",
    "retrieval": "chance",
}


def uniform_loss(task: Task, length: int) -> float:
    """Cross-entropy of a guess that gives every answer the same probability.

    Args:
        length: tokens among which an answer may start or end; of retrieval, where it
            is not known among how many sentences, so many.
    """
    has_labels = bool(task.labels)
    return math.log(len(task.labels) if has_labels else length)


def majority_share(labels: Sequence[int]) -> float:
    """Share of the most frequent class, if one knew which it is."""
    return max(Counter(labels).values()) / len(labels)


def tag_by_word(
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    sentences: Sequence[Sequence[str]],
) -> list[list[str]]:
    """Gives each word the tag it most often has in the tagged text.

    Words that are not in it get the text's most frequent tag. Ties go to the tag
    met first.
    """
    known: dict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    for sentence, given in zip(words, tags, strict=True):
        for word, tag in zip(sentence, given, strict=True):
            known[word][tag] += 1
            overall[tag] += 1
    default = overall.most_common(1)[0][0]
    best = {word: counts.most_common(1)[0][0] for word, counts in known.items()}
    return [[best.get(word, default) for word in sentence] for sentence in sentences]


def likeliest_sentence(question: str, context: str) -> str:
    """The sentence of the context that shares most words with the question.

    Without spaces between words (Chinese, Thai) single characters are compared.
    Ties go to the first one.
    """
    sentences = [part for part in _SENTENCE_END.split(context) if part.strip()]
    asked = _units(question)
    if not sentences:
        return context
    return max(sentences, key=lambda sentence: len(asked & _units(sentence)))


def _units(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    is_spaced = len(words) > max(1, len(text) // 15)
    return set(words) if is_spaced else {char for word in words for char in word}
