"""Reading of a binary file from its beginning to its end, and never beyond."""

import struct
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Shaped

from xlnas_jax.types import CheckpointError


class Cursor:
    """A place in the bytes of a file; what is read must lie within them.

    Attributes:
        data: all bytes.
        where: what errors call the file.
        at: the next byte that is read.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.where = where
        self.at = 0

    @property
    def left(self) -> int:
        """How many bytes come yet."""
        return len(self.data) - self.at

    def numbers(self, form: str, what: str) -> tuple[Any, ...]:
        """Little-endian values, as `struct` spells them.

        Args:
            what: what errors call them.
        """
        start = self._pass(struct.calcsize(f"<{form}"), what)
        return struct.unpack_from(f"<{form}", self.data, start)

    def array(self, dtype: str, count: int, what: str) -> Shaped[np.ndarray, " count"]:
        """So many values of one type, as a view of the bytes."""
        size = count * np.dtype(dtype).itemsize
        return np.frombuffer(self.data, dtype, count, self._pass(size, what))

    def bytes(self, size: int, what: str) -> bytes:
        """So many bytes."""
        start = self._pass(size, what)
        return self.data[start : self.at]

    def refuse(self, must: str) -> NoReturn:
        """Raise the error that says what the file must be, and is not."""
        raise refused(self.where, must)

    def _pass(self, size: int, what: str) -> int:
        """Go on by so many bytes; where they begin."""
        if not 0 <= size <= self.left:
            self.refuse(
                f"must have {size:,} bytes of {what} from byte {self.at:,} on; got a "
                f"file of {len(self.data):,} bytes"
            )
        start, self.at = self.at, self.at + size
        return start


def refused(where: str, must: str) -> CheckpointError:
    """The error of a file that is not what it must be."""
    return CheckpointError(
        f"{where}: {must}. It is damaged, or something else than it is said to be: get "
        f"it again."
    )
