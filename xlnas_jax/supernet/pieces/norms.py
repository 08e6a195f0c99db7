"""Where norms stand, by the spec of a family: around each part of a layer, at the end.

After the residual sum (`LN(x + part(x))`), as in BERT; or before each part, whose
output is added to what has passed none (`x + part(LN(x))`), with one more at the end.

References:
    Xiong et al., "On layer normalization in the transformer architecture", 2020.
    https://arxiv.org/abs/2002.04745
    Zhang & Sennrich, "Root mean square layer normalization", 2019.
    https://arxiv.org/abs/1910.07467
"""

import jax
import jax.numpy as jnp

from xlnas_jax.space.shape import BEFORE, EncoderShape
from xlnas_jax.supernet.backward import Hidden, layer_norm
from xlnas_jax.supernet.params import Norm


def normal(x: Hidden, norm: Norm, shape: EncoderShape) -> Hidden:
    """The norm that all of a family's layers have."""
    if shape.spec.norm == "rms":
        return _rms_norm(x, norm, shape.norm_epsilon)
    return layer_norm(x, norm, shape.norm_epsilon)


def _rms_norm(x: Hidden, norm: Norm, epsilon: float) -> Hidden:
    """Scaled to a mean square of one; the mean stays what it is."""
    wide = x.astype(jnp.float32)
    square = jnp.square(wide).mean(-1, keepdims=True)
    return (wide * jax.lax.rsqrt(square + epsilon) * norm.scale[None, None]).astype(
        x.dtype
    )


def new_norm(shape: EncoderShape, *lead: int) -> Norm:
    """One that scales by one, or so many of them."""
    size = (*lead, shape.width)
    bias = jnp.zeros(size) if shape.spec.has_norm_biases else None
    return Norm(jnp.ones(size), bias)


def read(x: Hidden, norm: Norm, shape: EncoderShape) -> Hidden:
    """What a part of a layer reads of what passes through it."""
    return normal(x, norm, shape) if shape.spec.norm_place == BEFORE else x


def added(x: Hidden, output: Hidden, norm: Norm, shape: EncoderShape) -> Hidden:
    """What passes on: with what a part of a layer gave."""
    total = x + output
    return total if shape.spec.norm_place == BEFORE else normal(total, norm, shape)


def closed(x: Hidden, norm: Norm | None, shape: EncoderShape) -> Hidden:
    """What the last layer gave, as the network gives it."""
    return x if norm is None else normal(x, norm, shape)
