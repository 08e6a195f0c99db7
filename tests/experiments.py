"""A whole search small enough to run in a test."""

import dataclasses
from typing import Any

from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import RandomController, ReinforceController
from xlnas_jax.config.cost import ConstraintsConfig, CostConfig
from xlnas_jax.config.data import CldrData
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.evaluate import EvaluateConfig
from xlnas_jax.config.export import ExportConfig
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.model import ScratchModel
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.search.engine import make_engine, with_teacher
from xlnas_jax.search.search import step


def tiny_config(**changes: object) -> Config:
    """Two layers on names in five languages; a round takes a fraction of a second."""
    config = Config(
        languages=LanguagesConfig(
            source="en",
            aux_train=("fr",),
            aux_heldout=("pt", "it"),
            target=("es", "ca"),
        ),
        data=CldrData(per_class=20),
        model=ScratchModel(layers=2, width=16, heads=2, ffn=32, vocab_size=200),
        tokens=TokensConfig(max_length=24, num_buckets=1, train_buckets=1),
        space=SpaceConfig(heads=(1, 2), ffn=(8, 16, 32), pooling=("mean", "max")),
        cost=CostConfig(length=16),
        constraints=ConstraintsConfig(encoder_params=4000.0),
        train=TrainConfig(
            batch_size=16,
            learning_rate=1e-3,
            pretune_steps=4,
            num_random=1,
        ),
        search=SearchConfig(rounds=4, weight_steps=3, population=6, archive_size=16),
        controller=ReinforceController(),
        evaluate=EvaluateConfig(form="sliced"),
        devices=DevicesConfig(pop=1),
        # What it measures would be some programs more for each network.
        export=ExportConfig(monitor=False),
    )
    return dataclasses.replace(config, **changes)


RANDOM = RandomController()


def warmed_up(experiment: Experiment) -> Any:
    """Engine, state and data when the warm-up is over and there is a teacher."""
    data = training_rows(experiment), heldout_data(experiment)
    engine, state = make_engine(experiment, *data)
    for _ in range(engine.num_warm_up):
        state, _ = step(engine, state)
    return with_teacher(experiment, engine, state, *data)
