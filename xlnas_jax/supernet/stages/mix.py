"""In which layer a translation sees its row, while a network is trained by X-Mixup.

How far below the output two languages should meet differs between networks: layers
that are cut away no longer bring them together. It changes nothing of what the network
computes, and counts once candidates are trained before they are scored
(`evaluate.tuning`). A layer that a network skips mixes nothing.

References:
    Yang et al., "Enhancing cross-lingual transfer by manifold mixup", 2022, who choose
    one layer for each task. https://arxiv.org/abs/2205.04182
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.space.stage import Training
from xlnas_jax.types import ConfigError

MIX = "mix"


class MixAt(NamedTuple):
    """Where one network's texts meet.

    Attributes:
        layers: numbers that are chosen among.
        place: of the chosen one; an array where networks are data.
    """

    layers: tuple[int, ...]
    place: int | Int[Array, ""]


def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Numbers of layers, none of which is more than another; none if none is given."""
    given = list(config.mix)
    if not given:
        return ()
    if given != sorted(set(given)) or given[-1] >= shape.num_layers:
        raise ConfigError(
            f"space.mix: layers must rise and differ, and be below {shape.num_layers}, "
            f"the model's number of layers; got {given}."
        )
    return (Knob(MIX, config.mix, 1, is_ordered=False),)


def mix_of(space: SearchSpace, row: Any) -> MixAt | None:
    """That of a flattened architecture; None where it is no choice."""
    if MIX not in (knob.name for knob in space.knobs):
        return None
    layers = tuple(int(layer) for layer in space.knob(MIX).choices)
    place = row[space.columns(MIX).start]
    is_known = isinstance(row, np.ndarray)
    return MixAt(layers, int(place) if is_known else jnp.asarray(place, jnp.int32))


TRAINING = Training(MIX, make_knobs)
