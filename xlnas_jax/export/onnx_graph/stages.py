"""Every kind of stage as ONNX nodes, by the name under which it is registered.

Each computes what `run` of the stage does at the stage's own size. Operators are those
that runtimes know to fuse: a LayerNorm is one, a GELU the pattern of four that they
look for, an affine map a product with a constant, which quantisers look for.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto

from xlnas_jax.export.onnx_graph.distances import Distances, products
from xlnas_jax.export.onnx_graph.graph import Graph
from xlnas_jax.space.shape import BEFORE, ROTARY, EncoderShape
from xlnas_jax.space.stage import Stage
from xlnas_jax.supernet.params import Dense, LayerParams, Norm
from xlnas_jax.supernet.pieces import relative
from xlnas_jax.supernet.pieces.positions import BARE, LOCAL, frequencies
from xlnas_jax.supernet.stages import (
    adapter,
    attention,
    feed_forward,
    grouped,
    lora,
    windowed,
)
from xlnas_jax.supernet.stages.prefix import FIELD

# What is added to the score of a token that is not seen. Finite, as in `attention`.
UNSEEN = float(np.finfo(np.float32).min / 2)


class Seen(NamedTuple):
    """Which tokens there are.

    Attributes:
        mask: `batch 1 1 seq`, true for tokens that are no padding.
        bias: of scores, by the window; 0 where every token sees all; below that of
            local layers, without what the first token sees.
        turns: cosines and sines of rotary positions, by the base of their angles.
        length: how many tokens an input has, a list of one number.
        distances: that scores are by, in families that have them.
    """

    mask: str
    bias: dict[int, str]
    turns: dict[float, tuple[str, str]]
    length: str
    distances: Distances | None = None


class Of(NamedTuple):
    """What a stage is written of.

    Attributes:
        values: of its layer's knobs.
    """

    layer: LayerParams
    seen: Seen
    shape: EncoderShape
    values: Mapping[str, int]


_FLOAT = TensorProto.FLOAT
# From what it reads, by name, to what it gives.
Write = Callable[[Graph, str, Of], str]


class Map(NamedTuple):
    """The names of a matrix and of what is added, if anything is; and its outputs."""

    kernel: str
    bias: str | None
    size: int


def map_of(graph: Graph, kernel: Any, bias: Any, name: str) -> Map:
    """An affine map, which may be applied more than once."""
    made = graph.array(np.asarray(kernel), f"{name}.kernel")
    more = None if bias is None else graph.array(np.asarray(bias), f"{name}.bias")
    return Map(made, more, kernel.shape[-1])


def applied(graph: Graph, x: str, of: Map) -> str:
    """A product with a matrix, and what is added to it."""
    product = graph.add("MatMul", x, of.kernel)
    return product if of.bias is None else graph.add("Add", product, of.bias)


def affine(graph: Graph, x: str, kernel: Any, bias: Any, name: str) -> str:
    """A map that is applied once."""
    return applied(graph, x, map_of(graph, kernel, bias, name))


def opened(graph: Graph, x: str, params: Norm, shape: EncoderShape) -> str:
    """What a half of a layer reads, as `pieces.norms` has it."""
    return norm(graph, x, params, shape) if shape.spec.norm_place == BEFORE else x


def closed(graph: Graph, x: str, output: str, params: Norm, shape: EncoderShape) -> str:
    """What passes on, likewise."""
    total = graph.add("Add", x, output)
    is_before = shape.spec.norm_place == BEFORE
    return total if is_before else norm(graph, total, params, shape)


def norm(graph: Graph, x: str, params: Norm, shape: EncoderShape) -> str:
    """The norm that all of a family's layers have."""
    if shape.spec.norm != "rms":
        return layer_norm(graph, x, params, shape.norm_epsilon)
    square = graph.add("ReduceMean", graph.add("Mul", x, x), axes=(-1,), keepdims=1)
    length = graph.add(
        "Sqrt", graph.add("Add", square, graph.number(shape.norm_epsilon))
    )
    scale = graph.array(np.asarray(params.scale), "norm.scale")
    return graph.add("Mul", graph.add("Div", x, length), scale)


def layer_norm(graph: Graph, x: str, params: Norm, epsilon: float) -> str:
    """LayerNorm over the last axis."""
    given = [x, graph.array(np.asarray(params.scale), "norm.scale")]
    if params.bias is not None:
        given.append(graph.array(np.asarray(params.bias), "norm.bias"))
    return graph.add("LayerNormalization", *given, axis=-1, epsilon=epsilon)


def gelu(graph: Graph, x: str) -> str:
    """Exact, by erf."""
    share = graph.add("Erf", graph.add("Div", x, graph.number(2**0.5)))
    twice = graph.add("Mul", x, graph.add("Add", share, graph.number(1.0)))
    return graph.add("Mul", twice, graph.number(0.5))


def activated(graph: Graph, x: str, name: str) -> str:
    """GELU, or `x sigmoid(x)`."""
    if name == "silu":
        return graph.add("Mul", x, graph.add("Sigmoid", x))
    return gelu(graph, x)


def write_attention(graph: Graph, x: str, of: Of) -> str:
    """Heads, the window if there is one, LoRA in the kernels, and the prefix."""
    layer, shape = lora.merged(of.layer), of.shape
    width, size = shape.width, shape.head_dim
    heads = math.prod(layer.query.kernel.shape[1:]) // size
    is_bare = layer.marks is not None and bool(layer.marks[BARE] > 0.5)
    given = x if is_bare else opened(graph, x, layer.attention_norm, shape)

    def mapped(dense: Dense, name: str, scale: float = 1) -> Map:
        kernel = np.asarray(dense.kernel).reshape(width, -1) * np.float32(scale)
        bias = None
        if dense.bias is not None:
            bias = np.asarray(dense.bias).reshape(-1) * np.float32(scale)
        return map_of(graph, kernel, bias, name)

    def one(x: str, own: Map, order: tuple[int, ...] = (0, 2, 1, 3)) -> str:
        flat, split = applied(graph, x, own), graph.ints(0, 0, own.size // size, size)
        return graph.add("Transpose", graph.add("Reshape", flat, split), perm=order)

    # Scores are scaled before the product, in the weights: nothing is left to do.
    far = of.seen.distances
    terms = 1 if far is None else relative.TERMS
    by_query = mapped(layer.query, "query", (terms * size) ** -0.5)
    query, apart = one(given, by_query), None
    if shape.spec.positions == ROTARY:
        query = rotated(graph, query, of)
        key = rotated(graph, one(given, mapped(layer.key, "key")), of)
        key = graph.add("Transpose", key, perm=(0, 1, 3, 2))
    elif far is not None:
        by_key = mapped(layer.key, "key")
        key = one(given, by_key)
        table = one(far.table, by_query), one(far.table, by_key)
        apart = products(graph, query, key, *table, far)
        key = graph.add("Transpose", key, perm=(0, 1, 3, 2))
    else:
        key = one(given, mapped(layer.key, "key"), (0, 2, 3, 1))
    value = one(given, mapped(layer.value, "value"))
    if shape.group_size > 1:
        shared = np.repeat(np.arange(heads // shape.group_size), shape.group_size)
        places = graph.array(shared.astype(np.int64), "group")
        key, value = (graph.add("Gather", x, places, axis=1) for x in (key, value))
    scores = graph.add("MatMul", query, key)
    scores = scores if apart is None else graph.add("Add", scores, apart)
    window = -shape.local_window if is_local(of) else window_of(shape, of.values)
    bias = bias_of(graph, of.seen, window)
    scores = graph.add("Add", scores, bias)
    weights = graph.add("Softmax", scores, axis=-1)
    context = graph.add("MatMul", weights, value)
    if FIELD in layer.more and layer.more[FIELD].key.shape[0]:
        given = prefix(graph, query, layer, terms**0.5)
        context = graph.add("Add", context, given)
    context = graph.add("Transpose", context, perm=(0, 2, 1, 3))
    flat = graph.add("Reshape", context, graph.ints(0, 0, heads * size))
    kernel = np.asarray(layer.output.kernel).reshape(-1, width)
    output = affine(graph, flat, kernel, layer.output.bias, "output")
    return closed(graph, x, output, layer.attention_norm, shape)


def prefix(graph: Graph, query: str, layer: LayerParams, scale: float) -> str:
    """What keys and values that were learnt give, under their gate.

    Args:
        scale: of these keys, where the queries have that of more terms than one.
    """
    own = layer.more[FIELD]
    key = np.transpose(np.asarray(own.key), (1, 2, 0)) * np.float32(scale)
    key = graph.array(key, "prefix.key")
    gate = np.tanh(np.asarray(own.gate))[:, None, None]
    value = np.transpose(np.asarray(own.value), (1, 0, 2)) * gate
    weights = graph.add("Softmax", graph.add("MatMul", query, key), axis=-1)
    return graph.add("MatMul", weights, graph.array(value, "prefix.value"))


def is_local(of: Of) -> bool:
    """Whether the layer sees its neighbours alone."""
    return of.layer.marks is not None and bool(of.layer.marks[LOCAL] > 0.5)


def rotated(graph: Graph, x: str, of: Of) -> str:
    """Queries or keys `batch head seq head_dim`, turned by their places."""
    half = of.shape.head_dim // 2
    cos, sin = turns(graph, of)
    ends = graph.ints(0), graph.ints(half), graph.ints(2 * half)
    one, other = (
        graph.add("Slice", x, first, last, graph.ints(3))
        for first, last in itertools.pairwise(ends)
    )
    left = graph.add("Sub", graph.add("Mul", one, cos), graph.add("Mul", other, sin))
    right = graph.add("Add", graph.add("Mul", other, cos), graph.add("Mul", one, sin))
    return graph.add("Concat", left, right, axis=-1)


def turns(graph: Graph, of: Of) -> tuple[str, str]:
    """`seq half`, made once for every base of angles."""
    theta = of.shape.local_theta if is_local(of) else of.shape.theta
    if theta not in of.seen.turns:
        places = graph.add("Cast", places_of(graph, of.seen.length), to=_FLOAT)
        column = graph.add("Unsqueeze", places, graph.ints(1))
        per_token = graph.array(frequencies(theta, of.shape.head_dim)[None], "turn")
        angles = graph.add("Mul", column, per_token)
        of.seen.turns[theta] = graph.add("Cos", angles), graph.add("Sin", angles)
    return of.seen.turns[theta]


def window_of(shape: EncoderShape, values: Mapping[str, int]) -> int:
    """How far a token sees; 0 where that is everything."""
    window = values.get(windowed.WINDOW, 0)
    return 0 if window >= shape.max_length - 1 else window


def bias_of(graph: Graph, seen: Seen, window: int) -> str:
    """What is added to scores; made once for every window that layers have."""
    if window not in seen.bias:
        mask = seen.mask
        if window:
            mask = graph.add("And", mask, band(graph, seen.length, window))
        given = graph.number(0.0), graph.number(UNSEEN)
        seen.bias[window] = graph.add("Where", mask, *given)
    return seen.bias[window]


def band(graph: Graph, length: str, window: int) -> str:
    """`seq seq`, true for neighbours, and for the first token and all others.

    Below 0 for neighbours alone.
    """
    places = places_of(graph, length)
    row = graph.add("Unsqueeze", places, graph.ints(0))
    column = graph.add("Unsqueeze", places, graph.ints(1))
    apart = graph.add("Abs", graph.add("Sub", row, column))
    near = graph.add("LessOrEqual", apart, graph.array(np.int64(abs(window))))
    if window < 0:
        return near
    zero = graph.array(np.int64(0))
    first = (graph.add("Equal", one, zero) for one in (row, column))
    return graph.add("Or", near, graph.add("Or", *first))


def places_of(graph: Graph, length: str) -> str:
    """0, 1, ... for every token."""
    scalar = graph.add("Squeeze", length, graph.ints(0))
    start, step = graph.array(np.int64(0)), graph.array(np.int64(1))
    return graph.add("Range", start, scalar, step)


def write_feed_forward(graph: Graph, x: str, of: Of) -> str:
    """Token by token."""
    layer = of.layer
    given = opened(graph, x, layer.ffn_norm, of.shape)
    inner = affine(graph, given, layer.up.kernel, layer.up.bias, "up")
    inner = activated(graph, inner, of.shape.spec.activation)
    if layer.gate is not None:
        gate = affine(graph, given, layer.gate.kernel, layer.gate.bias, "gate")
        inner = graph.add("Mul", inner, gate)
    output = affine(graph, inner, layer.down.kernel, layer.down.bias, "down")
    return closed(graph, x, output, layer.ffn_norm, of.shape)


def write_adapter(graph: Graph, x: str, of: Of) -> str:
    """Added to what it reads."""
    down, up = of.layer.more[adapter.DOWN], of.layer.more[adapter.UP]
    inner = gelu(graph, affine(graph, x, down.kernel, down.bias, "adapter.down"))
    return graph.add("Add", x, affine(graph, inner, up.kernel, up.bias, "adapter.up"))


STAGES: Mapping[str, Write] = {
    attention.STAGE.name: write_attention,
    windowed.STAGE.name: write_attention,
    grouped.STAGE.name: write_attention,
    feed_forward.STAGE.name: write_feed_forward,
    adapter.STAGE.name: write_adapter,
}
# Parts that a stage may have and that are written with it.
PARTS = frozenset({"lora", "prefix"})


def writer_of(stage: Stage) -> Write | None:
    """What writes a stage; None where it, or a part of it, has no writer."""
    name, *parts = stage.name.split("+")
    return STAGES.get(name) if PARTS.issuperset(parts) else None
