"""Scores by how far apart two tokens are, as ONNX nodes: `supernet.pieces.relative`."""

from typing import NamedTuple

import numpy as np

from xlnas_jax.export.onnx_graph.graph import Graph
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet.pieces.relative import met_by

# Beyond the end of any axis.
_END = int(np.iinfo(np.int64).max)


class Distances(NamedTuple):
    """What all layers share.

    Attributes:
        table: `1 row model`, behind its norm.
        falling, rising: rows of it for the distances of a text, see `Met`.
        length: of the text, a list of one number.
    """

    table: str
    falling: str
    rising: str
    length: str


def distances_of(
    graph: Graph, table: str, length: str, shape: EncoderShape
) -> Distances:
    """The rows that a text of any length meets, which are those in the middle of all.

    Args:
        table: whole, behind its norm.
    """
    met, most = met_by(shape.max_length, shape), graph.ints(shape.max_length)
    ends = graph.add("Sub", most, length), graph.add("Add", most, length)
    falling, rising = (
        graph.add("Slice", graph.array(rows + met.first, "distance"), *ends)
        for rows in (met.falling, met.rising)
    )
    return Distances(table, falling, rising, length)


def products(
    graph: Graph, query: str, key: str, by_query: str, by_key: str, of: Distances
) -> str:
    """What is added to the products of queries and keys `batch head seq head_dim`.

    Args:
        by_query, by_key: queries and keys of the table, `1 head row head_dim`.
    """
    to_key = _of_pairs(graph, _product(graph, query, by_key, of.falling), of.length)
    to_query = _of_pairs(graph, _product(graph, key, by_query, of.rising), of.length)
    turned = graph.add("Transpose", to_query, perm=(0, 1, 3, 2))
    return graph.add("Add", to_key, turned)


def _product(graph: Graph, one: str, table: str, rows: str) -> str:
    other = graph.add("Gather", table, rows, axis=2)
    return graph.add("MatMul", one, graph.add("Transpose", other, perm=(0, 1, 3, 2)))


def _of_pairs(graph: Graph, x: str, length: str) -> str:
    """`batch head seq 2*seq` to what belongs to pairs, by a change of shape."""
    flat = graph.add("Reshape", x, graph.ints(0, 0, -1))
    flat = graph.add("Slice", flat, length, graph.ints(_END), graph.ints(2))
    shape = graph.add("Concat", graph.ints(0, 0), length, graph.ints(-1), axis=0)
    below = graph.add("Reshape", flat, shape)
    return graph.add("Slice", below, graph.ints(0), length, graph.ints(3))
