"""From the configured choices to a search space over a chain of stages."""

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.stages.depth import make_gate
from xlnas_jax.supernet.stages.registry import (
    LAYER,
    TRAININGS,
    WHOLES,
    stages_with,
    trainings_with,
    wholes_with,
)
from xlnas_jax.types import ConfigError


def make_space(config: SpaceConfig, shape: EncoderShape) -> SearchSpace:
    """The space that `config` spans over an encoder of `shape`."""
    if not 0 <= config.min_layers <= shape.num_layers:
        raise ConfigError(
            f"space.min_layers: must lie in 0..{shape.num_layers}, the model's number "
            f"of layers; got {config.min_layers}."
        )
    knobs: list[Knob] = [make_gate(config, shape)]
    for place in LAYER:
        knobs += next((k for one in place if (k := one.make_knobs(config, shape))), ())
    for training in TRAININGS:
        knobs += training.make_knobs(config, shape)
    made = (whole.make_knob(config, shape) for whole in WHOLES)
    knobs += (knob for knob in made if knob is not None)
    return space_of(tuple(knobs), config.min_layers)


def space_of(knobs: tuple[Knob, ...], min_layers: int = 1) -> SearchSpace:
    """The space of these knobs, the gate first, with the stages that they belong to."""
    names = {knob.name for knob in knobs}
    own = stages_with(names), wholes_with(knobs), trainings_with(knobs)
    return SearchSpace(knobs, min_layers, *own)
