"""How far two spaces are from being the same up to a motion: a lower bound of it.

The bottleneck distance between the diagrams of connected components (H0), as the tools
of the field compute it. A component ends where an edge of the least spanning tree joins
it to another, so a diagram is the list of the tree's edges.

References:
    Patra et al., "Bilingual Lexicon Induction with Semi-supervision in Non-Isometric
    Embedding Spaces", 2019. https://arxiv.org/abs/1908.06625
"""

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import minimum_spanning_tree

from xlnas_jax.alignment.measures.base import Vectors, checked, cosines

# As many as there are: the two sides need not have equally many.
Deaths = Float[np.ndarray, " _"]
_STEPS = 60


def gromov_hausdorff(x: Vectors, y: Vectors) -> float:
    """The bottleneck distance of the two spaces; distances are sqrt(2 - 2 cosine)."""
    x, y = checked(x, y)
    return bottleneck(deaths(x), deaths(y))


def deaths(x: Vectors) -> Deaths:
    """Lengths of the edges of the least spanning tree, ascending."""
    cosine = np.clip(cosines(x, x), -1.0, 1.0)
    apart = np.sqrt(2.0 - 2.0 * cosine)
    # A sparse matrix takes 0 for no edge.
    tiny = np.finfo(np.float64).tiny
    np.fill_diagonal(apart, 0.0)
    edges = minimum_spanning_tree(np.where(apart == 0, tiny, apart)).data
    return np.sort(np.where(edges == tiny, 0.0, edges))


def bottleneck(ours: Deaths, theirs: Deaths) -> float:
    """The least `t` at which all that lives longer than `2 t` finds a partner.

    Components are born at 0. Two are matched at the difference of their ends, and one
    alone dies on the diagonal at half of its own.
    """
    low, high = 0.0, float(max(ours.max(), theirs.max())) / 2.0
    if _is_enough(ours, theirs, 0.0):
        return 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if _is_enough(ours, theirs, middle):
            high = middle
        else:
            low = middle
    return high


def _is_enough(ours: Deaths, theirs: Deaths, distance: float) -> bool:
    """Whether all that must be matched can be, on both sides.

    That each side's can be is enough: the two matchings make one (Mendelsohn &
    Dulmage, 1958).
    """
    return _covers(ours, theirs, distance) and _covers(theirs, ours, distance)


def _covers(ours: Deaths, theirs: Deaths, distance: float) -> bool:
    """Whether each of ours that lives long gets a partner of its own.

    All windows are equally wide, so that the first free one in each is the best.
    """
    free = 0
    for death in ours[ours > 2.0 * distance]:
        free = max(free, int(np.searchsorted(theirs, death - distance)))
        if free == len(theirs) or theirs[free] > death + distance:
            return False
        free += 1
    return True
