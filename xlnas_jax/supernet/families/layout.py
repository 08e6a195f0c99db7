"""Layouts of stored weights, as tables that work both ways.

A `Rule` ties one stored tensor to one leaf of our pytrees. Its layout is written
as einops would write it: a torch `Linear` keeps `[outputs, inputs]`, so the query
weight is `(head head_dim) (model) -> model head head_dim`. Reading applies the
layout from left to right, exporting from right to left.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.space.shape import EncoderShape

Tensor = Float[np.ndarray, "..."]
Sizes = Mapping[str, int]


class Rule(NamedTuple):
    """One tensor of a checkpoint.

    Attributes:
        source: its name; `{encoder}` stands for the encoder's prefix (`bert.`,
            `roberta.` or nothing), `{layer}` for the layer's index.
        target: path of fields in `EncoderParams`, `HeadParams` or `MlmHead`.
        layout: stored axes, grouped, `->` our axes.
        part: which of so many equal parts of the stored tensor it is, along the first
            axis: maps that are one.
        first: the first layer that has it.
    """

    source: str
    target: str
    layout: str
    part: tuple[int, int] = (0, 1)
    first: int = 0


def dense(source: str, target: str, inputs: str, outputs: str) -> tuple[Rule, Rule]:
    """Weight and bias of an affine map."""
    bias = f"({outputs}) -> {outputs}"
    return (
        kernel(source, target, inputs, outputs),
        Rule(f"{source}.bias", f"{target}.bias".lstrip("."), bias),
    )


def kernel(source: str, target: str, inputs: str, outputs: str) -> Rule:
    """Weight of an affine map without a bias."""
    layout = f"({outputs}) ({inputs}) -> {inputs} {outputs}"
    return Rule(f"{source}.weight", f"{target}.kernel".lstrip("."), layout)


def norm(source: str, target: str) -> tuple[Rule, Rule]:
    """Scale and shift of a norm."""
    return (
        scale(source, target),
        Rule(f"{source}.bias", f"{target}.bias", "(model) -> model"),
    )


def scale(source: str, target: str) -> Rule:
    """Of a norm that has no shift."""
    return Rule(f"{source}.weight", f"{target}.scale", "(model) -> model")


def table(source: str, target: str, rows: str) -> Rule:
    """A lookup table."""
    return Rule(f"{source}.weight", target, f"({rows}) (model) -> {rows} model")


def axis_sizes(shape: EncoderShape) -> dict[str, int]:
    """Length of every axis that layouts name, but `label`."""
    return {
        "vocab": shape.vocab_size,
        "position": shape.max_positions,
        "segment": shape.num_segments,
        "distance": shape.relative_rows,
        "model": shape.width,
        # A head's inner width: a name of its own, because axes are told by name.
        "inner": shape.width,
        "head": shape.num_heads,
        "head_dim": shape.head_dim,
        "group": shape.num_groups,
        "mate": shape.group_size,
        "neuron": shape.ffn,
    }


def _axes(layout: str) -> tuple[list[list[str]], list[str], list[str]]:
    """Stored axes as groups and in a row, then ours."""
    left, right = layout.split("->")
    groups = [group.split() for group in re.findall(r"\(([^)]+)\)", left)]
    return groups, [axis for group in groups for axis in group], right.split()


def whole_shape(rule: Rule, sizes: Sizes) -> tuple[int, ...]:
    """Shape of the tensor in a checkpoint that a rule's is, or is a part of."""
    first, *rest = stored_shape(rule.layout, sizes)
    return first * rule.part[1], *rest


def stored_shape(layout: str, sizes: Sizes) -> tuple[int, ...]:
    """Shape of a stored tensor, or of its part."""
    return tuple(math.prod(sizes[a] for a in group) for group in _axes(layout)[0])


def from_stored(tensor: Tensor, layout: str, sizes: Sizes) -> Tensor:
    """A checkpoint's tensor with our axes."""
    _, stored, ours = _axes(layout)
    split = tensor.reshape([sizes[axis] for axis in stored])
    return split.transpose([stored.index(axis) for axis in ours])


def to_stored(tensor: Tensor, layout: str, sizes: Sizes) -> Tensor:
    """The inverse of `from_stored`."""
    _, stored, ours = _axes(layout)
    split = tensor.transpose([ours.index(axis) for axis in stored])
    return split.reshape(stored_shape(layout, sizes))
