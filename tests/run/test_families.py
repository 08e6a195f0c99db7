"""An encoder of any family is searched, and exported as a class of its own family."""

import json
from pathlib import Path

import pytest

from tests.experiment.encoders import make
from tests.supernet.families.shapes import NAMES
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.export.artifact.load import load
from xlnas_jax.export.params import count_params
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.types import ConfigError

SHORT = SearchConfig(
    rounds=1, weight_steps=1, population=4, archive_size=8, control=False
)
BEFORE = ["modernbert", "xlm-roberta-xl"]


def config_in(folder: Path, family: str, **changes):
    heads = (2, 4) if family == "eurobert" else (1, 3)
    return make(
        folder,
        kind="BPE" if family in ("modernbert", "eurobert") else "Unigram",
        family=family,
        search=SHORT,
        constraints=ConstraintsConfig(),
        space=SpaceConfig(heads=heads, ffn=(12, 36), pooling=("cls",)),
        **changes,
    )


@pytest.mark.slow
@pytest.mark.parametrize("family", NAMES)
def test_a_search_ends_with_a_model_of_the_family(family, tmp_path: Path) -> None:
    document, path = run_search(config_in(tmp_path, family), tmp_path / "run")
    pick = "smallest", tmp_path / "again"
    again = export_run(tmp_path / "run", *pick, forms=("hf", "onnx", "stablehlo"))
    smallest = min(point["costs"]["params"] for point in document["points"])
    assert count_params(load(again).weights) == smallest
    assert load(path).shape.family == family
    config = json.loads((again / "hf" / "config.json").read_text())
    assert config["model_type"] == family


def test_tokens_of_two_texts_are_no_distance_apart(tmp_path: Path) -> None:
    train = TrainConfig(method="mixup")
    with pytest.raises(ConfigError, match="which are no distance apart"):
        prepare(config_in(tmp_path, "deberta-v2", train=train))


@pytest.mark.parametrize("family", BEFORE)
def test_sums_without_a_norm_are_not_mixed(family, tmp_path: Path) -> None:
    train = TrainConfig(method="mixup")
    with pytest.raises(ConfigError, match="whose norms stand before attention"):
        prepare(config_in(tmp_path, family, train=train))
