"""Translations found in two texts that nobody aligned.

References:
    Artetxe & Schwenk, "Margin-based Parallel Corpus Mining with Multilingual Sentence
    Embeddings", 2019. https://arxiv.org/abs/1811.01136
    Thompson & Koehn, "Vecalign", 2019 (sentences in order, several for one).
    https://aclanthology.org/D19-1136
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.mapping.dictionary import Source, Target
from xlnas_jax.alignment.measures.base import cosines
from xlnas_jax.alignment.measures.retrieval import MARGIN_NEIGHBOURS, Margin, margin
from xlnas_jax.types import DataError

# What leaving a sentence alone costs, where two unrelated ones cost a half together;
# and how many may stand for one.
_SKIP = 0.1
_MOST_TOGETHER = 3


class Mined(NamedTuple):
    """A sentence of each text, and how sure it is that they are translations."""

    source: int
    target: int
    score: float


class Block(NamedTuple):
    """Sentences that stand for each other; none on a side: nothing does."""

    source: tuple[int, ...]
    target: tuple[int, ...]


class Agreement(NamedTuple):
    """Of what was found, what is right, and of what is right, what was found."""

    precision: float
    recall: float
    f1: float


def mine(
    x: Source,
    y: Target,
    kind: Margin = "ratio",
    neighbours: int = MARGIN_NEIGHBOURS,
    threshold: float = -np.inf,
) -> list[Mined]:
    """Pairs from the surest on, each sentence once.

    Candidates are the nearest neighbours from both sides.
    """
    scores = margin(cosines(x, y), kind, neighbours)
    forwards = {(n, int(scores[n].argmax())) for n in range(len(scores))}
    backwards = {(int(scores[:, n].argmax()), n) for n in range(scores.shape[1])}
    every = sorted(forwards | backwards, key=lambda pair: (-scores[pair], pair))
    used: tuple[set[int], set[int]] = set(), set()
    found = []
    for source, target in every:
        score = float(scores[source, target])
        if score >= threshold and source not in used[0] and target not in used[1]:
            used[0].add(source)
            used[1].add(target)
            found.append(Mined(source, target, score))
    return found


def best_threshold(
    found: list[Mined], gold: Collection[tuple[int, int]]
) -> tuple[float, Agreement]:
    """The score from which on pairs agree best with known ones, by F1.

    To be chosen on other text than what is mined with it, as BUCC does.

    Raises:
        DataError: there are no known pairs, or none was found.
    """
    if not gold or not found:
        raise DataError(
            f"mining: there must be known pairs and found ones to choose a threshold; "
            f"got {len(gold)} and {len(found)}."
        )
    known = set(gold)
    order = sorted(found, key=lambda pair: -pair.score)
    right = np.cumsum([(pair.source, pair.target) in known for pair in order])
    taken = np.arange(1, len(order) + 1)
    f1 = 2 * right / (taken + len(known))
    best = int(f1.argmax())
    return order[best].score, agreement(order[: best + 1], known)


def agreement(found: Collection[Mined], gold: Collection[tuple[int, int]]) -> Agreement:
    """Precision, recall and F1 of mined pairs."""
    right = len({(pair.source, pair.target) for pair in found} & set(gold))
    precision = right / len(found) if found else 0.0
    recall = right / len(gold) if gold else 0.0
    total = precision + recall
    return Agreement(
        precision, recall, 2 * precision * recall / total if total else 0.0
    )


def align_in_order(
    x: Source, y: Target, most: int = _MOST_TOGETHER, skip: float = _SKIP
) -> list[Block]:
    """The sentences of two texts, which tell the same in the same order.

    The blocks of the least total cost: one for one, several for one (their vectors
    are summed), or nothing for one. Both texts are covered, in order. A block costs
    how far its sides are apart, measured by how far they are from sentences at large,
    times its sentences of both sides: what is joined must gain by it.

    Args:
        most: sentences of one side that stand together for one of the other.
        skip: the cost of a sentence without a partner.
    """
    sums = [_running(np.asarray(side, np.float64), most) for side in (x, y)]
    steps = [(1, 1)]
    steps += [pair for n in range(2, most + 1) for pair in ((n, 1), (1, n))]
    costs = {(n, m): _costs(sums[0][n], sums[1][m]) * (n * m) for n, m in steps}
    least = np.full((len(x) + 1, len(y) + 1), np.inf)
    least[0, 0] = 0.0
    came: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(len(x) + 1):
        for column in range(len(y) + 1):
            for ours, theirs in (*steps, (1, 0), (0, 1)):
                before = row - ours, column - theirs
                if min(before) < 0:
                    continue
                own = costs[ours, theirs][before] if ours and theirs else skip
                if least[before] + own < least[row, column]:
                    least[row, column] = least[before] + own
                    came[row, column] = before
    return _walked(came, (len(x), len(y)))


def _costs(x: Source, y: Target) -> Float[np.ndarray, "source target"]:
    """How far apart, over how far each is from the other text on average."""
    apart = 1.0 - cosines(x, y)
    usual = apart.mean(1, keepdims=True) + apart.mean(0, keepdims=True)
    return apart / np.maximum(usual, 1e-12)


def _running(
    side: Float[np.ndarray, "text model"], most: int
) -> dict[int, Float[np.ndarray, "text model"]]:
    """Sums of each sentence and the next ones, by how many; the last ones are fewer."""
    found = {1: side}
    for count in range(2, most + 1):
        total = found[count - 1].copy()
        total[: len(side) - count + 1] += side[count - 1 :]
        found[count] = total
    return found


def _walked(
    came: dict[tuple[int, int], tuple[int, int]], end: tuple[int, int]
) -> list[Block]:
    blocks = []
    while end != (0, 0):
        before = came[end]
        blocks.append(
            Block(tuple(range(before[0], end[0])), tuple(range(before[1], end[1])))
        )
        end = before
    return blocks[::-1]
