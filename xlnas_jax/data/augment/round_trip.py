"""Rows that went into another language and came back.

What comes back must have enough words in common with what went, and about its length;
no encoder is asked. Labels are the rows' own; tags and answers are found again where
they stand as they were.

References:
    Sennrich et al., "Improving Neural Machine Translation Models with Monolingual
    Data", 2016. https://arxiv.org/abs/1511.06709
    Yu et al., "QANet", 2018 (there and back, for questions).
    https://arxiv.org/abs/1804.09541
"""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlnas_jax.config.augment.ways import BackTranslation
from xlnas_jax.data.augment.outcome import Outcome
from xlnas_jax.data.augment.project import project_answers, project_tags
from xlnas_jax.data.examples import (
    AnyExamples,
    Examples,
    LabelSet,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.data.translators.base import Translator
from xlnas_jax.data.translators.lexicon import folded
from xlnas_jax.data.words import words_of

NONE_THERE = "dropped: no translation"
NONE_BACK = "dropped: no translation back"
AS_IT_WAS = "dropped: came back as it was"
TOO_LONG = "dropped: too long or too short"
TOO_FAR = "dropped: too few words in common"
NOT_FOUND = "dropped: a tag or answer is not found again"


@dataclass(frozen=True)
class RoundTrip:
    """Takes rows through other languages.

    Attributes:
        languages: through one of which each row goes.
        seed: with the id of a row it decides which.
    """

    config: BackTranslation
    translator: Translator
    source: str
    languages: tuple[str, ...]
    labels: LabelSet
    seed: int

    def __call__(self, rows: AnyExamples) -> Outcome:
        """As `outcome.Way`."""
        through = [self._language(name) for name in rows.ids]
        columns = [[column[n] for column in _columns(rows)] for n in range(len(rows))]
        went = [
            (text, code)
            for own, code in zip(columns, through, strict=True)
            for text in own
        ]
        back = self._returned(went)
        counts: Counter[str] = Counter()
        places, changes = [], []
        for place, (own, code) in enumerate(zip(columns, through, strict=True)):
            every = [back[text, code] for text in own]
            made, reason = self._made(rows, place, own, every)
            if made is None:
                counts[reason] += 1
            else:
                places.append(place)
                changes.append(made)
        return Outcome(places, changes, counts)

    def _language(self, name: str) -> str:
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        return self.languages[rng.integers(len(self.languages))]

    def _returned(
        self, went: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[str | None, str | None]]:
        """Of a text and a language, what it was there and what it came back as."""
        found: dict[tuple[str, str], tuple[str | None, str | None]] = {}
        for code in self.languages:
            texts = list(dict.fromkeys(text for text, own in went if own == code))
            there = self.translator.translate(texts, self.source, code)
            known = list(dict.fromkeys(one for one in there if one is not None))
            made = self.translator.translate(known, code, self.source)
            back = dict(zip(known, made, strict=True))
            for text, one in zip(texts, there, strict=True):
                found[text, code] = one, None if one is None else back[one]
        return found

    def _made(
        self,
        rows: AnyExamples,
        place: int,
        own: Sequence[str],
        every: Sequence[tuple[str | None, str | None]],
    ) -> tuple[dict[str, Any] | None, str]:
        """The fields of a row that are new, or why it is none."""
        texts = []
        for text, (there, back) in zip(own, every, strict=True):
            if there is None or back is None:
                return None, NONE_THERE if there is None else NONE_BACK
            if reason := self._too_unlike(text, back):
                return None, reason
            texts.append(back)
        if all(_plain(a) == _plain(b) for a, b in zip(own, texts, strict=True)):
            return None, AS_IT_WAS
        if isinstance(rows, TaggedExamples):
            found = project_tags(
                rows.words[place], rows.tags[place].tolist(), texts[0], self.labels
            )
            if found is None:
                return None, NOT_FOUND
            return {"words": found[0], "tags": np.asarray(found[1], np.int32)}, ""
        if isinstance(rows, QuestionExamples):
            answers = project_answers(own[1], texts[1], rows.answers[place])
            if not answers:
                return None, NOT_FOUND
            new = {"questions": texts[0], "contexts": texts[1], "answers": answers}
            return new, ""
        return dict(zip(("texts", "pairs"), texts, strict=False)), ""

    def _too_unlike(self, text: str, back: str) -> str:
        """Why a text that came back does not pass; empty if it does."""
        short, long = sorted((len(text), len(back)))
        if long > self.config.ratio * short:
            return TOO_LONG
        return TOO_FAR if shared(text, back) < self.config.overlap else ""


def shared(one: str, other: str) -> float:
    """F1 of the words of two texts, each as often as it stands; without words, 1."""
    ours, theirs = (
        Counter(folded(text[a:b]) for a, b in words_of(text).spans)
        for text in (one, other)
    )
    total = ours.total() + theirs.total()
    return 2.0 * (ours & theirs).total() / total if total else 1.0


def _plain(text: str) -> str:
    return folded(" ".join(text.split()))


def _columns(rows: AnyExamples) -> list[Sequence[str]]:
    """The texts of rows that are translated."""
    if isinstance(rows, QuestionExamples):
        return [rows.questions, rows.contexts]
    if isinstance(rows, Examples) and rows.pairs is not None:
        return [rows.texts, rows.pairs]
    return [rows.texts]
