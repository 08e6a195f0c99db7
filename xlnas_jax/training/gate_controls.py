"""What learned gates are held against.

A gate below 1 is a smaller learning rate, too. Gates of the same mean that are drawn,
or stand at other parts, show whether it is the choice of parts that helps.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import brentq
from scipy.special import expit, logit

from xlnas_jax.training.gates import Gates, Groups

# Logits between which a shift always makes the mean that is asked for.
_FAR = 60.0
_LEAST = 1e-9
Row = Float[np.ndarray, " gate"]
# By group, of each gate: whether it counts.
Live = Mapping[str, Any]


def random_like(gates: Gates, is_live: Live, rng: np.random.Generator) -> Gates:
    """Gates drawn at random, of the same mean.

    Args:
        is_live: others stay as they are.
    """

    def draw(values: Row) -> Row:
        drawn = logit(rng.uniform(_LEAST, 1.0 - _LEAST, len(values)))
        wanted = np.clip(values.mean(), _LEAST, 1.0 - _LEAST)
        shift = brentq(lambda by: expit(drawn + by).mean() - wanted, -_FAR, _FAR)
        return expit(drawn + shift)

    return _changed(gates, is_live, draw)


def permuted(gates: Gates, is_live: Live, rng: np.random.Generator) -> Gates:
    """The same gates, each at another place: they go round in a drawn order."""

    def move(values: Row) -> Row:
        order = rng.permutation(len(values))
        found = np.empty_like(values)
        found[order] = values[np.roll(order, 1)]
        return found

    return _changed(gates, is_live, move)


def decayed(groups: Groups, rate: float) -> Gates:
    """By depth: 1 at the top layer, and from each to the one below times `rate`."""
    return _by_depth(groups, lambda depth, num: rate ** (num - depth))


def frozen(groups: Groups, num: int) -> Gates:
    """Nothing of the embeddings and of the first layers, and all of the others."""
    return _by_depth(groups, lambda depth, _: np.where(depth <= num, 0.0, 1.0))


def _by_depth(groups: Groups, value: Callable[[Any, int], Any]) -> Gates:
    """From the depth, which is 0 for embeddings, and the number of layers."""
    num = max(shape[0] for shape in groups.shapes.values() if shape)
    depths = {(): np.zeros(()), (num,): np.arange(1.0, num + 1)}
    return {
        name: jnp.asarray(value(depths[shape], num), jnp.float32)
        for name, shape in groups.shapes.items()
    }


def _changed(gates: Gates, is_live: Live, change: Callable[[Row], Row]) -> Gates:
    """All gates that count in one row, changed, and put back."""
    names = sorted(gates)
    row = np.concatenate([np.ravel(np.asarray(gates[n], float)) for n in names])
    live: Bool[np.ndarray, " gate"] = np.concatenate(
        [np.ravel(np.asarray(is_live[n]) > 0) for n in names]
    )
    if live.any():
        row[live] = change(row[live])
    ends = np.cumsum([gates[n].size for n in names])[:-1]
    return {
        name: jnp.asarray(part.reshape(gates[name].shape), jnp.float32)
        for name, part in zip(names, np.split(row, ends), strict=True)
    }
