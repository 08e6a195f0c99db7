"""A finalist's own weights, and back into the shape of the shared ones."""

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.teacher import own_weights
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.units import cut_stage, field, own

Row = Int[np.ndarray, " site"]


def cut_network(experiment: Experiment, params: SharedParams, row: Row) -> Any:
    """The weights of one network alone, on the host.

    Embeddings that are never trained are left out: they are those of the search.
    """
    host = jax.tree.map(np.asarray, own_weights(experiment, params))
    layers = {}
    for number, values in experiment.space.layers(row):
        layer = jax.tree.map(lambda leaf, n=number: leaf[n], host.encoder.layers)
        for stage in experiment.space.stages:
            layer = cut_stage(layer, stage, values)
        layers[str(number)] = layer
    embeddings = host.encoder.embeddings
    return {"layers": layers, "heads": host.heads, "embeddings": embeddings}


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
    stacked = jax.tree.map(np.array, params.encoder.layers)
    for number, values in space.layers(row):
        for stage in space.stages:
            if stage.is_absent(values):
                continue
            for name, tree in own(cut["layers"][str(number)], stage).items():
                if tree is None:
                    continue

                def put(leaf: np.ndarray, new: Any, number: int = number) -> None:
                    # Its units are the first ones.
                    leaf[number][tuple(map(slice, new.shape))] = new

                jax.tree.map(put, field(stacked, name), tree)
    encoder = dataclasses.replace(params.encoder, layers=stacked)
    if not experiment.config.train.freeze_embeddings:
        encoder = dataclasses.replace(encoder, embeddings=cut["embeddings"])
    return jax.device_put(SharedParams(encoder, cut["heads"]))
