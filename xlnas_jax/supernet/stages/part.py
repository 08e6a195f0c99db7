"""The contract of what a stage may have beside its own units, and a knob of it.

A part works inside of a stage (LoRA in its products, a prefix among what it attends
to), so that it is no stage by itself. It has units of its own, of which none at all
leaves out no more than the part. A stage with parts is a kind of its own: the registry
makes one of every set of them.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.space.knob import Knob
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.stage import Counts, Stage, new_units


class Part(NamedTuple):
    """One part; its functions are those of a stage, for its own share of it.

    Attributes:
        name: of its knob, and of its option in the configuration's `space`.
        words: how a value of the knob is told, `{}` standing for it.
        unit: the axis along which it counts.
        axes: of each of its weights, as of a stage.
        params, flops, widest: as of a stage, with the number of heads before that of
            its own units; what a stage has beside them is not counted here.
        init: as `init_new` of a stage.
    """

    name: str
    words: str
    unit: str
    axes: tuple[tuple[str, str], ...]
    params: Callable[..., Counts]
    flops: Callable[..., Counts]
    widest: Callable[..., Counts]
    init: Callable[..., dict[str, Any]]


def with_parts(stage: Stage, parts: Sequence[Part]) -> Stage:
    """A stage that has them all: `stage.run` finds their weights in the layer.

    Args:
        stage: whose first knob counts its heads.
    """
    if not parts:
        return stage
    own = len(stage.knobs)

    def make_knobs(config: SpaceConfig, shape: EncoderShape) -> tuple[Knob, ...]:
        knobs = stage.make_knobs(config, shape)
        more = [new_units(part.name, config, shape) for part in parts]
        # All or nothing: what is asked for less is a kind of its own.
        return (*knobs, *itertools.chain(*more)) if knobs and all(more) else ()

    def summed(whole: Callable[..., Counts], name: str) -> Callable[..., Counts]:
        """Of a stage that is there; without heads there are no parts either."""

        def count(shape: EncoderShape, *given: Any) -> Counts:
            values = given[-own - len(parts) :]
            first = given[: len(given) - len(values)]
            heads = np.asarray(values[0])
            total = whole(shape, *first, *values[:own])
            for part, units in zip(parts, values[own:], strict=True):
                counted = getattr(part, name)(shape, *first, heads, np.asarray(units))
                total = total + (heads > 0) * counted
            return total

        return count

    def init_new(normal: Any, shape: EncoderShape, values: dict[str, int]) -> dict:
        made = stage.init_new(normal, shape, values)
        for part in parts:
            made |= part.init(normal, shape, values)
        return made

    return stage._replace(
        name="+".join([stage.name, *(part.name for part in parts)]),
        make_knobs=make_knobs,
        knobs=(*stage.knobs, *(part.name for part in parts)),
        words=(*stage.words, *(part.words for part in parts)),
        units=(*stage.units, *((part.name, part.unit) for part in parts)),
        optional=(*stage.optional, *(part.name for part in parts)),
        axes=(*stage.axes, *(axis for part in parts for axis in part.axes)),
        params=summed(stage.params, "params"),
        flops=summed(stage.flops, "flops"),
        widest=summed(stage.widest, "widest"),
        init_new=init_new,
    )
