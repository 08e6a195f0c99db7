"""How inputs of any length become few different array shapes, and run in them."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.types import DataError

# A padded length for every 32 tokens: on average 16 slots a text are wasted, and
# an input of any composition compiles at most a handful of programs.
SHORTEST = 16
LENGTH_STEP = 32

Apply = Callable[[Array, Array, Array], Float[Array, "batch *rest"]]


class Chunk(NamedTuple):
    """Examples that run together, at one padded size.

    Attributes:
        rows: positions in the input.
        size: rows of the padded array, a power of two.
        seq: padded length.
    """

    rows: list[int]
    size: int
    seq: int


def run_chunks(
    apply: Apply,
    encodings: Sequence[Encoding],
    batch_size: int,
    max_length: int,
    pad_id: int,
) -> list[Float[np.ndarray, "*rest"]]:
    """What `apply` gives for each encoding, in their order.

    Where it gives something for every token, what stands beyond the encoding's own
    length is padding.

    Args:
        apply: `(tokens, segments, length)` to an array with a leading `batch` axis.
    """
    if batch_size < 1:
        raise DataError(f"batch_size: must be at least 1; got {batch_size}.")
    lengths = [len(one.ids) for one in encodings]
    chunks = plan_chunks(lengths, batch_size, max_length)
    results = []
    for rows, size, seq in chunks:
        part = [encodings[i] for i in rows]
        tokens = pad_rows([one.ids for one in part], size, seq, pad_id)
        segments = pad_rows([one.segments for one in part], size, seq, 0)
        length = np.ones(size, np.int32)
        length[: len(rows)] = [lengths[i] for i in rows]
        results.append(apply(*map(jnp.asarray, (tokens, segments, length))))
    # All chunks are dispatched before the first result is waited for.
    found: dict[int, np.ndarray] = {}
    for chunk, result in zip(chunks, results, strict=True):
        found.update(zip(chunk.rows, np.asarray(result), strict=False))
    return [found[i] for i in range(len(encodings))]


def padded_length(length: int, max_length: int) -> int:
    """The length that an example is padded to; never above `max_length`."""
    step = SHORTEST if length <= SHORTEST else LENGTH_STEP
    return min(math.ceil(length / step) * step, max_length)


def padded_rows(count: int) -> int:
    """How many rows the array of so many has: a power of two."""
    return 1 << (count - 1).bit_length()


def plan_chunks(
    lengths: Sequence[int], batch_size: int, max_length: int
) -> list[Chunk]:
    """Groups examples of similar length; every example is in one chunk."""
    by_seq: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        by_seq.setdefault(padded_length(length, max_length), []).append(row)
    chunks = []
    for seq, rows in sorted(by_seq.items()):
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            chunks.append(Chunk(part, padded_rows(len(part)), seq))
    return chunks


def pad_rows(
    rows: Sequence[Sequence[int]], size: int, seq: int, fill: int
) -> Int[np.ndarray, "batch seq"]:
    """Rows of ids as one array, padded on the right and below."""
    array = np.full((size, seq), fill, np.int32)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array
