"""Means of languages, which are taken away from the vectors of their texts.

Much of what sentence vectors have in common is their language, and it stands in the way
of finding a translation. The mean of a language is found on text without labels, once
the network is what it will be.

References:
    Libovický et al., "On the language neutrality of pre-trained multilingual
    representations", 2020. https://aclanthology.org/2020.findings-emnlp.150/
    Yang et al., "A simple and effective method to eliminate the self language bias in
    multilingual representations", 2021.
    https://aclanthology.org/2021.emnlp-main.470/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from xlnas_jax.languages.codes import normalise

Vectors = Float[np.ndarray, "text model"]
# Of fewer texts the mean is theirs, and not the language's.
MIN_TEXTS = 8


@dataclass(frozen=True, eq=False)
class Centers:
    """Means of the vectors of some languages.

    Attributes:
        codes: canonical codes of languages, in the order of `means`.
        source: of the language that translations are told in.
    """

    codes: tuple[str, ...]
    means: Float[np.ndarray, "lang model"]
    source: str

    def of(self, language: str | None) -> Float[np.ndarray, " model"] | None:
        """The mean of a language in any spelling; None where none is known."""
        code = None if language is None else normalise(language)
        return self.means[self.codes.index(code)] if code in self.codes else None

    def both(
        self, language: str, ours: Vectors, theirs: Vectors
    ) -> tuple[Vectors, Vectors]:
        """Vectors of texts and of what they are in the source language.

        As they are where one of the two languages has no mean: with one alone moved,
        they would lie farther apart than before.
        """
        means = self.of(language), self.of(self.source)
        if means[0] is None or means[1] is None:
            return ours, theirs
        return without(ours, means[0]), without(theirs, means[1])


def without(vectors: Vectors, mean: Float[np.ndarray, " model"]) -> Vectors:
    """Vectors without a mean, of length 1 again; one that is the mean stays zeros."""
    moved = vectors - mean
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return moved / np.where(length > 0, length, 1.0).astype(moved.dtype)


def find_centers(
    encode: Callable[[Sequence[str]], Vectors],
    texts: Mapping[str, Sequence[str]],
    source: str,
) -> Centers:
    """The mean of every language that has enough texts.

    Args:
        encode: texts to their vectors, in order.
        texts: by canonical code.
    """
    means = {
        code: encode(own).mean(0, dtype=np.float64).astype(np.float32)
        for code, own in texts.items()
        if len(own) >= MIN_TEXTS
    }
    width = encode(()).shape[1]
    stacked = np.stack(list(means.values())) if means else np.zeros((0, width))
    return Centers(tuple(means), stacked.astype(np.float32), source)
