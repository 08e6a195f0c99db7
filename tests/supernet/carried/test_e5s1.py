"""Files of format E5S1 give the numbers that were packed, or are refused."""

import struct

import numpy as np
import pytest

from tests.carried import (
    CHARACTERS,
    LAYERS,
    PIECES,
    SIZES,
    make_file,
    shapes,
    vocabulary,
)
from xlnas_jax.supernet.carried.e5s1 import axes_of, read
from xlnas_jax.types import CheckpointError

DATA, TENSORS = make_file()
# Where the second and third part begin: by the format alone.
SECOND = 4 + 4 + 7 * 4 + 4 + 4
THIRD = SECOND + len(vocabulary(PIECES))
NUM = len(PIECES)
SCORES = SECOND + 28 + 4 * (NUM + 1)


def put(form: str, place: int, *values: object, data: bytes = DATA) -> bytes:
    """The file with other values at a place."""
    changed = bytearray(data)
    struct.pack_into(f"<{form}", changed, place, *values)
    return bytes(changed)


def place_of(name: str) -> int:
    """Where form, numbers, first byte and bytes of a tensor stand."""
    found = DATA.index(struct.pack("<H", len(name)) + name.encode(), THIRD)
    return found + 2 + len(name)


def test_every_tensor_is_what_was_packed() -> None:
    contents = read(DATA, "here")
    assert [name for name, _ in axes_of(LAYERS)] != []
    assert {name for name, _ in axes_of(LAYERS)} == set(shapes())
    for name, expected in TENSORS.items():
        found = contents.tensor(name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected, strict=True)


def test_a_tensor_of_more_blocks_than_are_unpacked_at_once_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xlnas_jax.supernet.carried.e5s1._AT_ONCE", 7)
    found = read(DATA, "here").tensor("emb.word")
    np.testing.assert_array_equal(found, TENSORS["emb.word"])


def test_sizes_pieces_and_characters_are_those_of_the_file() -> None:
    contents = read(DATA, "here")
    assert tuple(contents.sizes) == (*SIZES, 1e-12)
    assert tuple(contents.special) == (0, 2, 1, 3)
    assert [piece for piece, _ in contents.pieces] == list(PIECES)
    assert [score for _, score in contents.pieces][:3] == [0.0, -1.0, -2.0]
    assert contents.characters == CHARACTERS


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "beginning"),
        (b"GGUF" + DATA[4:], r"must begin with b'E5S1'; got b'GGUF'"),
        (put("i", 4, 2), "must be of version 1; got 2"),
        (put("i", 8, 0), "width must be from 1"),
        (put("i", 12, -1), "layers must be from 1"),
        (put("i", 12, LAYERS + 1), "must hold 53 tensors; got 37"),
        (put("i", 16, 5), "heads must divide width 64; got 5"),
        (put("i", 24, 3), "pieces must be from 1 to 3"),
        (put("f", 36, float("nan")), "epsilon must be above 0"),
        (put("i", 40, 64), "a block must be of 32 weights; got 64"),
        (put("i", SECOND, 2**31 - 1), "pieces must be from 1"),
        (put("i", SECOND + 4, 2), rf"must differ, below {NUM}; got \[2, 2, 1, 3\]"),
        (put("i", SECOND + 4, NUM), rf"must differ, below {NUM}; got \[{NUM}, "),
        (put("Q", SECOND + 20, 2**63), "bytes of pieces from byte"),
        (put("I", SECOND + 28 + 8, 2), "none of them empty"),
        (put("f", SCORES, float("inf")), "scores of pieces"),
        (put("B", SCORES + 4 * NUM, 0xFF), "must be UTF-8"),
        (put("i", THIRD, 2**30), "characters must fit the file"),
        (put("I", THIRD + 4, 7), "characters must fit|do not fit"),
        (put("I", THIRD + 8, 0xD800), "must be of Unicode"),
        (put("I", THIRD + 8, 0x110000), "must be of Unicode"),
        (put("B", place_of("l0.q.w") - 1, ord("x")), "must hold tensor l0.q.w"),
        (put("B", place_of("l0.q.w"), 0), "l0.q.w must have a known form"),
        (put("B", place_of("l0.q.w"), 7), "l0.q.w must have a known form"),
        (put("I", place_of("l0.q.w") + 1, 4), r"l0.q.w must be of shape \(64, 64\)"),
        (put("Q", place_of("l0.q.w") + 5, 0), "l0.q.w must lie behind byte"),
        (put("Q", place_of("l0.q.w") + 5, 2**63), "l0.q.w must lie behind byte"),
        (DATA[:-1], r"l1.oln.b must lie behind|before the end"),
    ],
)
def test_what_is_damaged_or_foreign_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason) as error:
        read(data, "a file")
    assert str(error.value).startswith("a file: ")
    assert "\n" not in str(error.value)


def test_two_pieces_alike_are_refused() -> None:
    data, _ = make_file(("<s>", *PIECES[1:-1], "a"))
    with pytest.raises(CheckpointError, match="1 are there twice"):
        read(data, "a file")


@pytest.mark.parametrize("name", ["l0.q.w", "l0.q.b"])
def test_numbers_that_are_none_are_named_by_their_tensor(name: str) -> None:
    (start,) = struct.unpack_from("<Q", DATA, place_of(name) + 5)
    data = put("2H", start, 0x7C00, 0x7F80)  # infinities of either width
    with pytest.raises(CheckpointError, match=f"{name} must hold finite numbers"):
        read(data, "a file").tensor(name)
