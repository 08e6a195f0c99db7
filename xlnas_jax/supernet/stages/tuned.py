"""How much of its update each layer takes while a network is trained alone.

What little data cannot teach a layer is better left as it was, and which layers these
are is a choice like any other: it changes nothing of what the network computes, and
counts once candidates are trained before they are scored (`evaluate.tuning`).

References:
    Xu et al., "Soft layer selection with meta-learning for zero-shot cross-lingual
    transfer", 2021, who learn such shares by gradients.
    https://arxiv.org/abs/2107.09840
    Lee et al., "Surgical fine-tuning improves adaptation to distribution shifts", 2023,
    who choose layers. https://arxiv.org/abs/2210.11466
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Training
from xlnas_jax.types import ConfigError

TUNED = "tuned"


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Shares of an update, from small to all of it; none if none are asked for."""
    if not config.tuned:
        return ()
    given = list(config.tuned)
    if given != sorted(set(given)) or given[-1] != 1:
        raise ConfigError(
            f"space.tuned: shares must rise and differ, and the last must be 1, so "
            f"that a network can be trained as a whole; got {given}."
        )
    return (Knob(TUNED, config.tuned, shape.num_layers, needs_layer=True),)


def trains(shares: Float[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """All but the layers that take nothing."""
    return shares > 0


def shares_of(space: SearchSpace, row: Any) -> Float[Array, " layer"] | None:
    """Those of all layers of a flattened architecture; None where all take all."""
    if TUNED not in (knob.name for knob in space.knobs):
        return None
    shares = jnp.asarray(space.knob(TUNED).choices, jnp.float32)
    return shares[jnp.asarray(row, jnp.int32)[space.columns(TUNED)]]


def kept_shares(
    space: SearchSpace, row: Int[np.ndarray, " site"]
) -> Float[Array, " layer"] | None:
    """Likewise, of the layers alone that it keeps."""
    if TUNED not in (knob.name for knob in space.knobs):
        return None
    every = space.values(row)[TUNED]
    shares = np.asarray([every[n] for n, _ in space.layers(row)], np.float32)
    return None if (shares == 1).all() else jnp.asarray(shares)


def in_words(share: float) -> str:
    """One layer's, as a card tells it."""
    if share == 0:
        return "left as it was while the network was trained alone"
    if share == 1:
        return "trained"
    return f"trained by {share:g} of its updates"


TRAINING = Training(TUNED, make_knobs, trains)
