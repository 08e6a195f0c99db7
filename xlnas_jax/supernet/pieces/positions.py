"""How tokens are told apart by place: turned queries and keys; and local layers.

Rotary positions turn each pair of numbers of a query or key by an angle that grows with
the token's place, so that products depend on how far apart two tokens are.

Some families have local layers, which see their neighbours alone and may turn at
another base. Which layers these are is a mark beside a layer's weights that nothing
trains: layers are stacked, and those of a cut network stand in new places.

References:
    Su et al., "RoFormer: Enhanced transformer with rotary position embedding", 2021.
    https://arxiv.org/abs/2104.09864
    Warner et al., "ModernBERT", 2024, whose local layers they are.
    https://arxiv.org/abs/2412.13663
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from xlnas_jax.space.shape import ROTARY, EncoderShape
from xlnas_jax.supernet.params import LayerParams

Heads = Float[Array, "batch head seq head_dim"]
# Of the marks: whether a layer is local, and whether its attention has no norm before.
LOCAL, BARE = 0, 1


def marks_of(shape: EncoderShape) -> Float[np.ndarray, "layer mark"] | None:
    """Of all layers; None where all are alike."""
    if not shape.num_marks:
        return None
    marks = np.zeros((shape.num_layers, shape.num_marks), np.float32)
    marks[list(shape.local_layers), LOCAL] = 1
    marks[0, BARE] = shape.spec.is_first_bare
    return marks


def is_marked(layer: LayerParams, mark: int) -> Bool[Array, ""]:
    """Whether a layer has one of the marks; a mean of equal marks is nearly one."""
    assert layer.marks is not None
    return layer.marks[mark] > jnp.asarray(0.5, layer.marks.dtype)


def rotated(heads: Heads, layer: LayerParams, shape: EncoderShape) -> Heads:
    """Queries or keys, turned by their places where the family does that."""
    if shape.spec.positions != ROTARY:
        return heads
    angles = _angles(heads, shape.theta)
    if shape.local_layers and shape.local_theta != shape.theta:
        local = _angles(heads, shape.local_theta)
        angles = jnp.where(is_marked(layer, LOCAL), local, angles)
    cos, sin = jnp.cos(angles)[None, None], jnp.sin(angles)[None, None]
    one, other = jnp.split(heads.astype(jnp.float32), 2, axis=-1)
    turned = [one * cos - other * sin, other * cos + one * sin]
    return jnp.concatenate(turned, axis=-1).astype(heads.dtype)


def frequencies(theta: float, head_dim: int) -> Float[np.ndarray, " half"]:
    """By how much every pair turns from one token to the next."""
    power = np.arange(0, head_dim, 2, dtype=np.float32) / np.float32(head_dim)
    return np.float32(1) / np.float32(theta) ** power


def _angles(heads: Heads, theta: float) -> Float[Array, "seq half"]:
    per_token = jnp.asarray(frequencies(theta, heads.shape[-1]))
    # No table of places: of an exported program they may be any number.
    size = heads.shape[2], per_token.shape[0]
    return jax.lax.broadcasted_iota(jnp.float32, size, 0) * per_token[None]


def within(
    is_seen: Bool[Array, "batch 1 1 seq"], layer: LayerParams, shape: EncoderShape
) -> Bool[Array, "batch 1 _ seq"]:
    """What of the tokens that are seen a layer's own window leaves."""
    if not shape.local_layers:
        return is_seen
    length = is_seen.shape[-1]
    row = jax.lax.broadcasted_iota(jnp.int32, (length, length), 0)
    column = jax.lax.broadcasted_iota(jnp.int32, (length, length), 1)
    near = jnp.abs(row - column) <= shape.local_window
    return is_seen & (near | ~is_marked(layer, LOCAL))[None, None]
