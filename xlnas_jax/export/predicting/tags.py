"""Predicted tags of words, and the entities that they spell."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from xlnas_jax.export.predicting.classes import check_texts, to_probabilities
from xlnas_jax.tasks.tagging import OUTSIDE, has_entities

# What `tasks.entities` calls untagged; importing that would load a scoring library.
UNTAGGED = ""

Sentences = Sequence[Sequence[str] | str] | str


class Entity(NamedTuple):
    """One named entity: words `start` to `end`, the latter not included.

    Attributes:
        text: its words with spaces between them.
    """

    type: str
    text: str
    start: int
    end: int


class TaggedPrediction(NamedTuple):
    """The likeliest tag of every word of one sentence.

    Attributes:
        entities: in order; none where tags are plain, such as parts of speech.
        num_unread: words the network never saw, because the sentence is longer than
            `max_length` tokens or the tokenizer drops all of them. Their tag is `O`,
            or empty where tags are plain, as in the official scores.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    entities: tuple[Entity, ...]
    num_unread: int


def check_sentences(sentences: object) -> list[list[str]]:
    """Sentences as lists of words; a text is split at white space."""
    if isinstance(sentences, str):
        sentences = [sentences]
    if not isinstance(sentences, Sequence) or isinstance(sentences, bytes):
        raise TypeError(
            f"sentences: must be a text or a sequence of sentences; got "
            f"{type(sentences).__name__}. Pass a list of texts or of lists of words."
        )
    checked = []
    for i, sentence in enumerate(sentences):
        is_text = isinstance(sentence, str)
        words = check_texts(sentence, f"sentences[{i}]")
        checked.append(words[0].split() if is_text else words)
    return checked


def to_tagged(
    words: Sequence[str],
    positions: Int[np.ndarray, " word"],
    logits: Float[np.ndarray, "seq label"],
    labels: tuple[str, ...],
) -> TaggedPrediction:
    """Reads each word's tag from its first sub-word, where it has one."""
    return _tagged(words, positions >= 0, logits.argmax(-1)[positions], labels)


def to_word_probabilities(
    positions: Int[np.ndarray, " word"], logits: Float[np.ndarray, "seq label"]
) -> Float[np.ndarray, "word label"]:
    """Of every word the probabilities of its tags; NaN of one that is not read."""
    found = to_probabilities(logits)[positions]
    return np.where((positions >= 0)[:, None], found, np.nan)


def from_word_probabilities(
    words: Sequence[str],
    probabilities: Float[np.ndarray, "word label"],
    labels: tuple[str, ...],
) -> TaggedPrediction:
    """The likeliest tag of every word that has probabilities."""
    is_read = np.asarray(np.isfinite(probabilities).all(-1))
    best = np.where(is_read[:, None], probabilities, 0.0).argmax(-1)
    return _tagged(words, is_read, best, labels)


def _tagged(
    words: Sequence[str],
    is_read: Bool[np.ndarray, " word"],
    best: Int[np.ndarray, " word"],
    labels: tuple[str, ...],
) -> TaggedPrediction:
    unread = OUTSIDE if OUTSIDE in labels else UNTAGGED
    tags = tuple(
        labels[tag] if there else unread
        for there, tag in zip(is_read, best, strict=True)
    )
    found = find_entities(words, tags) if has_entities(labels) else ()
    return TaggedPrediction(tuple(words), tags, found, int((~is_read).sum()))


def find_entities(words: Sequence[str], tags: Sequence[str]) -> tuple[Entity, ...]:
    """Entities of IOB2 tags; an `I-` that continues nothing begins one.

    Example:
        >>> find_entities(["Ada", "Byron", "wrote"], ["B-PER", "I-PER", "O"])
        (Entity(type='PER', text='Ada Byron', start=0, end=2),)
    """
    found = []
    start = 0
    for end in range(1, len(tags) + 1):
        after = tags[end] if end < len(tags) else OUTSIDE
        kind = tags[end - 1][2:]
        if after == f"I-{kind}":
            continue
        if kind:
            found.append(Entity(kind, " ".join(words[start:end]), start, end))
        start = end
    return tuple(found)
