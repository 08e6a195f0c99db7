"""Which knobs an encoder has: from the configured choices to a `SearchSpace`.

A new knob is one more entry in `make_space`, its cost in `cost.py`, and its
execution in `supernet/`.
"""

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.shape import POOLINGS, EncoderShape
from xlnas_jax.space.space import Knob, SearchSpace
from xlnas_jax.types import ConfigError


def _widths(name: str, given: tuple[int, ...], full: int, what: str) -> tuple[int, ...]:
    """The configured sizes, checked against the model; the full size alone if none."""
    if not given:
        return (full,)
    for choice in given:
        if not 1 <= choice <= full:
            raise ConfigError(
                f"space.{name}: every choice must lie in 1..{full}, the model's "
                f"number of {what}; got {choice}."
            )
    if list(given) != sorted(set(given)):
        raise ConfigError(
            f"space.{name}: choices must rise and differ; got {list(given)}."
        )
    if given[-1] != full:
        raise ConfigError(
            f"space.{name}: the last choice must be the model's full size {full}, "
            f"so that the full network is in the space; got {given[-1]}."
        )
    return given


def make_space(config: SpaceConfig, shape: EncoderShape) -> SearchSpace:
    """The space that `config` spans over an encoder of `shape`."""
    for name in config.pooling:
        if name not in POOLINGS:
            raise ConfigError(
                f"space.pooling: {name!r} is unknown. Use some of {list(POOLINGS)}."
            )
    if not config.pooling or len(set(config.pooling)) != len(config.pooling):
        raise ConfigError(
            f"space.pooling: choices must differ and be at least one; "
            f"got {list(config.pooling)}."
        )
    if not 1 <= config.min_layers <= shape.num_layers:
        raise ConfigError(
            f"space.min_layers: must lie in 1..{shape.num_layers}, the model's number "
            f"of layers; got {config.min_layers}."
        )
    layers = shape.num_layers
    heads = _widths("heads", config.heads, shape.num_heads, "attention heads")
    ffn = _widths("ffn", config.ffn, shape.ffn, "inner neurons")
    keep = (0, 1) if config.elastic_depth else (1,)
    return SearchSpace(
        knobs=(
            Knob("keep", keep, layers),
            Knob("heads", heads, layers, needs_layer=True),
            Knob("ffn", ffn, layers, needs_layer=True),
            Knob("pooling", config.pooling, 1, is_ordered=False),
        ),
        min_layers=config.min_layers,
    )
