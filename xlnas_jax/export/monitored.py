"""What a network was like on texts of its run: to notice later that others come.

Nothing of it needs a label: what is predicted, how surely, how long texts are, how many
of their pieces are unknown, in which script they are. Counts of each are kept with an
exported model, and what a server sees is held against them.
"""

import math
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from xlnas_jax.export.predicting.answers import AnswerPrediction
from xlnas_jax.export.predicting.asked import Asked
from xlnas_jax.export.predicting.classes import Prediction
from xlnas_jax.export.predicting.tags import TaggedPrediction
from xlnas_jax.files import read_json
from xlnas_jax.types import CheckpointError, brief

FILE = "monitoring.json"
FORMAT = 1
QUANTITIES = ("label", "confidence", "tokens", "unknown", "script")
# Upper ends of bins; what is above the last is a bin too.
CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LENGTHS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# Characters of a text that its script is told by.
_LOOKED_AT = 200
NO_SCRIPT = "none"
# Added to every bin of both, so that an empty one is unlikely and not impossible.
PSEUDO_COUNT = 0.5
MOST_BINS = 10_000

Counts = Mapping[str, Mapping[str, int]]
"""Of every quantity how many there were in each bin."""


class Reference(NamedTuple):
    """Counts of texts, by quantity and bin.

    Attributes:
        texts: how many there were. Of tagging every word has a label of its own.
    """

    texts: int
    counts: Counts


def observe(
    text: Any, rows: Sequence[Sequence[int]], unk_id: int | None, found: Any
) -> dict[str, list[str]]:
    """The bins that one text and its prediction fall into, by quantity.

    Args:
        text: a text, or its words; of a pair or question the first one.
        rows: ids of all that was read of it. found: what was predicted.
    """
    size = sum(map(len, rows))
    unknown = sum(1 for row in rows for one in row if one == unk_id)
    bins = {
        "tokens": [_binned(float(size), LENGTHS)],
        "unknown": [_binned(unknown / max(size, 1), SHARES)],
        "script": [script_of(text if isinstance(text, str) else " ".join(text))],
    }
    match found:
        case Prediction():
            bins["label"] = [found.label]
            bins["confidence"] = [_binned(found.probability, CONFIDENCES)]
        case TaggedPrediction():
            bins["label"] = list(found.tags)
        case AnswerPrediction():
            bins["confidence"] = [_binned(found.probability, CONFIDENCES)]
    return bins


def observe_all(
    texts: Sequence[Any], asked: Asked, found: Sequence[Any], unk_id: int | None
) -> list[dict[str, list[str]]]:
    """The same of every text that was asked."""
    return [
        observe(text, [row.ids for row in rows], unk_id, one)
        for text, rows, one in zip(
            texts, asked.parted(asked.encodings), found, strict=True
        )
    ]


def count(observed: Iterable[Mapping[str, Sequence[str]]]) -> Reference:
    """How many texts fell into each bin."""
    counts: dict[str, Counter[str]] = {}
    texts = 0
    for one in observed:
        texts += 1
        for quantity, bins in one.items():
            counts.setdefault(quantity, Counter()).update(bins)
    ordered = {
        name: dict(sorted(counts[name].items()))
        for name in QUANTITIES
        if name in counts
    }
    return Reference(texts, ordered)


def _binned(value: float, ends: Sequence[float]) -> str:
    """A bin by its upper end, as it is written."""
    # Probabilities are a hair above 1 at times.
    at = bisect_left(ends, value - 1e-9)
    return f"<={ends[at]:g}" if at < len(ends) else f">{ends[-1]:g}"


def script_of(text: str) -> str:
    """The script that most letters of a text's beginning are of.

    By the first word of their names in Unicode, which is their script's.
    """
    letters = (one for one in text[:_LOOKED_AT] if one.isalpha())
    names = Counter(unicodedata.name(one, NO_SCRIPT).split()[0] for one in letters)
    return min(names, key=lambda name: (-names[name], name)) if names else NO_SCRIPT


def stability_index(expected: Mapping[str, int], seen: Mapping[str, int]) -> float:
    """Population stability index: 0 where both are alike, the larger the less.

    The sum over bins of (q - p) ln(q / p), which is the divergence of Kullback and
    Leibler both ways; shares have half a count added in every bin that either has.

    References:
        Yurdakul and Naranjo, "Statistical properties of the population stability
        index", 2020. https://doi.org/10.21314/JRMV.2020.227
    """
    bins = sorted({*expected, *seen})
    p, q = _shares(expected, bins), _shares(seen, bins)
    return math.fsum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))


def _shares(counts: Mapping[str, int], bins: Sequence[str]) -> list[float]:
    total = sum(counts.values()) + PSEUDO_COUNT * len(bins)
    return [(counts.get(name, 0) + PSEUDO_COUNT) / total for name in bins]


def to_content(reference: Reference) -> dict[str, Any]:
    """What the file of an exported model holds."""
    return {"format": FORMAT, "texts": reference.texts, "counts": reference.counts}


def read_reference(directory: Path) -> Reference | None:
    """What lies beside an exported model; None of one that was written without.

    Raises:
        CheckpointError: it is something else.
    """
    file = directory.expanduser() / FILE
    if not file.is_symlink() and not file.exists():
        return None
    content = read_json(file, CheckpointError, "Export the model again.", follow=False)
    counts = content.get("counts")
    is_such = (
        content.get("format") == FORMAT
        and _is_count(content.get("texts"))
        and isinstance(counts, dict)
        and {*counts} <= {*QUANTITIES}
        and all(_are_counts(bins) for bins in counts.values())
    )
    if not is_such:
        raise CheckpointError(
            f"{file}: must hold counts of {', '.join(QUANTITIES)}; got "
            f"{brief(content)}. Export the model again."
        )
    return Reference(content["texts"], content["counts"])


def _are_counts(bins: Any) -> bool:
    is_some = isinstance(bins, dict) and 0 < len(bins) <= MOST_BINS
    return is_some and all(map(_is_count, bins.values()))


def _is_count(value: Any) -> bool:
    # `True` is an `int` too, though never a count.
    return type(value) is int and 0 <= value < 1 << 53
