"""Candidates that no strategy drew: large random networks, and larger variants."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from xlnas_jax.controllers.base import Rows, Setting
from xlnas_jax.objectives.signals import Box, budget
from xlnas_jax.space.constraints import is_feasible, limits
from xlnas_jax.space.space import SearchSpace

# Random networks looked at for immigrants, so many times, so many each time.
TRIES, DRAWS = 16, 256


def make_immigrants(
    setting: Setting, box: Box
) -> Callable[[np.random.Generator, int], Rows]:
    """Builds `(rng, num) -> rows`: distinct networks that are large and feasible.

    Each is drawn at a size of its own, from small to large alike, since independent
    uniform choices would all make networks of nearly the same cost. Those between the
    middle and the end of the budget are kept, by the cost that is nearest to its end;
    there may be fewer than asked for.
    """
    costs, space = setting.costs.planned(), setting.space
    names = {o.name for o in box.objectives if o.is_cost}
    names = sorted(names | set(limits(setting.constraints))) or ["flops"]
    top, low = budget(costs, setting.constraints), costs.smallest()
    num_choices = np.asarray(space.num_choices)
    is_ordered = np.asarray([k.is_ordered for k in space.knobs for _ in range(k.sites)])

    def draw(rng: np.random.Generator, num: int) -> Rows:
        kept: dict[bytes, Int[np.ndarray, " site"]] = {}
        for _ in range(TRIES):
            chance = rng.random((DRAWS, 1))
            ranks = rng.binomial(num_choices - 1, chance)
            any_choice = rng.integers(0, num_choices, ranks.shape)
            rows = np.where(is_ordered, ranks, any_choice).astype(np.int32)
            rows = space.canonical(rows)
            counts = costs(rows)
            sizes = [(counts[n] - low[n]) / max(top[n] - low[n], 1) for n in names]
            size = np.max(sizes, axis=0)
            # Few at a time: where latency is measured, every look takes a while.
            rows = rows[(size >= 0.5) & (size <= 1.0)][: 2 * num]
            rows = rows[is_feasible(rows, setting.costs, setting.constraints)]
            kept |= {row.tobytes(): row for row in rows}
            if len(kept) >= num:
                break
        found = list(kept.values())[:num]
        return np.stack(found) if found else np.zeros((0, len(num_choices)), np.int32)

    return draw


def raised(setting: Setting, rows: Rows) -> Rows:
    """The rows without the lowest choices, where that is feasible.

    A knob with two choices would be fixed by it, and is left alone.
    """
    space = setting.space
    lowest = [
        int(knob.is_ordered and len(knob.choices) > 2)
        for knob in space.knobs
        for _ in range(knob.sites)
    ]
    raised = np.maximum(rows, np.asarray(lowest, rows.dtype))
    fits = is_feasible(raised, setting.costs, setting.constraints)
    is_other = (space.canonical(raised) != space.canonical(rows)).any(-1)
    return np.where((fits & is_other)[:, None], raised, rows)


def exchange(
    space: SearchSpace, rows: Rows, new: Int[np.ndarray, "new site"], start: int
) -> Rows:
    """The rows with `new` from `start` on, but for networks that are there already."""
    rows = rows.copy()
    names = [row.tobytes() for row in space.canonical(rows)]
    for place, row in enumerate(new, start):
        name = space.canonical(row[None])[0].tobytes()
        if name not in names:
            rows[place], names[place] = row, name
    return rows
