"""The whole network as a graph: embeddings, layers, and what the task reads of them.

Inputs have the names that tokenizers of `transformers` give, outputs those of the
classes of `optimum`: `logits`, `start_logits` and `end_logits`, or
`last_hidden_state`, and beside that the vectors of the texts, `sentence_embedding`.
"""

from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto

from xlnas_jax.export.forms.hugging_face import IDS, MASK, SEGMENTS, input_names
from xlnas_jax.export.onnx_graph.distances import distances_of
from xlnas_jax.export.onnx_graph.graph import Graph
from xlnas_jax.export.onnx_graph.stages import (
    UNSEEN,
    Of,
    Seen,
    activated,
    affine,
    layer_norm,
    norm,
    places_of,
    writer_of,
)
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.shape import LEARNED, EncoderShape
from xlnas_jax.space.words import WordRows
from xlnas_jax.supernet.heads import EPSILON as HEAD_EPSILON
from xlnas_jax.supernet.params import EmbeddingParams, HeadParams
from xlnas_jax.supernet.stages.registry import stages_with

BATCH, SEQ = "batch_size", "sequence_length"
# The least that the square of a vector's length is taken for, as in `heads.unit`.
_LEAST = 1e-12
_MOST = 127
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu"}


class Inputs(NamedTuple):
    """Of the graph: token mask as numbers `batch seq 1`, and what stages ask for."""

    real: str
    seen: Seen


def output_names(subnet: Subnet) -> tuple[str, ...]:
    """In the order in which they come."""
    return {
        "qa": ("start_logits", "end_logits"),
        "retrieval": ("last_hidden_state", "sentence_embedding"),
    }.get(subnet.task, ("logits",))


def make_model(subnet: Subnet, int8_words: bool = False) -> onnx.ModelProto:
    """The network for inputs of any number of texts and tokens.

    Args:
        int8_words: the word table in 8 bits, with a scale for every row of it.
    """
    graph, weights, shape = Graph(), subnet.weights, subnet.shape
    given = _inputs(graph)
    given = given._replace(seen=_seen(graph, subnet, given.seen))
    x = _embed(graph, subnet, weights.embeddings, given, int8_words)
    for layer, size in zip(weights.layers, weights.sizes, strict=True):
        values = dict(size)
        for stage in stages_with(values):
            if not stage.is_absent(values):
                write = writer_of(stage)
                assert write is not None, stage.name
                x = write(graph, x, Of(layer, given.seen, shape, values))
    if weights.final_norm is not None:
        x = norm(graph, x, weights.final_norm, shape)
    outputs = _read_out(graph, subnet, x, given)
    axes: dict[str, tuple[str | int, ...]] = {}
    for name, (value, rest) in zip(output_names(subnet), outputs, strict=True):
        graph.rename(value, name)
        axes[name] = (BATCH, *rest)
    inputs = {name: (BATCH, SEQ) for name in input_names(subnet)}
    return graph.model("subnet", inputs, axes)


def _inputs(graph: Graph) -> Inputs:
    mask = graph.add("Cast", MASK, to=TensorProto.BOOL)
    real = graph.add("Cast", mask, to=TensorProto.FLOAT)
    length = graph.add("Shape", IDS, start=1, end=2)
    seen = Seen(graph.add("Unsqueeze", mask, graph.ints(1, 2)), {}, {}, length)
    return Inputs(graph.add("Unsqueeze", real, graph.ints(2)), seen)


def _seen(graph: Graph, subnet: Subnet, seen: Seen) -> Seen:
    """With the table of distances, where scores are by these."""
    params, shape = subnet.weights.embeddings, subnet.shape
    if params.relative is None or params.relative_norm is None:
        return seen
    rows = graph.array(np.asarray(params.relative)[None], "distance")
    table = norm(graph, rows, params.relative_norm, shape)
    return seen._replace(distances=distances_of(graph, table, seen.length, shape))


def _embed(
    graph: Graph,
    subnet: Subnet,
    params: EmbeddingParams,
    given: Inputs,
    int8_words: bool,
) -> str:
    shape = subnet.shape
    rows = IDS if shape.words is None else _rows(graph, shape.words)
    look_up = _int8_words if int8_words else _words
    total = look_up(graph, np.asarray(params.word), rows)
    if shape.reads_segments:
        segment = graph.array(np.asarray(params.segment), "segment")
        own = graph.add("Gather", segment, SEGMENTS)
        total = graph.add("Add", total, own)
    if params.position is not None:
        total = graph.add("Add", total, _positions(graph, shape, params, given))
    elif params.segment is not None and not shape.reads_segments:
        row = graph.array(np.asarray(params.segment)[0], "segment")
        total = graph.add("Add", total, row)
    return total if params.norm is None else norm(graph, total, params.norm, shape)


def _positions(
    graph: Graph, shape: EncoderShape, params: EmbeddingParams, given: Inputs
) -> str:
    table = np.asarray(params.position)
    if params.segment is not None and not shape.reads_segments:
        # The only segment there is, in the table that every token looks up anyhow.
        table = table + np.asarray(params.segment)[:1]
    if shape.spec.positions == LEARNED:
        places = places_of(graph, given.seen.length)
    else:
        pad = graph.array(np.int64(shape.pad_id))
        is_real = graph.add("Not", graph.add("Equal", IDS, pad))
        real = graph.add("Cast", is_real, to=TensorProto.INT64)
        count = graph.add("CumSum", real, graph.array(np.int64(1)))
        first = graph.array(np.int64(shape.position_offset - 1))
        places = graph.add("Add", graph.add("Mul", count, real), first)
    return graph.add("Gather", graph.array(table, "position"), places)


def _rows(graph: Graph, words: WordRows) -> str:
    """Of every token the row of the word table, where pieces share some."""
    return graph.add("Gather", graph.array(words.rows[0], "rows"), IDS)


def _words(graph: Graph, table: np.ndarray, rows: str) -> str:
    return graph.add("Gather", graph.array(table, "word"), rows)


def _int8_words(graph: Graph, table: np.ndarray, rows: str) -> str:
    """Rows in 8 bits, each times a number of its own: no weight moves by more than
    half of that number.
    """
    most = np.abs(table).max(axis=1, keepdims=True)
    scale = np.maximum(most / _MOST, np.finfo(np.float32).tiny).astype(np.float32)
    rounded = np.clip(np.rint(table / scale), -_MOST, _MOST).astype(np.int8)
    found = graph.add("Gather", graph.array(rounded, "word"), rows)
    wide = graph.add("Cast", found, to=TensorProto.FLOAT)
    own = graph.add("Gather", graph.array(scale, "scale"), rows)
    return graph.add("Mul", wide, own)


def _read_out(
    graph: Graph, subnet: Subnet, x: str, given: Inputs
) -> list[tuple[str, tuple[str | int, ...]]]:
    """Outputs, each with the axes it has beside that of the texts."""
    head, width = subnet.weights.head, subnet.shape.width
    if head.output is None:
        vector = _unit(graph, _pool(graph, subnet, x, given))
        return [(x, (SEQ, width)), (vector, (width,))]
    axes: tuple[str | int, ...] = (SEQ,)
    if head.hidden is not None:
        pooled, axes = _pool(graph, subnet, x, given), ()
        x = affine(graph, pooled, head.hidden.kernel, head.hidden.bias, "head.hidden")
        x = _activated(graph, x, head)
    logits = affine(graph, x, head.output.kernel, head.output.bias, "head.output")
    if subnet.task != "qa":
        return [(logits, (*axes, len(subnet.labels)))]
    ends = (graph.array(np.int64(end)) for end in (0, 1))
    return [(graph.add("Gather", logits, end, axis=-1), (SEQ,)) for end in ends]


def _activated(graph: Graph, x: str, head: HeadParams) -> str:
    """What follows the dense layer of a classifier of sentences."""
    if head.activation in _ACTIVATIONS:
        return graph.add(_ACTIVATIONS[head.activation], x)
    x = activated(graph, x, "gelu")
    return x if head.norm is None else layer_norm(graph, x, head.norm, HEAD_EPSILON)


def _pool(graph: Graph, subnet: Subnet, x: str, given: Inputs) -> str:
    """One vector of each text, as `heads.pool` makes it."""
    if subnet.pooling == "cls":
        return graph.add("Gather", x, graph.array(np.int64(0)), axis=1)
    if subnet.pooling == "mean":
        weighted = graph.add("Mul", x, given.real)
        count = graph.add("ReduceSum", given.real, graph.ints(1), keepdims=0)
        count = graph.add("Max", count, graph.number(1.0))
        total = graph.add("ReduceSum", weighted, graph.ints(1), keepdims=0)
        return graph.add("Div", total, count)
    is_real = graph.add("Cast", given.real, to=TensorProto.BOOL)
    if subnet.pooling == "max":
        shown = graph.add("Where", is_real, x, graph.number(UNSEEN))
        return graph.add("ReduceMax", shown, axes=(1,), keepdims=0)
    own = subnet.weights.head.attentive
    assert subnet.pooling == "attentive" and own is not None
    kernel = graph.array(np.asarray(own.kernel), "pool.kernel")
    vector = graph.array(np.asarray(own.vector)[:, None], "pool.vector")
    inner = graph.add("Tanh", graph.add("MatMul", x, kernel))
    scores = graph.add("MatMul", inner, vector)
    shown = graph.add("Where", is_real, scores, graph.number(UNSEEN))
    weights = graph.add("Softmax", shown, axis=1)
    weighted = graph.add("Mul", x, weights)
    return graph.add("ReduceSum", weighted, graph.ints(1), keepdims=0)


def _unit(graph: Graph, x: str) -> str:
    square = graph.add("ReduceSum", graph.add("Mul", x, x), graph.ints(1), keepdims=1)
    length = graph.add("Sqrt", graph.add("Max", square, graph.number(_LEAST)))
    return graph.add("Div", x, length)
