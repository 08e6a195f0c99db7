"""One distance of all kinds, and what a user is shown of them.

Each kind counts by its weight and by how much is known: `d = sum w c d / sum w c`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.config.languages import DistanceConfig
from xlnas_jax.languages.codes import named, script_of
from xlnas_jax.languages.distance.genealogy import tree_distance
from xlnas_jax.languages.distance.texts import Pieces, between_counts, count_pieces
from xlnas_jax.languages.distance.typology import UNDEFINED, Kind, Measured, distance
from xlnas_jax.languages.distance.uriel import iso_of
from xlnas_jax.types import ConfigError

_ANGULAR: dict[str, Kind] = {
    "syntactic": "syntactic",
    "phonological": "phonological",
    "inventory": "inventory",
    "geographic": "geographic",
}
# Kinds that text is needed for, or nothing but the codes.
_SCRIPT, _SUBWORDS, _GENETIC = "script", "subwords", "genetic"

Matrix = Float[np.ndarray, "lang lang"]


class Distances(NamedTuple):
    """Between all pairs of some languages.

    Attributes:
        languages: normalised codes, in the order of rows and columns.
        values: of every kind, from the language of the row to that of the column; NaN
            where it is not known.
        confidence: likewise, 0 where it is not known.
        weights: of every kind.
    """

    languages: tuple[str, ...]
    values: Mapping[str, Matrix]
    confidence: Mapping[str, Matrix]
    weights: Mapping[str, float]

    def combined(self) -> Matrix:
        """The distance of all kinds; NaN where no kind that counts is known."""
        total, known = np.zeros(self._shape), np.zeros(self._shape)
        for kind, weight in self.weights.items():
            share = weight * self.confidence[kind]
            total += share * np.nan_to_num(self.values[kind])
            known += share
        return np.where(known > 0, total / np.where(known > 0, known, 1.0), np.nan)

    def combined_confidence(self) -> Matrix:
        """The share of the weights that stands behind it."""
        known = np.zeros(self._shape)
        for kind, weight in self.weights.items():
            known += weight * self.confidence[kind]
        return known / sum(self.weights.values())

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.languages), len(self.languages)


def measure(
    languages: Sequence[str],
    config: DistanceConfig,
    pieces: Mapping[str, Pieces] | None = None,
    is_strict: bool = True,
) -> Distances:
    """All kinds of distance between all pairs.

    Args:
        languages: normalised codes.
        pieces: by language, ids of the tokens of its texts; without, sub-words say
            nothing.
        is_strict: something must be known of every pair.

    Raises:
        ConfigError: of some pair nothing is known that counts.
    """
    codes = tuple(languages)
    weights = asdict(config)
    isos = {code: iso_of(code) for code in codes}
    counts = {code: count_pieces(own) for code, own in (pieces or {}).items()}
    values = {kind: np.full((len(codes), len(codes)), np.nan) for kind in weights}
    confidence = {kind: np.zeros((len(codes), len(codes))) for kind in weights}
    for kind in weights:
        for row, ours in enumerate(codes):
            for column, theirs in enumerate(codes):
                found = _one(kind, (ours, theirs), isos, counts)
                values[kind][row, column] = found.value
                confidence[kind][row, column] = found.confidence
    made = Distances(codes, values, confidence, weights)
    if is_strict:
        _require_known(made)
    return made


def _one(
    kind: str,
    pair: tuple[str, str],
    isos: Mapping[str, str | None],
    counts: Mapping[str, Counter[int]],
) -> Measured:
    if kind == _SUBWORDS:
        if not all(code in counts for code in pair):
            return UNDEFINED
        return between_counts(counts[pair[0]], counts[pair[1]])
    if kind == _SCRIPT:
        return _between_scripts(*pair)
    ours, theirs = isos[pair[0]], isos[pair[1]]
    if ours is None or theirs is None:
        return UNDEFINED
    if kind == _GENETIC:
        return tree_distance(ours, theirs)
    return distance(_ANGULAR[kind], ours, theirs)


def _between_scripts(ours: str, theirs: str) -> Measured:
    """0 for the same usual script, 1 for another."""
    scripts = script_of(ours), script_of(theirs)
    if None in scripts:
        return UNDEFINED
    return Measured(float(scripts[0] != scripts[1]), 1.0)


def _require_known(made: Distances) -> None:
    unknown = np.argwhere(np.isnan(made.combined()))
    if not len(unknown):
        return
    row, column = unknown[0]
    ours, theirs = made.languages[row], made.languages[column]
    counted = [kind for kind, weight in made.weights.items() if weight]
    raise ConfigError(
        f"languages.distance: something must be known of every pair; of {named(ours)} "
        f"and {named(theirs)} none of {counted} is. Give a kind that is known of them "
        f"a weight (subwords needs text alone), or leave one of them out."
    )
