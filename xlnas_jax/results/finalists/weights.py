"""A finalist's own weights, and back into the shape of the shared ones."""

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np

from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.teacher import own_weights
from xlnas_jax.supernet.fixed import Row, cut_layers, spread_layers
from xlnas_jax.supernet.params import SharedParams


def cut_network(experiment: Experiment, params: SharedParams, row: Row) -> Any:
    """The weights of one network alone, on the host.

    Embeddings that are never trained are left out: they are those of the search.
    """
    space = experiment.space
    host = jax.tree.map(np.asarray, own_weights(experiment, params))
    numbers = [str(number) for number, _ in space.layers(row)]
    layers = dict(
        zip(numbers, cut_layers(host.encoder.layers, space, row), strict=True)
    )
    encoder = host.encoder
    cut = {"layers": layers, "heads": host.heads, "embeddings": encoder.embeddings}
    last = encoder.final_norm
    return cut if last is None else {**cut, "final_norm": last}


def fingerprint(cut: Any) -> bytes:
    """The same of equal weights of networks alike in shape, and of no others."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(cut):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.digest()


def spread_network(
    experiment: Experiment, params: SharedParams, row: Row, cut: Any
) -> SharedParams:
    """Shared weights in which one network has its own again.

    Args:
        params: of the same shapes; what the network does not have stays as it is.
    """
    space = experiment.space
    layers = [cut["layers"][str(number)] for number, _ in space.layers(row)]
    stacked = spread_layers(params.encoder.layers, space, row, layers)
    last = cut.get("final_norm")
    encoder = dataclasses.replace(params.encoder, layers=stacked, final_norm=last)
    if experiment.config.train.trains_embeddings:
        encoder = dataclasses.replace(encoder, embeddings=cut["embeddings"])
    return jax.device_put(SharedParams(encoder, cut["heads"]))
