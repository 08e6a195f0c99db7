"""Vectors of texts, as they are predicted."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class TextVector(NamedTuple):
    """Where a text stands: a vector of length 1."""

    vector: tuple[float, ...]


def to_vectors(found: Float[np.ndarray, "text model"]) -> list[TextVector]:
    """One for each text, in order."""
    return [TextVector(tuple(row)) for row in found.tolist()]
