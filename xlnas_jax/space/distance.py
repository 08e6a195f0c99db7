"""How far architectures are from each other: 0 for equal ones, 1 at most."""

import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.space.space import SearchSpace

Rows = Int[np.ndarray, "pop site"]


def distances(
    space: SearchSpace, one: Rows, other: Int[np.ndarray, "more site"]
) -> Float[np.ndarray, "pop more"]:
    """Mean over sites of the distance between choices, for canonical rows.

    Choices of an ordered knob are as far apart as their ranks, in shares of the
    whole range; other choices are equal or not. Sites of one choice do not count.
    """
    num_choices = np.asarray(space.num_choices)
    is_free = num_choices > 1
    if not is_free.any():
        return np.zeros((len(one), len(other)))
    is_ordered = np.asarray([k.is_ordered for k in space.knobs for _ in range(k.sites)])
    gaps = np.abs(one[:, None].astype(np.float64) - other[None])
    ranks = gaps / np.maximum(num_choices - 1, 1)
    every = np.where(is_ordered, ranks, gaps > 0)
    return every[..., is_free].mean(-1)


def diversity(space: SearchSpace, rows: Rows) -> float:
    """Mean distance between two of these canonical rows; 0 for fewer than two."""
    num = len(rows)
    if num < 2:
        return 0.0
    return float(distances(space, rows, rows).sum() / (num * (num - 1)))


def nearest(
    space: SearchSpace, rows: Rows, known: Int[np.ndarray, "more site"], num: int
) -> Float[np.ndarray, " pop"]:
    """Mean distance to the `num` nearest of the known rows; 1 where none is known."""
    if not len(known):
        return np.ones(len(rows))
    found = np.sort(distances(space, rows, known), axis=1)
    return found[:, :num].mean(1)
