"""The list of operations computes every candidate, and nothing twice."""

import jax
import numpy as np
import pytest

from tests.models import tiny_space
from xlnas_jax.evaluation.prefixes import plan_operations, shared_work

SPACE = tiny_space()
COSTS = ([1, 2, 4], [3, 6, 12])


def population(num: int, seed: int) -> np.ndarray:
    return np.array(SPACE.flatten(SPACE.sample(jax.random.key(seed), num)))


def stages_of(row: np.ndarray) -> list[tuple[int, int]]:
    """Branch and layer of each stage of one candidate, from the values of its knobs."""
    values, found = SPACE.values(row), []
    heads, ffn = SPACE.knob("heads").choices, SPACE.knob("ffn").choices
    for layer, keep in enumerate(values["keep"]):
        if keep:
            found.append((1 + heads.index(values["heads"][layer]), layer))
            branch = 1 + len(heads) + ffn.index(values["ffn"][layer])
            found.append((branch, layer))
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("num", [0, 1, 5, 20])
def test_following_the_list_runs_every_candidate_through_its_own_stages(seed, num):
    rows = population(20, seed)
    rows[7] = rows[3]  # the same network twice
    plan = plan_operations(SPACE, rows, num)
    stack: list = [[] for _ in range(2 * SPACE.knob("keep").sites + 1)]
    scored = {}
    for i in range(int(plan.num)):
        branch, layer, depth = plan.branch[i], plan.layer[i], plan.depth[i]
        if branch == 0:
            scored[int(layer)] = stack[depth]
        else:
            stack[depth + 1] = [*stack[depth], (int(branch), int(layer))]
    assert scored == {c: stages_of(rows[c]) for c in range(num)}


@pytest.mark.parametrize("seed", range(5))
def test_no_prefix_is_computed_twice(seed):
    rows = population(40, seed)
    plan = plan_operations(SPACE, rows, 40)
    paths = [stages_of(row) for row in rows]
    distinct = {tuple(p[: n + 1]) for p in paths for n in range(len(p))}
    branches = plan.branch[: int(plan.num)]
    assert int((branches > 0).sum()) == len(distinct)
    assert int((branches == 0).sum()) == 40


def test_shared_work_is_that_of_the_repetitions():
    row = population(1, 0)
    assert shared_work(SPACE, row, COSTS) == 0.0
    assert shared_work(SPACE, np.repeat(row, 4, axis=0), COSTS) == pytest.approx(0.75)
    many = shared_work(SPACE, population(60, 1), COSTS)
    few = shared_work(SPACE, population(6, 1), COSTS)
    assert 0.0 <= few < many < 1.0
