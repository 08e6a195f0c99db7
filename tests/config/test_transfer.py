"""The section `transfer`: what it means when left out, and what is refused."""

import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import dump_config, parse_config, to_mapping
from xlnas_jax.config.transfer import IdPairs, SetPairs, TransferConfig
from xlnas_jax.types import ConfigError


def parsed(**transfer: object) -> Config:
    return parse_config(to_mapping(tiny_config()) | {"transfer": transfer})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({"kind": "ids"}, IdPairs()),
        (
            {"kind": "set", "name": "tatoeba", "path": "data/tatoeba"},
            SetPairs("tatoeba", "data/tatoeba"),
        ),
    ],
)
def test_translations_come_from_ids_or_a_named_set(given, expected):
    config = parsed(parallel=given)
    assert config.transfer == TransferConfig(parallel=expected)
    assert "transfer:" in dump_config(config)


@pytest.mark.parametrize(
    ("transfer", "message"),
    [
        ({"gap_weight": -1}, "^transfer.gap_weight: must be at least 0"),
        ({"gap_margin": -0.1}, "^transfer.gap_margin: must be at least 0"),
        ({"alignment_weight": -1}, "^transfer.alignment_weight: must be at least 0"),
        ({"temperature": 0}, "^transfer.temperature: must be above 0"),
        ({"pairs": 3}, "^transfer.pairs: must be at least 4"),
        ({"alignment": "cca"}, "^transfer.alignment: must be one of infonce, cka"),
        ({"parallel": {"kind": "id"}}, "^transfer.parallel.kind: .*one of ids, set"),
        ({"parallel": {"kind": "set", "name": "x"}}, "^transfer.parallel.path"),
        (
            {"parallel": {"kind": "set", "name": "", "path": "x"}},
            "^transfer.parallel.name: must not be empty",
        ),
        ({"lambda": 1}, "^transfer.lambda: there is no such option"),
    ],
)
def test_what_makes_no_sense_is_refused(transfer, message):
    with pytest.raises(ConfigError, match=message):
        parsed(**transfer)
