"""Random candidates of an experiment, and the keys they are drawn by."""

import functools
from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Array, Int, Key

from xlnas_jax.config.config import Config
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.space.space import SearchSpace

Rows = Int[np.ndarray, "pop site"]
# A purpose keeps its number for ever: runs are resumed by it.
PURPOSES = ("init", "ask", "control", "tune", "agree", "refine", "method")


def round_key(config: Config, purpose: str, number: int) -> Key[Array, ""]:
    """The random key of one purpose in one round; nothing to save, nothing reused."""
    key = jax.random.fold_in(jax.random.key(config.seed), PURPOSES.index(purpose))
    return jax.random.fold_in(key, number)


def distinct(experiment: Experiment, rows: Rows) -> Int[np.ndarray, "distinct site"]:
    """Feasible rows in canonical form, each once, in order of first appearance."""
    rows = experiment.space.canonical(rows)
    rows = rows[is_feasible(rows, experiment.costs, experiment.config.constraints)]
    first = np.unique(rows, axis=0, return_index=True)[1]
    return rows[np.sort(first)]


def draw_feasible(
    experiment: Experiment, wanted: int, purpose: str
) -> Int[np.ndarray, "drawn site"]:
    """Uniform draws within the limits, none twice.

    Fewer than `wanted` where `search.max_tries` do not find as many; the smallest
    network where they find none.
    """
    config, space = experiment.config, experiment.space
    draw = _make_draw(space, 4 * wanted)
    rows = np.zeros((0, len(space.num_choices)), np.int32)
    for attempt in range(config.search.max_tries):
        drawn = np.asarray(draw(round_key(config, purpose, attempt)))
        rows = distinct(experiment, np.concatenate([rows, drawn]))
        if len(rows) >= wanted:
            break
    if not len(rows):
        rows = distinct(experiment, experiment.costs.smallest_rows())[:1]
    return rows[:wanted]


@functools.lru_cache(16)
def _make_draw(space: SearchSpace, num: int) -> Callable[[Key[Array, ""]], Array]:
    """Compiled once for a space and a number."""
    return jax.jit(lambda key: space.flatten(space.sample(key, num)))
