"""Trains a network on a few labelled rows of every target, and keeps its weights.

Nothing is chosen after: as many steps are taken as are asked for, and what it scored
before stands beside what it scores then. A few rows of the target are often worth more
than any method that does without.

References:
    Lauscher et al., "From zero to hero: On the limitations of zero-shot language
    transfer with multilingual transformers", 2020.
    https://aclanthology.org/2020.emnlp-main.363/
    Zhao et al., "A closer look at few-shot crosslingual transfer: The choice of shots
    matters", 2021, who therefore fix them. https://arxiv.org/abs/2012.15682
"""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np

from xlnas_jax.config.evaluate import TuningConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.devices.sharding import local
from xlnas_jax.experiment.arrays import few_shot_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.few_shot.document import few_shot_of
from xlnas_jax.results.finalists.saved import load_weights, save_weights
from xlnas_jax.results.finalists.train import FOLDER as FINALISTS
from xlnas_jax.results.finalists.train import weights_of
from xlnas_jax.results.finalists.weights import cut_network, spread_network
from xlnas_jax.search.alone import make_train_alone
from xlnas_jax.supernet.fixed import Row
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.types import CheckpointError, DivergedError

# Of the run's folder: where the weights of the network of this section are.
FOLDER = "few_shot"


def tune_on_targets(
    experiment: Experiment, params: SharedParams, row: Row
) -> SharedParams:
    """The weights after `few_shot.steps`; what is given is left as it is.

    Raises:
        DivergedError: they are not finite.
    """
    config = experiment.config
    few, train = config.few_shot, _training(experiment, row)
    own = dataclasses.replace(
        experiment, config=dataclasses.replace(config, train=train)
    )
    how = TuningConfig(few.steps, few.learning_rate, batch_size=few.batch_size)
    tune = make_train_alone(own, few_shot_rows(experiment), how, with_texts=False)
    found = tune(params, np.asarray(row))
    cut = cut_network(experiment, local(found), row)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(cut)):
        raise DivergedError(
            f"few_shot: the weights must stay finite; within {few.steps} steps they "
            f"did not. Use a lower few_shot.learning_rate than {few.learning_rate:g}."
        )
    return found


def _training(experiment: Experiment, row: Row) -> TrainConfig:
    """Plain fine-tuning of what `few_shot` leaves free, from the first step on."""
    train, top = experiment.config.train, experiment.config.few_shot.top_layers
    plain = dataclasses.replace(
        train, method="finetune", unfreeze_steps=0, kd_layers=0.0, kd_relation=0.0
    )
    if top is None:
        return plain
    total = experiment.shape.num_layers
    numbers = [number for number, _ in experiment.space.layers(row)]
    # Layers are counted in the full network, of which this one may lack some.
    first = numbers[-top] if 0 < top <= len(numbers) else 0
    frozen = first if top else total
    return dataclasses.replace(plain, frozen_layers=frozen, freeze_embeddings=True)


def keep(experiment: Experiment, params: SharedParams, row: Row, run: Path) -> None:
    """Keeps a network's weights with its run, in the place of older ones."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)
    save_weights(run / FOLDER, cut_network(experiment, local(params), row))


def exported_weights(
    experiment: Experiment,
    params: SharedParams,
    document: dict[str, Any],
    point: dict[str, Any],
    run: Path,
) -> SharedParams:
    """Weights of a point of a run: after few-shot training, if it is the one.

    Args:
        params: that the search ended with.

    Raises:
        CheckpointError, ConfigError: they are not there, see `weights_of`.
    """
    if few_shot_of(document, point) is None:
        return weights_of(experiment, params, point, run / FINALISTS)
    row = experiment.space.from_values(point["architecture"])
    cut = load_weights(run / FOLDER, cut_network(experiment, params, row))
    if cut is None:
        raise CheckpointError(
            f"{run / FOLDER}: must hold the weights of {point['id']} after few-shot "
            f"training; got none, or damaged ones. Restore the run's directory, or "
            f"search again in another one."
        )
    return spread_network(experiment, params, row, cut)
