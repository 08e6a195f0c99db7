"""Hugging Face's names and layouts of weights, as tables that work both ways.

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
    """

    source: str
    target: str
    layout: str


class Family(NamedTuple):
    """What differs between model types; the encoder's own names do not.

    Attributes:
        prefix: of the encoder's tensors where a task head stands beside it.
        pad_id: where `config.json` leaves it out.
        has_position_offset: positions count from `pad_id + 1`.
        has_trained_pooler: pretraining used the pooler (next sentence prediction).
        head: sequence classifier, to `HeadParams`.
        mlm: masked-language-model head, to `MlmHead`; the decoder apart, because
            it may be tied.
        decoder: own kernel, own bias, shared bias of that head's output.
    """

    prefix: str
    pad_id: int
    has_position_offset: bool
    has_trained_pooler: bool
    head: tuple[Rule, ...]
    mlm: tuple[Rule, ...]
    decoder: tuple[Rule, Rule, Rule]


def _dense(source: str, target: str, inputs: str, outputs: str) -> tuple[Rule, Rule]:
    kernel = f"({outputs}) ({inputs}) -> {inputs} {outputs}"
    bias = f"({outputs}) -> {outputs}"
    return (
        Rule(f"{source}.weight", f"{target}.kernel".lstrip("."), kernel),
        Rule(f"{source}.bias", f"{target}.bias".lstrip("."), bias),
    )


def _norm(source: str, target: str) -> tuple[Rule, Rule]:
    return (
        Rule(f"{source}.weight", f"{target}.scale", "(model) -> model"),
        Rule(f"{source}.bias", f"{target}.bias", "(model) -> model"),
    )


def _table(source: str, target: str, rows: str) -> Rule:
    return Rule(f"{source}.weight", target, f"({rows}) (model) -> {rows} model")


def _decoder(decoder: str, shared_bias: str) -> tuple[Rule, Rule, Rule]:
    return (
        _table(decoder, "decoder", "vocab"),
        Rule(f"{decoder}.bias", "bias", "(vocab) -> vocab"),
        Rule(shared_bias, "bias", "(vocab) -> vocab"),
    )


_E = "{encoder}embeddings"
_L = "{encoder}encoder.layer.{layer}"

EMBEDDINGS: tuple[Rule, ...] = (
    _table(f"{_E}.word_embeddings", "embeddings.word", "vocab"),
    _table(f"{_E}.position_embeddings", "embeddings.position", "position"),
    _table(f"{_E}.token_type_embeddings", "embeddings.segment", "segment"),
    *_norm(f"{_E}.LayerNorm", "embeddings.norm"),
)

LAYER: tuple[Rule, ...] = (
    *_dense(f"{_L}.attention.self.query", "layers.query", "model", "head head_dim"),
    *_dense(f"{_L}.attention.self.key", "layers.key", "model", "head head_dim"),
    *_dense(f"{_L}.attention.self.value", "layers.value", "model", "head head_dim"),
    *_dense(f"{_L}.attention.output.dense", "layers.output", "head head_dim", "model"),
    *_norm(f"{_L}.attention.output.LayerNorm", "layers.attention_norm"),
    *_dense(f"{_L}.intermediate.dense", "layers.up", "model", "neuron"),
    *_dense(f"{_L}.output.dense", "layers.down", "neuron", "model"),
    *_norm(f"{_L}.output.LayerNorm", "layers.ffn_norm"),
)

POOLER: tuple[Rule, ...] = _dense("{encoder}pooler.dense", "", "model", "inner")

_BERT = Family(
    prefix="bert.",
    pad_id=0,
    has_position_offset=False,
    has_trained_pooler=True,
    head=(
        *_dense("{encoder}pooler.dense", "hidden", "model", "inner"),
        *_dense("classifier", "output", "inner", "label"),
    ),
    mlm=(
        *_dense("cls.predictions.transform.dense", "transform", "model", "inner"),
        *_norm("cls.predictions.transform.LayerNorm", "norm"),
    ),
    decoder=_decoder("cls.predictions.decoder", "cls.predictions.bias"),
)

_ROBERTA = Family(
    prefix="roberta.",
    pad_id=1,
    has_position_offset=True,
    has_trained_pooler=False,
    head=(
        *_dense("classifier.dense", "hidden", "model", "inner"),
        *_dense("classifier.out_proj", "output", "inner", "label"),
    ),
    mlm=(
        *_dense("lm_head.dense", "transform", "model", "inner"),
        *_norm("lm_head.layer_norm", "norm"),
    ),
    decoder=_decoder("lm_head.decoder", "lm_head.bias"),
)

FAMILIES: Mapping[str, Family] = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}


def axis_sizes(shape: EncoderShape) -> dict[str, int]:
    """Length of every axis that layouts name, but `label`."""
    return {
        "vocab": shape.vocab_size,
        "position": shape.max_positions,
        "segment": shape.num_segments,
        "model": shape.width,
        # A head's inner width: a name of its own, because axes are told by name.
        "inner": shape.width,
        "head": shape.num_heads,
        "head_dim": shape.head_dim,
        "neuron": shape.ffn,
    }


def _axes(layout: str) -> tuple[list[list[str]], list[str], list[str]]:
    """Stored axes as groups and in a row, then ours."""
    left, right = layout.split("->")
    groups = [group.split() for group in re.findall(r"\(([^)]+)\)", left)]
    return groups, [axis for group in groups for axis in group], right.split()


def stored_shape(layout: str, sizes: Sizes) -> tuple[int, ...]:
    """Shape of the tensor in a checkpoint."""
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
