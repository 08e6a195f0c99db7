"""Which weights a few rows of targets train."""

import dataclasses

import numpy as np
import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.methods.few_shot import FewShotConfig
from xlnas_jax.config.model import ScratchModel
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.results.few_shot import tune


@pytest.mark.parametrize(
    ("kept", "top", "frozen"),
    [
        ((0, 1, 2, 3), 1, 3),
        ((0, 1, 2, 3), 0, 4),
        ((0, 2), 1, 2),
        ((0, 2), 2, 0),
        ((1, 3), 2, 1),
        ((1,), 3, 0),
    ],
)
def test_top_layers_are_those_that_the_network_has(kept, top, frozen) -> None:
    model = ScratchModel(layers=4, width=16, heads=2, ffn=32, vocab_size=200)
    config = tiny_config(model=model, few_shot=FewShotConfig(rows=4, top_layers=top))
    experiment = prepare(config)
    space = experiment.space
    row = np.array(space.flatten(space.largest()))
    row[space.columns(space.gate.name)] = [n in kept for n in range(4)]
    assert tuple(number for number, _ in space.layers(row)) == kept
    train = tune._training(experiment, row)
    assert train.frozen_layers == frozen and not train.trains_embeddings
    # All that lies above is trained, and nothing below.
    assert [n for n in kept if n >= frozen] == list(kept[-top:] if top else ())


def test_without_the_option_what_is_trained_stays_as_it_is() -> None:
    config = tiny_config(few_shot=FewShotConfig(rows=4))
    experiment = prepare(config)
    train = tune._training(experiment, np.zeros(0, np.int32))
    own = dataclasses.replace(config.train, method="finetune")
    assert train == own
