"""Two embeddings mapped into one space, with a dictionary, a small one, or none.

References:
    Artetxe, Labaka & Agirre, "Generalizing and Improving Bilingual Word Embedding
    Mappings with a Multi-Step Framework of Linear Transformations", 2018 (supervised).
    https://doi.org/10.1609/aaai.v32i1.11992
    Artetxe, Labaka & Agirre, "A robust self-learning method for fully unsupervised
    cross-lingual mappings of word embeddings", 2018. https://arxiv.org/abs/1805.06297
    The constants are those of https://github.com/artetxem/vecmap
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.alignment.mapping.dictionary import Source, Target
from xlnas_jax.alignment.measures.base import unit
from xlnas_jax.alignment.measures.procrustes import rotation
from xlnas_jax.alignment.measures.retrieval import nearest_mean
from xlnas_jax.types import DataError

Square = Float[np.ndarray, "model model"]
Rows = Int[np.ndarray, " pair"]
# Of the singular values, on both sides, in the supervised mapping.
_REWEIGHT = 0.5


class Learning(NamedTuple):
    """How a dictionary is learnt from itself.

    Attributes:
        cutoff: only so many of the most frequent words, which come first, take part.
        initial: so many of them in the first dictionary, which is made of nothing.
        neighbours: of CSLS.
        keep: the share of similarities that the first dictionaries are chosen among;
            by chance, so that a bad start is left.
        growth: of that share whenever nothing has improved for `patience` turns.
        threshold: what an improvement is, of the mean similarity.
        most: turns, whatever is gained.
    """

    cutoff: int = 20_000
    initial: int = 4_000
    neighbours: int = 10
    keep: float = 0.1
    growth: float = 2.0
    patience: int = 50
    threshold: float = 1e-6
    most: int = 5_000


class Mapped(NamedTuple):
    """Both languages in one space, where cosines compare them.

    Attributes:
        objective: mean similarity of nearest neighbours; NaN where nothing was learnt
            from itself.
    """

    source: Source
    target: Target
    objective: float


DEFAULT = Learning()


def normalised(x: Source) -> Source:
    """Length 1, then mean 0, then length 1 again."""
    x = unit(np.asarray(x, np.float64))
    return unit(x - x.mean(0))


def comparable(x: np.ndarray, y: np.ndarray) -> tuple[Source, Target]:
    """Both normalised.

    Raises:
        DataError: they have vectors of different sizes, fewer than two words, or
            numbers that are not finite.
    """
    x, y = (np.asarray(v, np.float64) for v in (x, y))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise DataError(
            f"embeddings: those of both languages must be tables of vectors of one "
            f"size; got shapes {x.shape} and {y.shape}."
        )
    if min(len(x), len(y)) < 2:
        raise DataError(
            f"embeddings: each language must have at least 2 words; got {len(x)} and "
            f"{len(y)}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError(
            "embeddings: every number must be finite; got some that are not."
        )
    return normalised(x), normalised(y)


def map_supervised(x: Source, y: Target, source: Rows, target: Rows) -> Mapped:
    """By a dictionary: whitened, turned, weighted by what they share, and coloured.

    Args:
        source, target: rows of words that translate each other.

    Raises:
        DataError: it has fewer pairs than it takes.
    """
    x, y = comparable(x, y)
    _require_pairs(source)
    return Mapped(*_refined(x, y, source, target), float("nan"))


def map_unsupervised(
    x: Source, y: Target, seed: int = 0, learning: Learning = DEFAULT
) -> Mapped:
    """Without any: words whose similarities to all others look alike are a start.

    It fails on distant languages: try several seeds, and say how many agree.
    """
    x, y = comparable(x, y)
    source, target = _alike(x, y, learning)
    return _self_learnt(x, y, source, target, seed, learning)


def map_semi_supervised(
    x: Source,
    y: Target,
    source: Rows,
    target: Rows,
    seed: int = 0,
    learning: Learning = DEFAULT,
) -> Mapped:
    """From a small dictionary, which then grows by itself."""
    x, y = comparable(x, y)
    _require_pairs(source)
    return _self_learnt(x, y, source, target, seed, learning)


def _self_learnt(
    x: Source, y: Target, source: Rows, target: Rows, seed: int, learning: Learning
) -> Mapped:
    """Mapping and dictionary in turns, until chance plays no part and nothing gains."""
    rng = np.random.default_rng(seed)
    head = slice(learning.cutoff)
    keep, best, improved = learning.keep, -np.inf, 0
    for turn in range(learning.most):
        if turn - improved > learning.patience:
            if keep >= 1.0:
                break
            keep, improved = min(1.0, keep * learning.growth), turn
        turned = x[head] @ rotation(x[source], y[target]).T
        scores = turned @ y[head].T
        source, target, objective = _induced(scores, keep, rng, learning.neighbours)
        if objective >= best + learning.threshold:
            best, improved = objective, turn
    return Mapped(*_refined(x, y, source, target), float(best))


def _induced(
    scores: Float[np.ndarray, "source target"],
    keep: float,
    rng: np.random.Generator,
    neighbours: int,
) -> tuple[Rows, Rows, float]:
    """Each word with its nearest of the other language, from both sides."""
    forwards = _without_hubs(scores, 0, neighbours)
    backwards = _without_hubs(scores, 1, neighbours)
    objective = (scores.max(1).mean() + scores.max(0).mean()) / 2.0
    ours = _dropped(forwards, keep, rng).argmax(1)
    theirs = _dropped(backwards, keep, rng).argmax(0)
    source = np.concatenate([np.arange(len(ours)), theirs])
    target = np.concatenate([ours, np.arange(len(theirs))])
    return source, target, float(objective)


def _without_hubs(
    scores: Float[np.ndarray, "source target"], axis: int, neighbours: int
) -> Float[np.ndarray, "source target"]:
    """Less half of what the other side's words have with their nearest."""
    return scores - nearest_mean(scores, axis, neighbours) / 2.0


def _dropped(
    scores: Float[np.ndarray, "source target"], keep: float, rng: np.random.Generator
) -> Float[np.ndarray, "source target"]:
    """Entries set to 0 by chance, as the authors do it."""
    if keep >= 1.0:
        return scores
    return scores * (rng.random(scores.shape) < keep)


def _alike(x: Source, y: Target, learning: Learning) -> tuple[Rows, Rows]:
    """The dictionary of words whose sorted similarities to all others are alike."""
    size = min(len(x), len(y), learning.initial)
    sides = []
    for vectors in (x[:size], y[:size]):
        left, scale, _ = np.linalg.svd(vectors, full_matrices=False)
        # The root of the matrix of similarities.
        sides.append(normalised(np.sort((left * scale) @ left.T, axis=1)))
    scores = sides[0] @ sides[1].T
    hubs = [
        scores - _without_hubs(scores, axis, learning.neighbours) for axis in (0, 1)
    ]
    both = scores - hubs[0] - hubs[1]
    source = np.concatenate([np.arange(size), both.argmax(0)])
    target = np.concatenate([both.argmax(1), np.arange(size)])
    return source, target


def _refined(x: Source, y: Target, source: Rows, target: Rows) -> tuple[Source, Target]:
    """The framework's steps; a turn alone where pairs do not span the space."""
    ours, theirs = x[source], y[target]
    width = x.shape[1]
    if min(np.linalg.matrix_rank(one) for one in (ours, theirs)) < width:
        return x @ rotation(ours, theirs).T, y
    whiten = _whitening(ours), _whitening(theirs)
    left, scale, right = np.linalg.svd((ours @ whiten[0]).T @ (theirs @ whiten[1]))
    sides = []
    for vectors, white, turn in ((x, whiten[0], left), (y, whiten[1], right.T)):
        colour = turn.T @ np.linalg.inv(white) @ turn
        sides.append(vectors @ white @ turn * scale**_REWEIGHT @ colour)
    return sides[0], sides[1]


def _whitening(x: Source) -> Square:
    """What gives every direction the same spread."""
    _, scale, right = np.linalg.svd(x, full_matrices=False)
    return right.T / scale @ right


def _require_pairs(source: Rows) -> None:
    if len(source) < 2:
        raise DataError(
            f"a dictionary must have at least 2 pairs of words; got {len(source)}."
        )
