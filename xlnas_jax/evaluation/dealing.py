"""Which device scores which candidates: so that all finish together, and soon.

Devices do not see what others compute. So candidates that share their first layers
belong on one device, which computes those once (see `prefixes`), and what a hand of
candidates costs is not the sum of what each costs.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.evaluation.prefixes import common, paths_of, plan_operations
from xlnas_jax.space.space import SearchSpace

Hand = Int[np.ndarray, " _"]
# Of each stage, by its option.
Work = Sequence[Sequence[int]]

# So many times its even share may be one device's: candidates that share a lot.
ROOM = 4
_PIECES = (1, 2)
_HALVINGS = 24


def deal(num: int, hands: int) -> list[Hand]:
    """As many candidates for each device, for forms in which all cost the same."""
    return [np.arange(hand, num, hands) for hand in range(hands)]


def deal_prefixes(
    space: SearchSpace, work: Work, rows: Int[np.ndarray, "pop site"], hands: int
) -> list[Hand]:
    """Candidates dealt out by what each device will really compute.

    In the order of their paths, in which those that share most are neighbours, they
    are cut into pieces of about the same work, one or two for each device; of two,
    the costliest are given out first, always to the device with least work (longest
    processing time first). What ends sooner is taken.

    References:
        Graham, "Bounds on Multiprocessing Timing Anomalies", 1969.
        https://doi.org/10.1137/0117039
    """
    room = ROOM * -(-len(rows) // hands)
    order, whole, added = _in_order(space, work, rows)
    found = []
    for pieces in _PIECES:
        most = max(1, room // pieces)
        starts = _cut(whole, added, hands * pieces, most)
        costs = [whole[a] + added[a + 1 : b].sum() for a, b in starts]
        dealt, loads = _longest_first(starts, costs, hands, room)
        found.append((max(loads), dealt))
    _, dealt = min(found, key=lambda one: one[0])
    return [np.sort(np.asarray([order[i] for i in hand], np.int64)) for hand in dealt]


def hand_loads(
    space: SearchSpace,
    work: Work,
    rows: Int[np.ndarray, "pop site"],
    dealt: list[Hand],
) -> Float[np.ndarray, " hand"]:
    """Work that each device really does."""
    # To begin with a choice of words' rows, the last branch, is no work.
    by_branch = np.asarray([1, *(one for own in work for one in own), 0], float)
    plans = [plan_operations(space, rows[hand], len(hand)) for hand in dealt]
    return np.asarray([by_branch[p.branch[: int(p.num)]].sum() for p in plans])


def imbalance(loads: Float[np.ndarray, " hand"]) -> float:
    """How much longer the busiest device works than the mean one, as a share."""
    return float(loads.max() / loads.mean() - 1.0) if loads.any() else 0.0


def _in_order(
    space: SearchSpace, work: Work, rows: Int[np.ndarray, "pop site"]
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """The order of the paths; work of each alone, and after the one before it."""
    by_branch = [1, *(one for own in work for one in own), 0]
    paths = paths_of(space, rows)
    order = sorted(range(len(paths)), key=paths.__getitem__)
    whole, added = np.zeros(len(order)), np.zeros(len(order))
    for i, candidate in enumerate(order):
        path = paths[candidate]
        shared = common(paths[order[i - 1]], path) if i else 0
        costs = [by_branch[branch] for _, _, branch in path]
        # One for reading the candidate out, so that none is free.
        whole[i] = sum(costs) + 1
        added[i] = sum(costs[shared:]) + 1
    return order, whole, added


def _cut(
    whole: np.ndarray, added: np.ndarray, pieces: int, most: int
) -> list[tuple[int, int]]:
    """At most so many pieces of neighbours, the costliest as cheap as can be."""
    if not len(whole):
        return []
    low, high = float(whole.max()), float(whole[0] + added[1:].sum())
    found = _filled(whole, added, high, most)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = _filled(whole, added, middle, most)
        if len(tried) <= pieces:
            found, high = tried, middle
        else:
            low = middle
    return found


def _filled(
    whole: np.ndarray, added: np.ndarray, bound: float, most: int
) -> list[tuple[int, int]]:
    """Pieces from the left, each as long as the bound allows."""
    total = np.concatenate([[0.0], np.cumsum(added)])
    found, start = [], 0
    while start < len(whole):
        # The first of a piece shares with none: all of its path is computed.
        limit = bound - whole[start] + total[start + 1]
        end = int(np.searchsorted(total, limit, side="right")) - 1
        end = min(max(end, start + 1), start + most, len(whole))
        found.append((start, end))
        start = end
    return found


def _longest_first(
    pieces: list[tuple[int, int]], costs: list[float], hands: int, room: int
) -> tuple[list[list[int]], np.ndarray]:
    """Pieces to the device with least work that has room."""
    loads, counts = np.zeros(hands), np.zeros(hands, np.int64)
    dealt: list[list[int]] = [[] for _ in range(hands)]
    for number in np.argsort(-np.asarray(costs), kind="stable"):
        start, end = pieces[number]
        is_open = counts + (end - start) <= room
        chosen = int(np.where(is_open, loads, np.inf).argmin())
        dealt[chosen].extend(range(start, end))
        loads[chosen] += costs[number]
        counts[chosen] += end - start
    return dealt, loads
