"""Export: the chosen architecture as a network and an artifact of its own."""

from xlnas_jax.export.artifact import save_artifact
from xlnas_jax.export.card import Card, render_card
from xlnas_jax.export.load import load
from xlnas_jax.export.params import (
    LayerSize,
    SubnetParams,
    count_params,
)
from xlnas_jax.export.predict import Prediction
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet, apply_subnet

__all__ = [
    "Card",
    "LayerSize",
    "Prediction",
    "Subnet",
    "SubnetParams",
    "apply_subnet",
    "count_params",
    "load",
    "render_card",
    "save_artifact",
    "slice_subnet",
]
