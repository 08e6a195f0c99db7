"""Where what is labelled in a text stands in another wording of it, if it does.

It must stand there as it was, as often as before; then each occurrence is that of the
same number. Anything else is not found, and not guessed.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from xlnas_jax.data.examples import Answer, LabelSet
from xlnas_jax.data.words import Span, tokens_of
from xlnas_jax.tasks.tagging import OUTSIDE


def project_answers(
    text: str, other: str, answers: Sequence[Answer]
) -> tuple[Answer, ...]:
    """The answers that are found in another wording."""
    found = (
        _same(text, other, (one.start, one.start + len(one.text))) for one in answers
    )
    return tuple(Answer(other[a:b], a) for a, b in filter(None, found))


def project_tags(
    words: Sequence[str], tags: Sequence[int], other: str, labels: LabelSet
) -> tuple[tuple[str, ...], list[int]] | None:
    """Words of another wording with their tags; None where an entity is not found."""
    text, starts = " ".join(words), [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)
    entities = entities_of(tags, labels)
    placed: list[tuple[Span, Span]] = []
    for first, last in entities:
        span = _same(text, other, (starts[first], starts[last] - 1))
        if span is None:
            return None
        placed.append((span, (first, last)))
    placed.sort()
    if any(one[0][1] > two[0][0] for one, two in pairwise(placed)):
        return None
    found: list[str] = []
    theirs: list[int] = []
    end, outside = 0, labels.index(OUTSIDE)
    for (start, stop), (first, last) in [*placed, ((len(other),) * 2, (0, 0))]:
        between = tokens_of(other[end:start])
        found += [*between, *words[first:last]]
        theirs += [*[outside] * len(between), *tags[first:last]]
        end = stop
    return (tuple(found), theirs) if found else None


def entities_of(tags: Sequence[int], labels: LabelSet) -> list[Span]:
    """From which word to which each entity goes."""
    found: list[Span] = []
    before = OUTSIDE
    for place, tag in enumerate(labels[number] for number in tags):
        goes_on = tag[:1] == "I" and before[2:] == tag[2:]
        if goes_on:
            found[-1] = (found[-1][0], place + 1)
        elif tag != OUTSIDE:
            found.append((place, place + 1))
        before = tag
    return found


def _same(text: str, other: str, span: Span) -> Span | None:
    """Where the occurrence of the same number stands."""
    ours, theirs = (_occurrences(one, text[slice(*span)]) for one in (text, other))
    if len(ours) != len(theirs) or span not in ours:
        return None
    return theirs[ours.index(span)]


def _occurrences(text: str, part: str) -> list[Span]:
    """Where a part stands, no letter or digit beside it that would go on with it."""
    start = r"(?<!\w)" if part[:1].isalnum() else ""
    end = r"(?!\w)" if part[-1:].isalnum() else ""
    return [one.span() for one in re.finditer(start + re.escape(part) + end, text)]
