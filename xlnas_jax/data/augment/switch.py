"""Rows of which some words stand in other languages, or are others of the same.

What is learnt of a row stays true of it: its label, the tag of each word, and of an
answer what stands where it stood.

References:
    Qin et al., "CoSDA-ML: Multi-Lingual Code-Switching Data Augmentation for Zero-Shot
    Cross-Lingual NLP", 2020. https://www.ijcai.org/proceedings/2020/533
    Bannard & Callison-Burch, "Paraphrasing with Bilingual Parallel Corpora", 2005
    (through a translation in common). https://aclanthology.org/P05-1074
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xlnas_jax.config.augment.ways import CodeSwitch, Paraphrase
from xlnas_jax.data.augment.outcome import Outcome
from xlnas_jax.data.examples import (
    Answer,
    AnyExamples,
    Examples,
    LabelSet,
    QuestionExamples,
    TaggedExamples,
)
from xlnas_jax.data.translators.base import Translator
from xlnas_jax.data.translators.lexicon import folded
from xlnas_jax.data.words import Span, moved, replaced, words_of
from xlnas_jax.tasks.tagging import has_entities

# Of a word, by language, what may stand for it.
Choices = Mapping[str, tuple[tuple[str, ...], ...]]
NO_WORD = "dropped: no word has a translation"
NO_OTHER = "dropped: no word shares a translation with another"
LEFT = "rows left as they are"
SWITCHED, TRANSLATABLE = "words switched", "words with a translation"
OTHERS = "words without one"
UNSPACED = "runs without spaces between words, left"
KEPT = "words of answers, left"


@dataclass(frozen=True)
class Switch:
    """Switches words of rows.

    Attributes:
        labels: of the data; tags of words are told by it.
        languages: that words may come from.
        seed: with the id of a row it decides all that is left to chance in it.
    """

    config: CodeSwitch | Paraphrase
    translator: Translator
    source: str
    languages: tuple[str, ...]
    labels: LabelSet
    seed: int

    def __call__(self, rows: AnyExamples) -> Outcome:
        """As `outcome.Way`."""
        choices = self._choices(
            sorted({w for n in range(len(rows)) for w in _words(rows, n)})
        )
        places, changes = [], []
        counts: Counter[str] = Counter()
        for place, name in enumerate(rows.ids):
            known = [choices.get(word, ()) for word in _words(rows, place)]
            if not any(known):
                is_same = isinstance(self.config, Paraphrase)
                counts[NO_OTHER if is_same else NO_WORD] += 1
                continue
            rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
            places.append(place)
            if rng.random() >= self.config.sentence_rate:
                counts[LEFT] += 1
                changes.append({})
            else:
                draw = _Draw(self.config, choices, rng, counts)
                changes.append(self._switched(rows, place, draw))
        return Outcome(places, changes, counts)

    def _choices(self, words: Sequence[str]) -> Choices:
        """Of every word that has translations, those of each language that has some."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for language in self.languages:
            every = self.translator.words(words, self.source, language)
            if isinstance(self.config, Paraphrase):
                every = self._returned(words, every, language)
            for word, translations in zip(words, every, strict=True):
                if translations:
                    found.setdefault(word, []).append(translations)
        return {word: tuple(every) for word, every in found.items()}

    def _returned(
        self, words: Sequence[str], every: Sequence[tuple[str, ...]], language: str
    ) -> list[tuple[str, ...]]:
        """Other words of the source that translations of a word translate, too."""
        there = sorted({one for translations in every for one in translations})
        back = dict(
            zip(there, self.translator.words(there, language, self.source), strict=True)
        )
        found = []
        for word, translations in zip(words, every, strict=True):
            others = dict.fromkeys(w for one in translations for w in back[one])
            found.append(tuple(w for w in others if folded(w) != folded(word)))
        return found

    def _switched(self, rows: AnyExamples, place: int, draw: "_Draw") -> dict[str, Any]:
        if isinstance(rows, Examples):
            found: dict[str, Any] = {"texts": draw.text(rows.texts[place])}
            if rows.pairs is not None:
                found["pairs"] = draw.text(rows.pairs[place])
            return found
        if isinstance(rows, TaggedExamples):
            words, tags = draw.tagged(
                rows.words[place], rows.tags[place].tolist(), self.labels
            )
            return {"words": words, "tags": np.asarray(tags, np.int32)}
        assert isinstance(rows, QuestionExamples)
        context, answers = draw.context(rows.contexts[place], rows.answers[place])
        question = draw.text(rows.questions[place])
        return {"questions": question, "contexts": context, "answers": answers}


@dataclass(frozen=True)
class _Draw:
    """What chance decides in one row; it counts what it sees."""

    config: CodeSwitch | Paraphrase
    choices: Choices
    rng: np.random.Generator
    counts: Counter[str]

    def word(self, word: str, is_single: bool = False) -> str | None:
        """What stands for a word; None: itself.

        Args:
            is_single: it must be one word.
        """
        choices = self.choices.get(word, ())
        if is_single:
            every = (tuple(w for w in own if " " not in w) for own in choices)
            choices = tuple(own for own in every if own)
        if not choices:
            self.counts[OTHERS] += 1
            return None
        self.counts[TRANSLATABLE] += 1
        if self.rng.random() >= self.config.rate:
            return None
        self.counts[SWITCHED] += 1
        own = choices[self.rng.integers(len(choices))]
        return own[self.rng.integers(len(own))]

    def text(self, text: str) -> str:
        """A text with some of its words switched."""
        return replaced(text, self.changes(text))

    def changes(self, text: str, spans: Sequence[Span] = ()) -> list[tuple[Span, str]]:
        """What stands for some words, of which none is cut by one of `spans`."""
        words = words_of(text)
        self.counts[UNSPACED] += words.unspaced
        found = []
        for span in words.spans:
            if any(self._is_kept(span, one) for one in spans):
                self.counts[KEPT] += 1
                continue
            other = self.word(text[slice(*span)])
            if other is not None:
                found.append((span, other))
        return found

    def context(
        self, context: str, answers: Sequence[Answer]
    ) -> tuple[str, tuple[Answer, ...]]:
        """A context and its answers, each where it now stands."""
        spans = [(one.start, one.start + len(one.text)) for one in answers]
        changes = self.changes(context, spans)
        text = replaced(context, changes)
        placed = [(moved(a, changes), moved(b, changes)) for a, b in spans]
        return text, tuple(Answer(text[a:b], a) for a, b in placed)

    def tagged(
        self, words: Sequence[str], tags: Sequence[int], labels: LabelSet
    ) -> tuple[tuple[str, ...], list[int]]:
        """Words and their tags; several words for one continue its entity."""
        is_entity = has_entities(labels)
        found: list[str] = []
        theirs: list[int] = []
        for word, tag in zip(words, tags, strict=True):
            after = _continued(labels, tag) if is_entity else tag
            other = self.word(word, is_single=after is None)
            own = [word] if other is None else other.split()
            found += own
            theirs += [tag, *[tag if after is None else after] * (len(own) - 1)]
        return tuple(found), theirs

    def _is_kept(self, word: Span, answer: Span) -> bool:
        """Whether a word of an answer stays: all do, or those that it cuts."""
        is_apart = word[1] <= answer[0] or answer[1] <= word[0]
        is_inside = answer[0] <= word[0] and word[1] <= answer[1]
        return not is_apart and not (is_inside and self.config.answers == "switch")


def _continued(labels: LabelSet, tag: int) -> int | None:
    """The tag of a word that goes on with what one of this tag began, if any can."""
    prefix, _, kind = labels[tag].partition("-")
    if prefix != "B":
        return tag
    inner = f"I-{kind}"
    return labels.index(inner) if inner in labels else None


def _words(rows: AnyExamples, place: int) -> list[str]:
    """Every word that could be switched."""
    if isinstance(rows, TaggedExamples):
        return list(rows.words[place])
    if isinstance(rows, QuestionExamples):
        texts = [rows.questions[place], rows.contexts[place]]
    else:
        assert isinstance(rows, Examples)
        texts = [
            rows.texts[place],
            *(rows.pairs[place : place + 1] if rows.pairs else ()),
        ]
    return [text[a:b] for text in texts for a, b in words_of(text).spans]
