"""One network of the supernet at its own sizes, with no choice left to make.

Its weights are cut out of the shared ones, so that what trains it touches no others,
and are put back where they were.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.encoder import Look, run_stage
from xlnas_jax.supernet.layers import Hidden, TokenMask
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.units import cut_stage, field, own

Row = Int[np.ndarray, " site"]


def cut_layer(
    layers: LayerParams, space: SearchSpace, number: int, values: Mapping[str, int]
) -> LayerParams:
    """One layer of all, with the units that it has.

    On the host: on a device every cut would compile a program of its own.
    """
    layer = jax.tree.map(lambda leaf: np.asarray(leaf)[number], layers)
    for stage in space.stages:
        layer = cut_stage(layer, stage, values)
    return layer


def cut_layers(
    layers: LayerParams, space: SearchSpace, row: Row
) -> tuple[LayerParams, ...]:
    """The layers that a network keeps, in order, each at its own size."""
    return tuple(cut_layer(layers, space, *one) for one in space.layers(row))


def spread_layers(
    layers: LayerParams, space: SearchSpace, row: Row, cut: Sequence[LayerParams]
) -> LayerParams:
    """All layers, on the host, in which one network has its own again.

    Args:
        layers: of the full shapes; what the network does not have stays as it is.
    """
    stacked = jax.tree.map(np.array, layers)
    for (number, values), layer in zip(space.layers(row), cut, strict=True):
        for stage in space.stages:
            if stage.is_absent(values):
                continue
            for name, tree in own(layer, stage).items():
                if tree is None:
                    continue

                def put(leaf: np.ndarray, new: Any, number: int = number) -> None:
                    # Its units are the first ones.
                    leaf[number][tuple(map(slice, new.shape))] = new

                jax.tree.map(put, field(stacked, name), tree)
    return stacked


def encode_cut(
    layers: Sequence[LayerParams],
    space: SearchSpace,
    shape: EncoderShape,
    row: Row,
    x: Hidden,
    mask: TokenMask,
    look: Look,
) -> tuple[Hidden, Any]:
    """Runs the layers of `cut_layers`; also what `look` makes of each output, stacked.

    As `encoder.encode_seen` does: a skipped layer gives what it was given.
    """
    chosen = dict(space.layers(row))
    seen, left = [], iter(layers)
    for number in range(shape.num_layers):
        if number in chosen:
            layer = next(left)
            for stage in space.stages:
                x = run_stage(stage, shape, chosen[number], x, layer, mask)
        elif seen:
            seen.append(seen[-1])
            continue
        seen.append(look(x))
    return x, jax.tree.map(lambda *leaves: jnp.stack(leaves), *seen)
