"""Float64 in place of float32, so that finite differences are exact enough to judge."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.supernet.supernet import DTYPES


@contextlib.contextmanager
def in_doubles() -> Iterator[None]:
    """Layers that compute and reduce in float32 do so in float64 within it."""
    with jax.enable_x64(True), pytest.MonkeyPatch.context() as patch:
        patch.setitem(DTYPES, "fp32", jnp.float64)
        patch.setattr(jnp, "float32", jnp.float64)
        yield


def as_doubles(tree: Any) -> Any:
    """The same with its floats in float64, from within `in_doubles`."""

    def widen(leaf: Any) -> jax.Array:
        is_float = np.issubdtype(np.asarray(leaf).dtype, np.floating)
        return jnp.asarray(np.asarray(leaf), jnp.float64 if is_float else None)

    return jax.tree.map(widen, tree)


def slope(function, point, direction, step: float = 1e-5) -> float:
    """Central difference of a scalar function along a direction."""
    ahead, behind = (function(point + s * step * direction) for s in (1.0, -1.0))
    return float(ahead - behind) / (2 * step)
