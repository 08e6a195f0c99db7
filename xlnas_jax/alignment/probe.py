"""Whether vectors tell their language, to a classifier that begins anew.

It is linear, and learns on half of the meanings to name the language of the other half;
then the halves change places. All of it is done anew for every set of vectors, so that
what was trained against another classifier cannot hide from this one.

References:
    Alain & Bengio, "Understanding intermediate layers using linear classifier probes",
    2016. https://arxiv.org/abs/1610.01644
    Elazar & Goldberg, "Adversarial removal of demographic attributes from text data",
    2018: what an adversary does not find, a classifier trained after it does.
    https://aclanthology.org/D18-1002/
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import log_softmax

from xlnas_jax.types import DataError

# Fewer of a language leave a half without any.
MIN_TEXTS = 4
_MOST_STEPS = 500

Vectors = Float[np.ndarray, "text model"]
Classes = Int[np.ndarray, " text"]


class Linear(NamedTuple):
    """A linear classifier; the axes of `kernel` are inputs first."""

    kernel: Float[np.ndarray, "model lang"]
    bias: Float[np.ndarray, " lang"]

    def scores(self, vectors: Vectors) -> Float[np.ndarray, "text lang"]:
        """Of every language, higher being likelier."""
        return vectors @ self.kernel + self.bias


class Probed(NamedTuple):
    """How often the language is named, and how often by chance."""

    accuracy: float
    chance: float


def probe(vectors: Mapping[str, Mapping[str, np.ndarray]]) -> Probed:
    """How often a fresh classifier names the language of vectors that it has not seen.

    Args:
        vectors: of each language, by meaning: translations of each other have the same
            one, and are on the same side of the division. As many of each language
            count as all have, of the meanings that come first.

    Raises:
        DataError: there are too few, of too few languages, or some are not finite.
    """
    size = min((len(own) for own in vectors.values()), default=0)
    if len(vectors) < 2 or size < MIN_TEXTS:
        raise DataError(
            f"probe: there must be at least {MIN_TEXTS} texts of each of at least 2 "
            f"languages; got {size} of {len(vectors)}."
        )
    chosen = [(own, name) for own in vectors.values() for name in list(own)[:size]]
    meanings = [name for _, name in chosen]
    place = {name: n for n, name in enumerate(dict.fromkeys(meanings))}
    every = np.stack([own[name] for own, name in chosen]).astype(np.float64)
    if not np.isfinite(every).all():
        raise DataError("probe: all vectors must be finite; some are not.")
    classes = np.repeat(np.arange(len(vectors)), size)
    is_first = np.asarray([place[name] % 2 == 0 for name in meanings])
    hits = np.zeros(len(every))
    for held in (is_first, ~is_first):
        mean, spread = every[~held].mean(0), every[~held].std(0)
        scaled = (every - mean) / np.where(spread == 0, 1.0, spread)
        found = fit(scaled[~held], classes[~held], len(vectors))
        hits[held] = _hits(found.scores(scaled[held]), classes[held])
    return Probed(float(hits.mean()), 1.0 / len(vectors))


def fit(vectors: Vectors, classes: Classes, count: int, penalty: float = 1.0) -> Linear:
    """Multinomial logistic regression of `count` classes, by L-BFGS.

    What is lowest: the sum of cross-entropies and half of `penalty` times the square of
    the kernel, the bias being free.
    """
    width = vectors.shape[1]
    wanted = np.eye(count)[classes]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        now = _linear(flat, width, count)
        said = log_softmax(now.scores(vectors), axis=1)
        apart = np.exp(said) - wanted
        value = penalty * np.square(now.kernel).sum() / 2.0 - (said * wanted).sum()
        slope = vectors.T @ apart + penalty * now.kernel
        return float(value), np.concatenate([slope.ravel(), apart.sum(0)])

    start = np.zeros((width + 1) * count)
    options = {"maxiter": _MOST_STEPS}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return _linear(found.x, width, count)


def _linear(flat: np.ndarray, width: int, count: int) -> Linear:
    return Linear(flat[: width * count].reshape(width, count), flat[width * count :])


def _hits(scores: np.ndarray, classes: Classes) -> Float[np.ndarray, " text"]:
    """1 where the own language scores best, its part where others do so too."""
    is_best = scores == scores.max(1, keepdims=True)
    return is_best[np.arange(len(classes)), classes] / is_best.sum(1)
