"""Distance by features that linguists recorded of both languages.

References:
    Khan et al., "URIEL+", 2025, whose definition this is.
    https://aclanthology.org/2025.coling-main.463
"""

import functools
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.languages.distance.uriel import Source, features, mean_of_known

Kind = Literal[
    "syntactic",
    "phonological",
    "inventory",
    "featural",
    "genetic",
    "geographic",
    "script",
]
_PLACES: dict[Kind, tuple[Source, str]] = {
    "syntactic": ("typology", "S_"),
    "phonological": ("typology", "P_"),
    "inventory": ("typology", "INV_"),
    "featural": ("typology", ""),
    "genetic": ("families", ""),
    "geographic": ("geography", ""),
    "script": ("scripts", ""),
}
Vector = Float[np.ndarray, " feature"]


class Measured(NamedTuple):
    """A distance, and how much stands behind it.

    Attributes:
        value: 0 for equal languages; NaN where nothing is known of both.
        confidence: between 0, where it is not known, and 1.
    """

    value: float
    confidence: float


class Described(NamedTuple):
    """A language by its features.

    Attributes:
        vector: NaN where nobody knows.
        nearness: 1 if they are its own; less if relatives stand in for it, the less
            the farther they are.
    """

    vector: Vector
    nearness: float


UNDEFINED = Measured(float("nan"), 0.0)


def angular(ours: Vector, theirs: Vector) -> float:
    """The angle between two vectors, from 0 to 1 where it is a right one.

    A vector of zeros counts as one of equal entries, as in `urielplus`.
    """
    units = []
    for vector in (ours, theirs):
        vector = np.asarray(vector, np.float64)
        if not vector.any():
            vector = np.ones_like(vector)
        units.append(vector / np.linalg.norm(vector))
    cosine = float(np.clip(units[0] @ units[1], -1.0, 1.0))
    return float(2.0 / np.pi * np.arccos(cosine))


def observed(kind: Kind, iso: str) -> Vector | None:
    """What is known of a language itself; None if nothing is."""
    source, prefix = _PLACES[kind]
    known = features(source)
    if iso not in known.place:
        return None
    row = known.values[known.place[iso]]
    vector = row[known.columns(prefix)].astype(np.float32)
    return vector if np.isfinite(vector).any() else None


@functools.lru_cache(maxsize=4096)
def described(kind: Kind, iso: str) -> Described | None:
    """Features of a language, or of its nearest relatives of which any are known.

    Relatives are the members of the smallest family in which there is one; of every
    feature their mean stands. Only where languages are built alike if they are
    related: not of families themselves, places and scripts.
    """
    own = observed(kind, iso)
    if own is not None:
        return Described(own, 1.0)
    source, prefix = _PLACES[kind]
    families = features("families")
    if source != "typology" or iso not in families.place:
        return None
    known = features(source)
    values = known.values[:, known.columns(prefix)]
    lineage = families_of(iso)
    for depth in range(len(lineage), 0, -1):
        members = _members(lineage[depth - 1])
        rows = [known.place[one] for one in members if one in known.place]
        rows = [row for row in rows if np.isfinite(values[row]).any()]
        if rows:
            return Described(mean_of_known(values[rows], 0), depth / (len(lineage) + 1))
    return None


def distance(kind: Kind, ours: str, theirs: str) -> Measured:
    """The angle between what is known of both, by ISO 639-3 codes.

    Its confidence is the share of all features of the kind that are known of both.
    """
    pair = described(kind, ours), described(kind, theirs)
    if pair[0] is None or pair[1] is None:
        return UNDEFINED
    one, other = pair[0], pair[1]
    is_shared = np.isfinite(one.vector) & np.isfinite(other.vector)
    if not is_shared.any():
        return UNDEFINED
    value = 0.0
    if ours != theirs:
        value = angular(one.vector[is_shared], other.vector[is_shared])
    return Measured(value, float(is_shared.mean()) * one.nearness * other.nearness)


@functools.lru_cache(maxsize=4096)
def families_of(iso: str) -> tuple[str, ...]:
    """The families that a language belongs to, from the largest to the smallest.

    None if it has no relative, or is not known at all.
    """
    known = features("families")
    if iso not in known.place:
        return ()
    columns = np.flatnonzero(known.values[known.place[iso]])
    sizes = known.values[:, columns].sum(0)
    order = np.lexsort((columns, -sizes))
    return tuple(known.names[columns[n]] for n in order)


def _members(family: str) -> list[str]:
    known = features("families")
    column = known.values[:, known.names.index(family)]
    return [code for code, row in known.place.items() if column[row]]
