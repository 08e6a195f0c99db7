"""A stage's units: cut to some, put in another order.

All of it follows from the axes that a stage names for each of its weights.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jaxtyping import Array

from xlnas_jax.space.stage import Stage
from xlnas_jax.supernet.params import LayerParams

# `(leaf, axis, unit's knob) -> leaf`.
Change = Callable[[Any, int, str], Any]


def cut(layer: LayerParams, stage: Stage, values: Mapping[str, int]) -> LayerParams:
    """The layer with a stage's weights cut to the first units of each kind.

    Of optional units none is kept as no weights at all.
    """
    nothing = [knob for knob in stage.optional if values[knob] == 0]
    layer = put(layer, dict.fromkeys(fields(stage, nothing)))

    def first(leaf: Any, axis: int, knob: str) -> Any:
        index = (slice(None),) * axis + (slice(values[knob]),)
        return leaf[index]

    return _changed(layer, stage, first)


def cut_stage(
    layer: LayerParams, stage: Stage, values: Mapping[str, int]
) -> LayerParams:
    """The same, without any of its weights where the stage is left out."""
    if stage.is_absent(values):
        return without(layer, stage)
    return cut(layer, stage, values)


def blank(layer: LayerParams) -> LayerParams:
    """A layer without weights."""
    names = (one.name for one in dataclasses.fields(layer) if one.name != "more")
    return dataclasses.replace(layer, **dict.fromkeys(names), more={})


def reordered(
    layer: LayerParams, stage: Stage, order: Mapping[str, Array]
) -> LayerParams:
    """The layer with a stage's units in another order."""
    return _changed(
        layer, stage, lambda leaf, axis, knob: _take(leaf, order[knob], axis)
    )


def _take(leaf: Any, order: Array, axis: int) -> Any:
    return leaf[(slice(None),) * axis + (order,)]


def without(layer: LayerParams, stage: Stage) -> LayerParams:
    """The layer without a stage's weights."""
    return put(layer, dict.fromkeys(own(layer, stage)))


def own(layer: LayerParams, stage: Stage) -> dict[str, Any]:
    """A stage's weights, by field."""
    return {name: field(layer, name) for name in fields(stage)}


def fields(stage: Stage, knobs: Sequence[str] | None = None) -> Sequence[str]:
    """Fields of `LayerParams` that a stage's weights lie in.

    Args:
        knobs: only of weights along the units of one of these.
    """
    found = [path for path, _ in stage.axes]
    if knobs is not None:
        units = {unit for knob, unit in stage.units if knob in knobs}
        found = [path for path, axes in stage.axes if units & set(axes.split())]
    return tuple(dict.fromkeys(path.partition(".")[0] for path in found))


def field(layer: LayerParams, name: str) -> Any:
    """One field, or one of those that only some stages have."""
    return getattr(layer, name) if hasattr(layer, name) else layer.more.get(name)


def put(layer: LayerParams, changed: Mapping[str, Any]) -> LayerParams:
    """The layer with other fields."""
    known = {name: one for name, one in changed.items() if hasattr(layer, name)}
    more = {name: one for name, one in changed.items() if name not in known}
    if more:
        left = {**layer.more, **more}
        known["more"] = {name: one for name, one in left.items() if one is not None}
    return dataclasses.replace(layer, **known)


def _changed(layer: LayerParams, stage: Stage, change: Change) -> LayerParams:
    """Each of a stage's weights, changed along the axis of each kind of unit."""
    axes = dict(stage.axes)
    changed = {}
    for name, tree in own(layer, stage).items():

        def of_leaf(path: Any, leaf: Any, name: str = name) -> Any:
            inner = jax.tree_util.keystr(path, simple=True, separator=".")
            names = axes[f"{name}.{inner}".rstrip(".")].split()
            for knob, unit in stage.units:
                if unit in names:
                    leaf = change(leaf, names.index(unit), knob)
            return leaf

        changed[name] = jax.tree_util.tree_map_with_path(of_leaf, tree)
    return put(layer, changed)
