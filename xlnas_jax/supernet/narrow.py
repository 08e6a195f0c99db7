"""A pretrained encoder with fewer hidden dimensions, and with as many heads as fit.

The residual stream runs through all layers, so its width is one choice for the whole
network. A norm over the dimensions that are left is not what the norm over all gives
there, whatever its scale: nothing is kept exactly but the form, which is that of the
same family at a smaller size, so that any library loads it. What it computes has to be
learnt again (`training.narrowed`).

References:
    Muralidharan et al., "Compact language models via pruning and knowledge
    distillation", 2024, who cut dimensions by importance and distil.
    https://arxiv.org/abs/2407.14679
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.params import Dense, EncoderParams, on_device
from xlnas_jax.supernet.stages.registry import PRETRAINED
from xlnas_jax.types import ConfigError

_MODEL, _HEAD = "model", "head"
_TABLES = {
    "word": "vocab model",
    "position": "position model",
    "segment": "segment model",
    "norm.scale": "model",
    "norm.bias": "model",
    "relative": "distance model",
    "relative_norm.scale": "model",
    "relative_norm.bias": "model",
}
_NORM = {"scale": "model", "bias": "model"}
# `(leaf, names of its axes) -> leaf`.
Change = Callable[[np.ndarray, list[str]], np.ndarray]


class Kept(NamedTuple):
    """What is left, by its number in the full encoder, in rising order.

    Attributes:
        dims: hidden dimensions, the same everywhere.
        heads: of each layer.
    """

    dims: Int[np.ndarray, " model"]
    heads: Int[np.ndarray, "layer head"]


def narrowed_shape(shape: EncoderShape, width: int) -> EncoderShape:
    """The sizes at another width: heads keep theirs, and there are as many as fit.

    Raises:
        ConfigError: heads do not divide the width, or it is not smaller.
    """
    if shape.spec.has_grouped_heads:
        raise ConfigError(
            f"model.narrow: heads must have keys and values each of their own, of "
            f"which the longest are kept; those of the family {shape.family} share "
            f"them. Leave out model.narrow, or use an encoder of another family."
        )
    if not 0 < width < shape.width:
        raise ConfigError(
            f"model.narrow.width: must be below the hidden size of the model, "
            f"{shape.width}; got {width}. Leave out model.narrow to keep it."
        )
    if width % shape.head_dim:
        near = [shape.head_dim * n for n in range(1, shape.width // shape.head_dim)]
        near = sorted(sorted(near, key=lambda n: abs(n - width))[:4])
        raise ConfigError(
            f"model.narrow.width: must be a multiple of {shape.head_dim}, the size of "
            f"a head, or no other library could load the model; got {width}. Use one "
            f"of {near}."
        )
    return dataclasses.replace(shape, width=width, num_heads=width // shape.head_dim)


def choose(encoder: EncoderParams, shape: EncoderShape) -> Kept:
    """Dimensions and heads with the longest weights; every matrix counts alike.

    Vectors, and tables of a few rows, do not count: of so few numbers one alone would
    decide.

    Args:
        shape: of what is to be left.
    """
    dims = np.zeros(encoder.embeddings.word.shape[-1])
    heads = np.zeros(encoder.layers.query.kernel.shape[:3:2])
    for leaf, axes in _weights(encoder):
        if _MODEL not in axes or "segment" in axes or set(axes) <= {"layer", _MODEL}:
            continue
        dims += _lengths(leaf, axes, [_MODEL])
        if _HEAD in axes:
            heads += _lengths(leaf, axes, ["layer", _HEAD])
    return Kept(_largest(dims, shape.width), _largest(heads, shape.num_heads))


def narrow(encoder: EncoderParams, kept: Kept) -> EncoderParams:
    """The encoder with these dimensions and heads alone."""

    def cut(leaf: np.ndarray, axes: list[str]) -> np.ndarray:
        for place, axis in enumerate(axes):
            if axis == _MODEL:
                leaf = np.take(leaf, kept.dims, place)
            elif axis == _HEAD:
                every = zip(leaf, kept.heads, strict=True)
                leaf = np.stack([np.take(one, own, place - 1) for one, own in every])
        return leaf

    return _changed(encoder, cut)


def narrow_dense(dense: Dense, kept: Kept) -> Dense:
    """A map of the hidden dimensions to themselves, of these alone."""
    dims = kept.dims
    kernel, bias = np.asarray(dense.kernel), np.asarray(dense.bias)
    return Dense(on_device(kernel[np.ix_(dims, dims)]), on_device(bias[dims]))


def _largest(
    scores: Float[np.ndarray, "*lead _"], count: int
) -> Int[np.ndarray, "..."]:
    order = np.argsort(-scores, axis=-1, kind="stable")
    return np.sort(order[..., :count], axis=-1)


def _lengths(
    leaf: np.ndarray, axes: list[str], kept: list[str]
) -> Float[np.ndarray, "..."]:
    """Squares along some axes, as shares of all of the leaf."""
    rest = tuple(place for place, axis in enumerate(axes) if axis not in kept)
    squares = np.square(leaf, dtype=np.float64).sum(rest)
    return squares / max(float(squares.sum()), np.finfo(np.float64).tiny)


def _weights(encoder: EncoderParams) -> Iterator[tuple[np.ndarray, list[str]]]:
    """All weights of a pretrained encoder, with the names of their axes."""
    found: list[tuple[np.ndarray, list[str]]] = []

    def see(leaf: np.ndarray, axes: list[str]) -> np.ndarray:
        found.append((leaf, axes))
        return leaf

    _changed(encoder, see)
    yield from found


def _changed(encoder: EncoderParams, change: Change) -> EncoderParams:
    """Every weight changed, on the host: on a device each would be a program."""
    axes = {path: f"layer {own}" for stage in PRETRAINED for path, own in stage.axes}

    def of(names: dict[str, str]) -> Callable[[Any, Any], Any]:
        def one(path: Any, leaf: Any) -> Any:
            name = jax.tree_util.keystr(path, simple=True, separator=".")
            return on_device(change(np.asarray(leaf), names[name].split()))

        return one

    every = jax.tree_util.tree_map_with_path
    return EncoderParams(
        every(of(_TABLES), encoder.embeddings),
        every(of(axes), encoder.layers),
        every(of(_NORM), encoder.final_norm),
    )
