"""What training may be configured to be."""

from typing import Any

import pytest

from xlnas_jax.config.reading.file import parse_config
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.types import ConfigError


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"batch_size": 16, "accumulate": 3},
            r"accumulate: must divide batch_size 16; got 3. Use one of \[1, 2, 4, 8",
        ),
        ({"accumulate": 0}, "accumulate: must be at least 1"),
        (
            {"method": "rdrop", "dropout": 0.0},
            "dropout: must be above 0 where train.method is rdrop",
        ),
        (
            {"warm_up_method": "rdrop", "dropout": 0.0},
            "dropout: must be above 0 where train.warm_up_method is rdrop",
        ),
        (
            {"average": 5, "pretune_steps": 4},
            "average: must be at most train.pretune_steps 4",
        ),
        ({"average": -1}, "average: must be at least 0"),
        ({"layer_decay": 0.0}, "layer_decay: must be above 0"),
        ({"layer_decay": 1.1}, "layer_decay: must be at most 1"),
        ({"frozen_layers": -1}, "frozen_layers: must be at least 0"),
        (
            {"accumulate": 2, "kd_layers": 1.0},
            "accumulate: must be 1 where train.kd_layers compares the rows",
        ),
        (
            {"accumulate": 2, "kd_relation": 1.0},
            "accumulate: must be 1 where train.kd_relation compares the rows",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        TrainConfig(**changes)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ({"finalists": {"batch_size": 6}}, "finalists"),
        (
            {"search": {"finalists": 1}, "evaluate": {"tuning": {"batch_size": 6}}},
            r"evaluate\.tuning",
        ),
    ],
)
def test_networks_alone_learn_from_as_many_parts(section: dict, place: str) -> None:
    given: dict[str, Any] = {
        "model": {"kind": "scratch"},
        "languages": {"source": "en", "aux_heldout": ["fr"], "target": ["de"]},
        "data": {"kind": "cldr"},
        "train": {"accumulate": 4},
    }
    reason = rf"{place}\.batch_size: train\.accumulate 4 must divide it; got 6. Use 4"
    with pytest.raises(ConfigError, match=reason):
        parse_config({**given, **section})


@pytest.mark.parametrize(
    ("changes", "is_trained"),
    [
        ({}, True),
        ({"unfreeze_steps": 5, "layer_decay": 0.5}, True),
        ({"freeze_embeddings": True}, False),
        ({"frozen_layers": 1}, False),
        ({"tunes": "head"}, False),
        ({"tunes": "adapters"}, False),
    ],
)
def test_embeddings_lie_below_all_that_is_frozen(changes: dict, is_trained: bool):
    assert TrainConfig(**changes).trains_embeddings == is_trained
