"""Several exported models that answer as one, by the mean of their probabilities.

They may be of any architectures and tokenizers, since what is averaged is said of
texts, of words, and of answers as the context spells them.

References:
    Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation
    using deep ensembles", 2017. https://arxiv.org/abs/1612.01474
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from xlnas_jax.export.alike import require_same_task
from xlnas_jax.export.predicting import answers as predict_answers
from xlnas_jax.export.predicting import tags as predict_tags
from xlnas_jax.export.predicting.answers import AnswerPrediction
from xlnas_jax.export.predicting.classes import from_probabilities, to_probabilities
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.tasks.answers import NO_ANSWER, NUM_BEST, Candidate
from xlnas_jax.types import ConfigError


class Ensemble:
    """Models of one task, in the place of one.

    Equal members give what each of them gives, bit for bit.

    Args:
        members: at least one.

    Raises:
        ConfigError: they differ in task or labels, or give vectors, which lie in a
            space of their own each.
    """

    def __init__(self, members: Sequence[Subnet]) -> None:
        require_same_task(members)
        if members[0].task == "retrieval":
            raise ConfigError(
                "models: must be for texts, words or questions, of which they say "
                "probabilities; got models for retrieval, whose vectors lie in a space "
                "of their own each. Use one of them."
            )
        self.members = tuple(members)

    @property
    def task(self) -> str:
        """Which kind of thing is said."""
        return self.members[0].task

    @property
    def labels(self) -> tuple[str, ...]:
        """Of all members."""
        return self.members[0].labels

    def predict(
        self,
        texts: Sequence[Any] | str,
        pairs: Sequence[str] | str | None = None,
        *,
        contexts: Sequence[str] | str | None = None,
        num_best: int = 1,
        language: str | None = None,
        batch_size: int = 32,
    ) -> list[Any]:
        """As `Subnet.predict`.

        Of answers the probability is the mean over members, 0 of one that has it not
        among its best ones; the score that of the members that have it.
        """
        how = {"language": language, "batch_size": batch_size}
        if self.task == "qa":
            given = pairs if contexts is None else contexts
            return self._answer(texts, given, num_best, how)
        has_pairs = pairs is not None and self.task == "tagging"
        if contexts is not None or num_best != 1 or has_pairs:
            # One of them alone says what is wrong with it.
            return self.members[0].predict(
                texts, pairs, contexts=contexts, num_best=num_best, **how
            )
        if self.task == "tagging":
            return self._tag(texts, how)
        every = (one.logits(texts, pairs, **how) for one in self.members)
        mean = mean_of([to_probabilities(logits) for logits in every])
        return from_probabilities(mean, self.labels)

    def _tag(
        self, sentences: Sequence[Any] | str, how: dict[str, Any]
    ) -> list[predict_tags.TaggedPrediction]:
        """Of each word by the members that read it."""
        words = predict_tags.check_sentences(sentences)
        every = [one.tag_probabilities(words, **how) for one in self.members]
        return [
            predict_tags.from_word_probabilities(one, mean_of_known(own), self.labels)
            for one, *own in zip(words, *every, strict=True)
        ]

    def _answer(
        self,
        questions: Sequence[Any] | str,
        contexts: Sequence[str] | str | None,
        num_best: int,
        how: dict[str, Any],
    ) -> list[AnswerPrediction]:
        predict_answers.check_num_best(num_best)
        every = [
            one.predict(questions, contexts, num_best=NUM_BEST, **how)
            for one in self.members
        ]
        return [_joined(own, num_best) for own in zip(*every, strict=True)]


def mean_of(
    arrays: Sequence[Float[np.ndarray, "*rest"]],
) -> Float[np.ndarray, "*rest"]:
    """The mean, one array after another, so that that of equal ones is each of them."""
    mean = np.array(arrays[0], np.float64)
    for number, one in enumerate(arrays[1:], start=2):
        mean += (one - mean) / number
    return mean


def mean_of_known(
    arrays: Sequence[Float[np.ndarray, "word label"]],
) -> Float[np.ndarray, "word label"]:
    """Of each row the mean of those that are no NaN; NaN where all are."""
    mean = np.full_like(arrays[0], np.nan, np.float64)
    count = np.zeros((len(mean), 1))
    for one in arrays:
        is_known = np.isfinite(one).all(-1, keepdims=True)
        count += is_known
        later = mean + (one - mean) / np.maximum(count, 1)
        mean = np.where(is_known, np.where(count == 1, one, later), mean)
    return mean


def _joined(found: Sequence[AnswerPrediction], num_best: int) -> AnswerPrediction:
    """The likeliest answer by all members, and the next ones."""
    lists = [_candidates(one) for one in found]
    texts = dict.fromkeys(text for one in lists for text in one)
    joined = []
    for text in texts:
        own = [one[text] for one in lists if text in one]
        chances = [one[text].probability if text in one else 0.0 for one in lists]
        first = max(own, key=lambda one: one.probability)
        score = float(mean_of([np.asarray(one.score) for one in own]))
        chance = float(mean_of([np.asarray(one) for one in chances]))
        joined.append(Candidate(text, first.start, score, chance))
    joined.sort(key=lambda one: -one.probability)
    if not joined:
        return AnswerPrediction(*NO_ANSWER, probability=0.0)
    return AnswerPrediction(*joined[0], others=tuple(joined[1:num_best]))


def _candidates(found: AnswerPrediction) -> dict[str, Candidate]:
    """All answers of one member, by their text; none where it has none."""
    if not found.text:
        return {}
    best = Candidate(found.text, found.start, found.score, found.probability)
    return {one.text: one for one in (best, *found.others)}
