"""Text without labels of an experiment: what is learnt from, and what is kept."""

import dataclasses
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from xlnas_jax.data import sources
from xlnas_jax.data.texts import Texts, read_unlabelled
from xlnas_jax.experiment.parts import Experiment, TaskPart

# Of the texts of a language that has no other role one in so many is kept, and no
# more than so many in all.
KEPT, MOST = 8, 128


class Divided(NamedTuple):
    """Text of one language.

    Attributes:
        learnt: what weights learn from.
        kept: what candidates are held against a teacher on; nothing of languages
            whose dev split serves for that.
    """

    learnt: Texts
    kept: Texts


def read_texts(
    experiment: Experiment, part: TaskPart, languages: Sequence[str] | None = None
) -> tuple[Divided, ...]:
    """Text of every language of `languages.unlabelled`, in that order.

    Args:
        languages: of these alone.

    Raises:
        DataError: a language has none, or a file is faulty.
    """
    found = []
    for language in part.roles.unlabelled if languages is None else languages:
        texts = read_unlabelled(
            part.config.texts,
            part.source,
            part.roles,
            language,
            is_paired=part.task.kind == "qa" or is_paired(part),
            skip=experiment.config.skip_bad_rows,
        )
        is_alone = language in part.roles.text_only
        found.append(divided(texts) if is_alone else Divided(texts, _taken(texts, [])))
    return tuple(found)


def is_paired(part: TaskPart) -> bool:
    """Whether examples of the task are pairs of texts that are classified."""
    return sources.is_paired(part.source, part.roles)


def divided(texts: Texts) -> Divided:
    """Some are kept, by a hash of the text: the same ones in every run."""
    order = sorted(range(len(texts)), key=lambda n: zlib.crc32(texts.texts[n].encode()))
    count = min(MOST, max(1, len(texts) // KEPT)) if len(texts) > 1 else 0
    kept = set(order[:count])
    rest = [n for n in range(len(texts)) if n not in kept]
    return Divided(_taken(texts, rest), _taken(texts, sorted(kept) or rest))


def _taken(texts: Texts, places: list[int]) -> Texts:
    pairs = None if texts.pairs is None else tuple(texts.pairs[n] for n in places)
    return dataclasses.replace(
        texts, texts=tuple(texts.texts[n] for n in places), pairs=pairs
    )
