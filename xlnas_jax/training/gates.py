"""Gates: which share of its update each part of the encoder takes.

Parts are whole layers, their halves, or single tensors; of stacked weights a group has
a gate for each layer. Heads have none: they begin at random, and take all.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from xlnas_jax.space.shape import Spec
from xlnas_jax.space.space import SearchSpace

# By group: a number, or one for each layer of the full encoder.
Gates = dict[str, Float[Array, "..."]]
Granularity = Literal["layer", "sublayer", "tensor", "whole"]
WHOLE, LAYER, EMBEDDINGS, NORMS = "whole", "layer", "embeddings", "norms"
PLAIN, MARKS = Spec(), "marks"
_TABLES = (
    *("word", "position", "segment", "norm.scale", "norm.bias"),
    *("relative", "relative_norm.scale", "relative_norm.bias"),
)


class Groups(NamedTuple):
    """Which group every weight of the encoder is of, by its path.

    Attributes:
        layers: of the weights of a layer.
        embeddings: of those of the embeddings; empty where they do not learn.
        shapes: of the gates of each group.
    """

    layers: Mapping[str, str]
    embeddings: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def make_groups(
    space: SearchSpace,
    granularity: Granularity,
    with_embeddings: bool = True,
    spec: Spec = PLAIN,
) -> Groups:
    """Groups of the weights that a space's stages have.

    Args:
        spec: of the encoder's family: weights that its layers lack have no gate.
    """
    layers = {
        path: _group(granularity, stage.name, path)
        for stage in space.stages
        for path, _ in stage.axes
        if spec.has(path) and path != MARKS
    }
    tables = {
        path: {WHOLE: WHOLE, "tensor": f"{EMBEDDINGS}.{path}"}.get(
            granularity, EMBEDDINGS
        )
        for path in _TABLES
        if with_embeddings and spec.embeds(path)
    }
    shapes = dict.fromkeys(tables.values(), ())
    shapes |= {
        group: () if group == WHOLE else (space.gate.sites,)
        for group in layers.values()
    }
    return Groups(layers, tables, shapes)


def _group(granularity: Granularity, stage: str, path: str) -> str:
    if granularity in (WHOLE, LAYER):
        return granularity
    if granularity == "tensor":
        return path
    return NORMS if path.partition(".")[0].endswith("_norm") else stage


def filled(groups: Groups, value: float) -> Gates:
    """Every gate at one value."""
    return {name: jnp.full(shape, value) for name, shape in groups.shapes.items()}


def gated(
    groups: Groups, gates: Gates, updates: Any, numbers: tuple[int, ...] | None = None
) -> Any:
    """Updates of the weights, each times its gate.

    Args:
        updates: of weights that hold embeddings, layers and heads.
        numbers: of the layers, where they are cut and stand one after another.
    """

    def one(path: Any, update: Array) -> Array:
        place = jax.tree_util.keystr(path, simple=True, separator=".")
        room, _, rest = place.removeprefix("encoder.").partition(".")
        if room == "embeddings":
            # What does not learn has plain zeros for updates: they stay that.
            group = groups.embeddings.get(rest)
            return update if group is None else update * gates[group]
        if room != "layers":
            return update
        position = None
        if numbers is not None:
            position, _, rest = rest.partition(".")
        group = groups.layers.get(rest.removeprefix("more."))
        if group is None:  # it only marks the layer
            return update
        gate = gates[group]
        if gate.ndim and numbers is not None and position is not None:
            gate = gate[numbers[int(position)]]
        return update * gate.reshape(gate.shape + (1,) * (update.ndim - gate.ndim))

    return jax.tree_util.tree_map_with_path(one, updates)
