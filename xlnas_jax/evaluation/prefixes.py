"""Work that candidates share: each distinct prefix of layers is computed once.

Two candidates that agree on their first stages compute the same there. A
population is a tree of such prefixes. Walked depth first it needs one stored
activation for each depth, however large the population is, and every node is one
operation of a list that compiled code can follow.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.stages.vocabulary import VOCABULARY, is_chosen

# Layer, number of the stage in it, branch.
Step = tuple[int, int, int]


class Operations(NamedTuple):
    """What to compute, in order; entries from `num` on only fill the shape.

    Attributes:
        branch: of each operation, 0 to score a candidate, else one more than the
            position of its option, those of the first stage before those of the next;
            the last one is to begin, where networks differ in their words' rows.
        layer: whose weights are used; of a score, the candidate; of a beginning, which
            rows.
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
    most = len(rows) * (len(space.stages) * space.gate.sites + 1 + is_chosen(space))
    table = np.zeros((3, most), np.int32)
    position = 0
    before: list[Step] = []
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
    space: SearchSpace,
    rows: Int[np.ndarray, "pop site"],
    costs: Sequence[Sequence[int]],
) -> float:
    """Share of the population's encoder work that is done only once.

    Args:
        costs: work of each stage, by its option (`CostModel.stages`).
    """
    # To begin is none.
    work = [*(one for own in costs for one in own), 0]
    paths = paths_of(space, np.asarray(rows))
    total = sum(work[branch - 1] for path in paths for _, _, branch in path)
    plan = plan_operations(space, rows, len(rows))
    branches = plan.branch[: int(plan.num)]
    return 1.0 - sum(work[b - 1] for b in branches if b) / max(total, 1)


def paths_of(space: SearchSpace, rows: Int[np.ndarray, "pop site"]) -> list[list[Step]]:
    """Of each candidate its stages in order; what is left out is none.

    Where networks differ in their words' rows, these are the beginning.
    """
    kept = space.is_kept(rows)
    table, first = [], 1
    for stage in space.stages:
        options = space.options(stage)
        is_there = np.asarray([not stage.is_absent(values) for values in options])
        found = space.options_of(stage, rows)
        table.append((first + found, is_there[found]))
        first += len(options)
    paths = []
    choices = rows[:, space.columns(VOCABULARY)] if is_chosen(space) else None
    for candidate, layers in enumerate(kept):
        begin = [] if choices is None else [(int(choices[candidate, 0]), -1, first)]
        path = [
            *begin,
            *(
                (layer, number, int(branch[candidate, layer]))
                for layer in np.flatnonzero(layers).tolist()
                for number, (branch, is_there) in enumerate(table)
                if is_there[candidate, layer]
            ),
        ]
        paths.append(path)
    return paths


def common(one: list[Step], other: list[Step]) -> int:
    """How many stages two paths begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
