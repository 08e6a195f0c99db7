"""Likeness of the graphs of nearest neighbours; no translations are needed.

It has no upper bound, and grows with the number of vectors: compare equal numbers only.

References:
    Søgaard, Ruder & Vulić, "On the Limitations of Unsupervised Bilingual Dictionary
    Induction", 2018. https://arxiv.org/abs/1805.03620
"""

from typing import Literal

import numpy as np
from jaxtyping import Float

from xlnas_jax.alignment.measures.base import Vectors, checked, cosines

Spectrum = Float[np.ndarray, " eigenvalue"]
# So much of the sum of the eigenvalues is compared.
ENERGY = 0.9


def eigenvector_similarity(
    x: Vectors,
    y: Vectors,
    neighbours: int = 1,
    order: Literal["descending", "script"] = "descending",
) -> float:
    """Squared differences of the Laplacians' eigenvalues; 0 for like graphs.

    Args:
        neighbours: each vector is joined with so many others.
        order: the largest eigenvalues, as the paper says; or the smallest, as the
            authors' script has it.
    """
    x, y = checked(x, y)
    spectra = [laplacian_spectrum(v, neighbours) for v in (x, y)]
    if order == "descending":
        spectra = [one[::-1] for one in spectra]
    count = min(_enough(one) for one in spectra)
    ours, theirs = (one[:count] for one in spectra)
    return float(np.square(ours - theirs).sum())


def laplacian_spectrum(x: Vectors, neighbours: int) -> Spectrum:
    """Of the graph in which each is joined with those nearest to it, ascending."""
    near = cosines(x, x)
    np.fill_diagonal(near, -np.inf)
    # Stable, so that equal vectors do not change places.
    order = np.argsort(-near, axis=1, kind="stable")[:, :neighbours]
    joined = np.zeros_like(near)
    np.put_along_axis(joined, order, 1.0, axis=1)
    joined = np.maximum(joined, joined.T)
    return np.linalg.eigvalsh(np.diag(joined.sum(0)) - joined)


def _enough(spectrum: Spectrum) -> int:
    """How many of the first hold that share of the sum of all."""
    shares = np.cumsum(spectrum) / spectrum.sum()
    return int(np.searchsorted(shares, ENERGY - 1e-12)) + 1
