"""Which tokens of a batch are to be told, and what stands in their place.

Drawn anew for every step. Of each row a fixed share of its ordinary tokens is chosen,
rounded up or down at random so that the share is exact on average; special tokens never
are. Of the chosen ones 80 % are masked, 10 % become another ordinary token, and 10 %
stay, so that what is not masked must be understood too.

References:
    Devlin et al., "BERT", 2019. https://arxiv.org/abs/1810.04805
    Liu et al., "RoBERTa", 2019, whose masks change with every pass.
    https://arxiv.org/abs/1907.11692
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from xlnas_jax.data.tokens.masks import Masks

MASKED, OTHER = 0.8, 0.1


class Masked(NamedTuple):
    """A batch with some tokens hidden.

    Attributes:
        tokens: as the network sees them.
        position: of the tokens to tell, and of others that fill the row.
        wanted: what stood there.
        weight: 1 where a token is to be told.
    """

    tokens: Int[Array, "batch seq"]
    position: Int[Array, "batch told"]
    wanted: Int[Array, "batch told"]
    weight: Float[Array, "batch told"]


def most_told(seq: int, rate: float) -> int:
    """Tokens of a row that can be chosen at most."""
    return min(seq, int(rate * seq) + 1)


def mask_tokens(
    key: Key[Array, ""],
    tokens: Int[Array, "batch seq"],
    mask: Bool[Array, "batch seq"],
    masks: Masks,
    rate: float,
) -> Masked:
    """Hides a share of the ordinary tokens of each row.

    Args:
        mask: True where a real token stands.
    """
    ordinary = jnp.asarray(np.flatnonzero(~masks.is_special), jnp.int32)
    batch, seq = tokens.shape
    most = most_told(seq, rate)
    place_key, round_key, how_key, other_key = jax.random.split(key, 4)
    may_be = mask & ~jnp.asarray(masks.is_special)[tokens]
    score = jnp.where(may_be, jax.random.uniform(place_key, tokens.shape), -1.0)
    position = jax.lax.top_k(score, most)[1].astype(jnp.int32)
    exact = rate * may_be.sum(-1).astype(jnp.float32)
    count = jnp.floor(exact + jax.random.uniform(round_key, (batch,)))
    is_told = jnp.arange(most, dtype=jnp.float32)[None, :] < count[:, None]
    wanted = jnp.take_along_axis(tokens, position, axis=1)
    how = jax.random.uniform(how_key, wanted.shape)
    drawn = jax.random.randint(other_key, wanted.shape, 0, len(ordinary))
    seen = jnp.where(how < MASKED + OTHER, ordinary[drawn], wanted)
    seen = jnp.where(how < MASKED, masks.mask_id, seen)
    seen = jnp.where(is_told, seen, wanted)
    row = jnp.arange(batch, dtype=jnp.int32)[:, None]
    hidden = tokens.at[row, position].set(seen.astype(tokens.dtype))
    return Masked(hidden, position, wanted, is_told.astype(jnp.float32))
