"""Vectors of words or pieces, counted from what stands near them.

Mutual information of pairs that stand near each other, where it is above 0, and of that
the strongest directions. It is what skip-gram with negative samples factors, and the
same every time.

References:
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", 2014.
    https://proceedings.neurips.cc/paper/2014/hash/feab05aa91085b7a8012516bc3533958-Abstract.html
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float, Int

# Of `scipy.sparse`, whose types tell matrices from arrays, and its functions do not.
Matrix = Any
WINDOW, WIDTH = 5, 100
# Below that an exact decomposition takes no time.
_SMALL = 400


def neighbour_vectors(
    texts: Sequence[Int[np.ndarray, " _"]],
    size: int,
    window: int = WINDOW,
    width: int = WIDTH,
) -> Float[np.ndarray, "piece dim"]:
    """A vector of each of `size` pieces; zeros where no text has it.

    Args:
        window: so many on each side are near.
    """
    used = np.unique(np.concatenate([np.zeros(0, np.int64), *texts]))
    found = np.zeros((size, min(width, max(len(used), 1))))
    information = _information(counted(texts, size, window)[used][:, used])
    if information.nnz:
        found[used] = _strongest(information, found.shape[1])
    return found


def counted(
    texts: Sequence[Int[np.ndarray, " _"]], size: int, window: int = WINDOW
) -> Matrix:
    """How often each two pieces stand near each other, either before the other."""
    ids = np.concatenate([np.zeros(0, np.int64), *texts])
    text = np.repeat(np.arange(len(texts)), [len(one) for one in texts])
    total: Matrix = scipy.sparse.csr_matrix((size, size))
    for apart in range(1, window + 1):
        is_one = text[apart:] == text[:-apart]
        pair = ids[:-apart][is_one], ids[apart:][is_one]
        ones = np.ones(len(pair[0]))
        total = total + scipy.sparse.coo_matrix((ones, pair), shape=(size, size))
    return (total + total.T).tocsr()


def _information(counts: Matrix) -> Matrix:
    """Of pairs that are more frequent than by chance, by how much: its logarithm."""
    whole = counts.sum()
    of_each = np.asarray(counts.sum(1), np.float64).ravel()
    pairs = counts.tocoo()
    chance = of_each[pairs.row] * of_each[pairs.col] / max(whole, 1.0)
    values = np.log(np.maximum(pairs.data, 1e-30) / np.maximum(chance, 1e-30))
    found: Matrix = scipy.sparse.csr_matrix(
        (np.maximum(values, 0.0), (pairs.row, pairs.col)), shape=counts.shape
    )
    found.eliminate_zeros()
    return found


def _strongest(matrix: Matrix, width: int) -> Float[np.ndarray, "piece dim"]:
    size = matrix.shape[0]
    if size <= max(_SMALL, width):
        left, scale, _ = np.linalg.svd(matrix.toarray())
    else:
        # It begins with the same vector every time, so that it ends with the same.
        found: Any = scipy.sparse.linalg.svds(matrix, width, v0=np.ones(size))
        left, scale = found[0][:, ::-1], found[1][::-1]
    return left[:, :width] * np.sqrt(scale[:width])
