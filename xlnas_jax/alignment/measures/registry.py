"""All measures by name, and which end is the good one."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from xlnas_jax.alignment.measures.base import Vectors, checked, standardised
from xlnas_jax.alignment.measures.centroid import (
    centroid_cosine_distance,
    centroid_distance,
    without_centroids,
)
from xlnas_jax.alignment.measures.cka import debiased_cka
from xlnas_jax.alignment.measures.combined import combined_score
from xlnas_jax.alignment.measures.gromov import gromov_hausdorff
from xlnas_jax.alignment.measures.procrustes import procrustes_disparity
from xlnas_jax.alignment.measures.retrieval import csls, margin, retrieval
from xlnas_jax.alignment.measures.rsim import rsim
from xlnas_jax.alignment.measures.spectrum import eigenvector_similarity


class Measure(NamedTuple):
    """One number of two languages.

    Attributes:
        meaning: in a few words, for a user.
        is_better_high: whether more is more alike.
    """

    name: str
    meaning: str
    is_better_high: bool
    run: Callable[[Vectors, Vectors], float]


def _standardised_cka(x: Vectors, y: Vectors) -> float:
    return debiased_cka(*(standardised(v) for v in checked(x, y)))


def _centred_retrieval(x: Vectors, y: Vectors) -> float:
    return retrieval(*without_centroids(x, y))


_csls_retrieval = functools.partial(retrieval, score=csls)
_margin_retrieval = functools.partial(retrieval, score=margin)

MEASURES = {
    one.name: one
    for one in (
        Measure("score", "combined score", True, combined_score),
        Measure("p1", "P@1 by cosine, both ways", True, retrieval),
        Measure("p1_csls", "P@1 by CSLS", True, _csls_retrieval),
        Measure("p1_margin", "P@1 by ratio margin", True, _margin_retrieval),
        Measure("p1_centred", "P@1 without centroids", True, _centred_retrieval),
        Measure("cka", "debiased CKA", True, debiased_cka),
        Measure("cka_std", "CKA, standardised", True, _standardised_cka),
        Measure("rsim", "RSIM", True, rsim),
        Measure("spectrum", "eigenvector similarity", False, eigenvector_similarity),
        Measure("gh", "Gromov-Hausdorff, H0", False, gromov_hausdorff),
        Measure("procrustes", "Procrustes disparity", False, procrustes_disparity),
        Measure("centroid", "distance of means", False, centroid_distance),
        Measure("centroid_cos", "1 - cosine of means", False, centroid_cosine_distance),
    )
}
