"""Which languages to transfer from and to choose on, by how far targets are.

References:
    Lin et al., "Choosing Transfer Languages for Cross-Lingual Learning" (LangRank),
    2019, which learns the weights of such distances; here they are given.
    https://aclanthology.org/P19-1301
    Nemhauser, Wolsey & Fisher, "An analysis of approximations for maximizing submodular
    set functions", 1978: what greedy covering loses.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Table = Float[np.ndarray, "candidate target"]


class Ranked(NamedTuple):
    """One candidate.

    Attributes:
        distance: mean over the targets of which something is known; NaN: of none.
        nearest: the target that it is nearest to.
    """

    language: str
    distance: float
    nearest: str


def rank(
    distances: Table, candidates: Sequence[str], targets: Sequence[str]
) -> list[Ranked]:
    """All candidates, nearest to the targets on average first; unknown ones last."""
    found = []
    for row, name in zip(distances, candidates, strict=True):
        known = np.isfinite(row)
        mean = float(row[known].mean()) if known.any() else np.nan
        nearest = targets[int(np.nanargmin(row))] if known.any() else ""
        found.append(Ranked(name, mean, nearest))
    return sorted(found, key=lambda one: (np.isnan(one.distance), one.distance))


def cover(distances: Table, count: int) -> list[int]:
    """Candidates that together are near to all targets, the most useful first.

    Each next one lowers most the mean over targets of the distance to the nearest of
    those taken; of equal ones the nearest on average. What is not known is as far as
    can be (1).
    """
    table = np.where(np.isfinite(distances), distances, 1.0)
    taken: list[int] = []
    nearest = np.full(table.shape[1], np.inf)
    while len(taken) < min(count, len(table)):
        means = np.minimum(table, nearest).mean(1)
        means[taken] = np.inf
        # Where nothing is gained any more, the nearest by itself.
        best = int(np.lexsort((table.mean(1), means))[0])
        taken.append(best)
        nearest = np.minimum(nearest, table[best])
    return taken
