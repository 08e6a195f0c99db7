"""Which tokens are kept of a pair of texts that is too long.

The `tokenizers` library can say it too, but keeps what it cuts off as well, each part
of one text with each part of the other: gigabytes for two long texts and a small limit.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from xlnas_jax.types import DataError


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Tokens that are kept of texts of so many tokens, at most `room` together.

    The longer one is cut until both are as long, then both are. Of an odd number the
    longer one keeps one more; the second, where they are equal. As the strategy of this
    name of `tokenizers` (`utils/truncation.rs`) has it.
    """
    if first + second <= room:
        return first, second
    short = min(first, second, room // 2)
    return (room - short, short) if first > second else (short, room - short)


def kept_of_pair(
    sides: Sequence[int | None], max_length: int
) -> Int[np.ndarray, " kept"]:
    """The places of at most `max_length` tokens, special tokens all among them.

    Args:
        sides: of each token of the whole pair, which text it is of: 0 or 1, or None of
            a special token.

    Raises:
        DataError: the special tokens alone are more.
    """
    of_token = np.array([-1 if side is None else side for side in sides])
    places = [np.flatnonzero(of_token == side) for side in (-1, 0, 1)]
    special, first, second = places
    if special.size > max_length:
        raise DataError(
            f"tokens.max_length must be at least {special.size}, the special tokens of "
            f"a pair of texts; got {max_length}."
        )
    most = longest_first(first.size, second.size, max_length - special.size)
    return np.sort(np.concatenate([special, first[: most[0]], second[: most[1]]]))
