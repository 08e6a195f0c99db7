"""The contract of a stage: all that is known of one kind of part of a layer.

A layer is a chain of stages. What may vary of one, what it costs, how it runs and which
of its weights are units that can be left out is said in one file of `supernet.stages`;
everything else is derived from that, and knows no knob by its name.

A knob of *units* (heads, neurons) says how many of them are kept: the first ones, along
the axis of that name in the stage's weights. None at all leaves out the whole stage.
Other knobs (the width of a window) change how a stage runs, and no weights.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.types import ConfigError

Counts = Int[np.ndarray, "..."]


def no_fields(normal: Any, shape: EncoderShape, values: Mapping[str, int]) -> dict:
    """Of a stage without such weights."""
    del normal, shape, values
    return {}


class Stage(NamedTuple):
    """One kind of stage; its functions are pure, and the same for every layer.

    Attributes:
        name: of the kind; what is measured of it is kept under this name.
        make_knobs: `(space config, shape) -> knobs`, one site a layer; none where the
            configuration does not ask for this kind of stage.
        knobs: their names.
        words: of each knob, how a value of it is told, `{}` standing for it.
        units: of each knob of units, the axis that it counts along.
        axes: of each of the stage's weights, by the path of its fields in
            `LayerParams`, its axes.
        params: `(shape, *values) -> numbers stored`, for arrays of the knobs' values.
        flops: `(shape, length, *values) -> FLOPs` on a sentence of that length.
        widest: `(shape, length, *values) -> floats` alive beside the residual stream.
        run: `(x, layer, mask, shape, how) -> x`; of the layer's weights it reads its
            own, whole or cut; `how` is a `Run`.
        init: `(normal, shape, values) -> fields`: weights of all layers that pretrained
            encoders bring, new, by field of `LayerParams`, in the model's full shape.
        init_new: likewise those that no pretrained encoder has, for these values of
            knobs that the model says nothing of; new, they must change nothing.
        optional: knobs of units of which none leaves out no more than these.
    """

    name: str
    make_knobs: Callable[[SpaceConfig, EncoderShape], tuple[Knob, ...]]
    knobs: tuple[str, ...]
    words: tuple[str, ...]
    units: tuple[tuple[str, str], ...]
    axes: tuple[tuple[str, str], ...]
    params: Callable[..., Counts]
    flops: Callable[..., Counts]
    widest: Callable[..., Counts]
    run: Callable[..., Any]
    init: Callable[..., dict[str, Any]] = no_fields
    init_new: Callable[..., dict[str, Any]] = no_fields
    optional: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """Knobs of units without any of which there is no stage."""
        return tuple(knob for knob, _ in self.units if knob not in self.optional)

    def is_absent(self, values: Mapping[str, int]) -> bool:
        """Whether a choice of its knobs leaves out the whole stage."""
        return any(values[knob] == 0 for knob in self.needed)


class Run(NamedTuple):
    """How a stage is run, beside its weights.

    Attributes:
        values: of its knobs, where they are static: the weights are cut to them.
        masks: of its knobs otherwise; the weights are whole. Of a knob of units, a
            factor for each unit, `#batch unit`; of another, weights of its choices,
            which sum to one. Both may be soft.
        choices: of the knobs that have no units, all their values.
        dropout: None for none.
    """

    values: Mapping[str, int] = {}
    masks: Mapping[str, Any] = {}
    choices: Mapping[str, tuple[int, ...]] = {}
    dropout: Any = None


class Training(NamedTuple):
    """A knob of how a network is trained alone, with one site a layer, or one.

    What a network computes does not depend on it, nor what that costs.

    Attributes:
        name: of the knob, and of its option in the configuration's `space`.
        make_knobs: as of a stage.
        trains: `values -> whether any weight of a layer changes`, for arrays; None
            where the knob leaves no layer as it was.
    """

    name: str
    make_knobs: Callable[[SpaceConfig, EncoderShape], tuple[Knob, ...]]
    trains: Callable[[np.ndarray], np.ndarray] | None = None


class Whole(NamedTuple):
    """A knob of the whole network, at one site.

    Attributes:
        make_knob: `(space config, shape) -> knob`; None where nobody asks for it.
        params: `(shape, values) -> numbers stored` for each head of sentences.
        flops: `(shape, length, values) -> FLOPs` of one sentence, likewise.
        word_rows: `(shape, values) -> rows` of the word table; None where that is
            whole.
    """

    name: str
    make_knob: Callable[[SpaceConfig, EncoderShape], Knob | None]
    params: Callable[[EncoderShape, np.ndarray], Counts]
    flops: Callable[[EncoderShape, int, np.ndarray], Counts]
    word_rows: Callable[[EncoderShape, np.ndarray], Counts] | None = None


def new_units(name: str, config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
    """Units that no pretrained encoder has, in every layer; none if none are asked for.

    Raises:
        ConfigError: choices do not rise.
    """
    choices = getattr(config, name)
    if not any(choices):
        return ()
    _require_rising(name, choices)
    return (Knob(name, choices, shape.num_layers, needs_layer=True),)


def _require_rising(name: str, choices: tuple[int, ...]) -> None:
    if list(choices) != sorted(set(choices)):
        raise ConfigError(
            f"space.{name}: choices must rise and differ; got {list(choices)}."
        )


def sizes(name: str, given: tuple[int, ...], full: int, what: str) -> tuple[int, ...]:
    """Configured numbers of units, checked against the model; all of them if none."""
    if not given:
        return (full,)
    for choice in given:
        if not 0 <= choice <= full:
            raise ConfigError(
                f"space.{name}: every choice must lie in 0..{full}, the model's "
                f"number of {what}; got {choice}."
            )
    _require_rising(name, given)
    if given[-1] != full:
        raise ConfigError(
            f"space.{name}: the last choice must be the model's full size {full}, "
            f"so that the full network is in the space; got {given[-1]}."
        )
    return given
