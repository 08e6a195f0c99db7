"""Export: the chosen architecture as a network and an artifact of its own."""

from xlnas_jax.export.apply import apply_subnet
from xlnas_jax.export.artifact import Artifact, save_artifact, save_artifacts
from xlnas_jax.export.card import Card, render_card
from xlnas_jax.export.load import load
from xlnas_jax.export.params import (
    LayerSize,
    SubnetParams,
    count_params,
)
from xlnas_jax.export.predict import Prediction
from xlnas_jax.export.predict_answers import AnswerPrediction
from xlnas_jax.export.predict_tags import Entity, TaggedPrediction
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet

__all__ = [
    "AnswerPrediction",
    "Artifact",
    "Card",
    "Entity",
    "LayerSize",
    "Prediction",
    "Subnet",
    "SubnetParams",
    "TaggedPrediction",
    "apply_subnet",
    "count_params",
    "load",
    "render_card",
    "save_artifact",
    "save_artifacts",
    "slice_subnet",
]
