"""Which rows of the word table the pieces of a vocabulary have, where some share one.

No piece is lost and no text is cut otherwise: pieces without a row of their own have
one in common with pieces of like vectors. What a network saves are rows of the table,
which of a small multilingual network are most of its parameters.

References:
    Chen et al., "Compressing neural networks with the hashing trick", 2015, share
    weights by a fixed map. https://arxiv.org/abs/1504.04788
    Joulin et al., "FastText.zip", 2016, keep rows of frequent words and cluster others.
    https://arxiv.org/abs/1612.03651
"""

import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

Map = Int[np.ndarray, " piece"]


@dataclass(frozen=True, eq=False)
class WordRows:
    """Rows of a word table by piece: of every choice, or of one network.

    It is part of an encoder's static sizes, so it is compared and hashed by what it
    holds, and compiled into the programs that look tokens up.

    Attributes:
        shares: of every language's tokens, the share whose pieces have a row of their
            own; one for each choice, rising.
        rows: of each choice, the row of every piece.
        table: rows of the table, of which all are of some piece.
    """

    shares: tuple[float, ...]
    rows: Int[np.ndarray, "choice piece"]
    table: int

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or len(self.rows) != len(self.shares):
            raise ValueError(f"rows of {self.rows.shape} for {len(self.shares)} shares")
        used = np.unique(self.rows)
        if not np.array_equal(used, np.arange(self.table)):
            raise ValueError(f"rows must be all of 0..{self.table - 1}")
        # Read by all, changed by none.
        self.rows.setflags(write=False)

    @functools.cached_property
    def checksum(self) -> int:
        """Of all that it holds."""
        content = self.rows.astype("<i4").tobytes()
        return zlib.crc32(repr((self.shares, self.rows.shape)).encode() + content)

    @functools.cached_property
    def sizes(self) -> Int[np.ndarray, " choice"]:
        """Rows that a network of each choice has."""
        return np.asarray([len(np.unique(own)) for own in self.rows], np.int64)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, WordRows)
            and (self.shares, self.table) == (other.shares, other.table)
            and np.array_equal(self.rows, other.rows)
        )

    def __hash__(self) -> int:
        return self.checksum

    def of_choice(self, choice: int) -> tuple[Map, "WordRows | None"]:
        """Rows that one network keeps, and which of these its pieces have.

        None where every piece has its own.
        """
        return _alone(self.shares[choice], self.rows[choice])

    @property
    def shared(self) -> int:
        """Of one network, rows that several pieces have in common."""
        return int((np.bincount(self.rows[0]) > 1).sum())

    def of_pieces(self, kept: Int[np.ndarray, " _"]) -> tuple[Map, "WordRows | None"]:
        """As `of_choice`, of one network that keeps some pieces alone."""
        return _alone(self.shares[0], self.rows[0][kept])

    @classmethod
    def of_one(cls, share: float, rows: Map) -> "WordRows":
        """Those of one network.

        Raises:
            ValueError: rows are not all of a table.
        """
        most = int(rows.max(initial=-1)) + 1
        return cls((share,), np.array(rows, np.int32)[None], most)


def _alone(share: float, rows: Map) -> tuple[Int[np.ndarray, " kept"], WordRows | None]:
    """What is left of a table that these rows alone are looked up in."""
    kept, places = np.unique(rows, return_inverse=True)
    if len(kept) == len(rows):
        return rows, None
    return kept, WordRows.of_one(share, places)


def share_rows(shares: Sequence[float], groups: Sequence[Map]) -> WordRows:
    """Tables of several choices, one behind another, over one table of all pieces.

    Args:
        shares: below 1, rising; that of all pieces follows.
        groups: of each, the number of the row that a piece shares with others, or -1
            where it has its own.
    """
    size = len(groups[0])
    own = np.arange(size, dtype=np.int32)
    rows, end = [], size
    for group in groups:
        _, of, uses = np.unique(group, return_inverse=True, return_counts=True)
        # What is in a group of one shares with none.
        is_shared = (group >= 0) & (uses[of] > 1)
        _, shared = np.unique(group[is_shared], return_inverse=True)
        placed = own.copy()
        placed[is_shared] = end + shared
        end += int(shared.max(initial=-1)) + 1
        rows.append(placed)
    return WordRows((*shares, 1.0), np.stack([*rows, own]), end)


def covering(counts: Int[np.ndarray, " piece"], share: float) -> Int[np.ndarray, " _"]:
    """The fewest pieces that make up a share of some tokens, frequent ones first.

    Args:
        counts: how often each piece is used; the earlier of equal ones comes first.
    """
    order = np.argsort(-counts, kind="stable")
    total = np.cumsum(counts[order])
    if not total.size or not total[-1]:
        return order[:0]
    # In whole numbers: a share of a float would be a token too many or too few.
    need = int(np.ceil(share * int(total[-1]) - 1e-9))
    return order[: int(np.searchsorted(total, need)) + 1] if need else order[:0]
