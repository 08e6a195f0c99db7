"""Work that candidates share: each distinct prefix of layers is computed once.

Two candidates that agree on their first layers compute the same there. A
population is a tree of such prefixes, each layer being two stages, attention and
feed-forward. Walked depth first it needs one stored activation for each depth,
however large the population is, and every node is one operation of a list that
compiled code can follow.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.space.space import SearchSpace

Stage = tuple[int, int, int]


class Operations(NamedTuple):
    """What to compute, in order; entries from `num` on only fill the shape.

    Attributes:
        branch: of each operation, 0 to score a candidate, else one more than the
            position of its choice: of a number of heads, after those of an inner
            width.
        layer: whose weights are used; of a score, the candidate.
        depth: which stored activation is read; the next one is written.
        num: how many are meant.
    """

    branch: Int[np.ndarray, " operation"]
    layer: Int[np.ndarray, " operation"]
    depth: Int[np.ndarray, " operation"]
    num: Int[np.ndarray, ""]


def plan_operations(
    space: SearchSpace, rows: Int[np.ndarray, "pop site"], num: int
) -> Operations:
    """The operations that score the first `num` candidates, in any order of theirs."""
    paths = paths_of(space, np.asarray(rows)[:num])
    most = len(rows) * (2 * space.knob("keep").sites + 1)
    table = np.zeros((3, most), np.int32)
    position = 0
    before: list[Stage] = []
    for candidate in sorted(range(num), key=paths.__getitem__):
        path = paths[candidate]
        for depth in range(common(before, path), len(path)):
            layer, _, branch = path[depth]
            table[:, position] = branch, layer, depth
            position += 1
        table[:, position] = 0, candidate, len(path)
        position += 1
        before = path
    return Operations(*table, num=np.asarray(position, np.int32))


def shared_work(
    space: SearchSpace, rows: Int[np.ndarray, "pop site"], costs: tuple[list, list]
) -> float:
    """Share of the population's encoder work that is done only once.

    Args:
        costs: work of one attention stage by choice of heads, and of one
            feed-forward stage by choice of inner width.
    """
    work = [*costs[0], *costs[1]]
    paths = paths_of(space, np.asarray(rows))
    total = sum(work[branch - 1] for path in paths for _, _, branch in path)
    plan = plan_operations(space, rows, len(rows))
    branches = plan.branch[: int(plan.num)]
    return 1.0 - sum(work[b - 1] for b in branches if b) / max(total, 1)


def paths_of(
    space: SearchSpace, rows: Int[np.ndarray, "pop site"]
) -> list[list[Stage]]:
    """Of each candidate its stages in order: layer, part of it, branch."""
    keep = np.asarray(space.knob("keep").choices)[rows[:, space.columns("keep")]]
    heads = rows[:, space.columns("heads")]
    ffn = rows[:, space.columns("ffn")]
    first = 1 + len(space.knob("heads").choices)
    paths = []
    for kept, head, neuron in zip(keep, heads, ffn, strict=True):
        path = []
        for layer in np.flatnonzero(kept).tolist():
            path.append((layer, 0, 1 + int(head[layer])))
            path.append((layer, 1, first + int(neuron[layer])))
        paths.append(path)
    return paths


def common(one: list[Stage], other: list[Stage]) -> int:
    """How many stages two paths begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
