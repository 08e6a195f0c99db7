"""A damaged file of carried weights is refused in a paragraph, or is a sound one."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.carried import POSITIONS, make_file
from tests.fuzz.contract import Tally, generated
from tests.fuzz.material import changed
from xlnas_jax.supernet.carried.directory import make_tokenizer
from xlnas_jax.supernet.carried.e5s1 import Contents, axes_of, read

DATA, TENSORS = make_file()
# What comes before the tensors' numbers, where every byte means something.
HEAD = len(DATA) - sum(tensor.size for tensor in TENSORS.values()) // 2


def read_all(data: bytes) -> tuple[Contents, list[np.ndarray], list[int]]:
    """All that is ever made of a file, but for the writing."""
    contents = read(data, "a file")
    tokenizer = make_tokenizer(contents)
    tensors = [contents.tensor(name) for name, _ in axes_of(contents.sizes.layers)]
    return contents, tensors, tokenizer.encode("query: the \u00e9\uff5e zzz").ids


def require_sound(data: bytes, tally: Tally) -> None:
    found = tally.holds(lambda: read_all(data))
    if found is not None:
        contents, tensors, ids = found
        sizes = contents.sizes
        assert all(np.isfinite(tensor).all() for tensor in tensors)
        assert tensors[0].shape == (sizes.vocabulary, sizes.width)
        assert max(ids) < sizes.vocabulary
        assert len(ids) <= POSITIONS


@generated(200, 10_000)
@given(at=st.integers(0, HEAD), bit=st.integers(0, 7))
def test_a_flipped_bit(tally: Tally, at: int, bit: int) -> None:
    data = bytearray(DATA)
    data[at] ^= 1 << bit
    require_sound(bytes(data), tally)


@generated(100, 3_000)
@given(end=st.integers(0, len(DATA) - 1))
def test_a_file_that_ends_too_soon_is_never_taken(tally: Tally, end: int) -> None:
    assert tally.holds(lambda: read_all(DATA[:end])) is None


@generated(200, 10_000)
@given(random=st.randoms(use_true_random=False), end=st.sampled_from([HEAD, None]))
def test_other_bytes_anywhere(tally: Tally, random: Random, end: int | None) -> None:
    require_sound(changed(DATA[:end], random) + DATA[len(DATA[:end]) :], tally)
