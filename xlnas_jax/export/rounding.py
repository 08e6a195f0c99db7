"""Weights in fewer bits as they are written, and what that does to outputs.

Bfloat16 has the range of float32 and 8 of its 24 bits of precision. Weights are rounded
once, when they are written; what reads them again computes in float32, unless it is a
library that computes in what it finds.

References:
    Kalamkar et al., "A study of BFLOAT16 for deep learning training", 2019.
    https://arxiv.org/abs/1905.12322
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.config.export import Dtype
from xlnas_jax.export.subnet import Subnet

Tree = TypeVar("Tree")
# As NumPy, JAX and safetensors call them.
DTYPES: dict[Dtype, Any] = {"fp32": np.dtype(np.float32), "bf16": jnp.dtype("bfloat16")}


def narrowed(weights: Tree, dtype: Dtype) -> Tree:
    """Weights to the nearest number of a dtype, on the host: no program casts them."""
    return jax.tree.map(lambda leaf: np.asarray(leaf).astype(DTYPES[dtype]), weights)


def widened(weights: Tree) -> Tree:
    """The same numbers in float32, as they are computed with."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), weights)


def rounding(subnet: Subnet, texts: Sequence[str]) -> float:
    """The largest difference that rounding makes to what a network gives of texts."""
    held = widened(narrowed(subnet.weights, subnet.dtype))
    rounded = subnet.changed(jax.device_put(held))
    pairs = zip(subnet.logits_of(texts), rounded.logits_of(texts), strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)
