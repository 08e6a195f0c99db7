"""Whole searches are compared, each without one part of the engine."""

import dataclasses

import pytest

from tests.experiments import tiny_config
from xlnas_jax.comparison import ablate as room
from xlnas_jax.comparison.ablate import WHOLE, ablate
from xlnas_jax.comparison.parts import PARTS
from xlnas_jax.comparison.tables import ablation_tables
from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.config.augment.ways import CodeSwitch
from xlnas_jax.config.evaluate import TuningConfig
from xlnas_jax.config.space import AdaptConfig, SpaceConfig
from xlnas_jax.config.transfer import IdPairs, TransferConfig
from xlnas_jax.types import ConfigError

SMALL = SpaceConfig(heads=(1, 2), ffn=(8, 32), pooling=("mean",))
CONFIG = tiny_config(space=SMALL)
SEARCH = dataclasses.replace(
    CONFIG.search, rounds=1, weight_steps=1, population=3, control=False
)
CONFIG = dataclasses.replace(CONFIG, search=SEARCH)


@pytest.fixture(scope="module")
def ablated(tmp_path_factory):
    folder, said = tmp_path_factory.mktemp("ablated"), []
    return folder, ablate(CONFIG, ["limits", "adapt"], 1, folder, said.append), said


def test_a_part_that_is_not_there_is_passed_over_and_said(ablated):
    _, document, said = ablated
    assert list(document["summary"]["task"]) == [WHOLE, "limits"]
    assert document["skipped"] == {"adapt": "the experiment is without it"}
    assert said[0] == "adapt: passed over, the experiment is without it"
    (grid,) = ablation_tables(document)
    assert [row[0] for row in grid.rows] == ["nothing", "limits"]


def test_scores_are_those_that_the_search_reports(ablated):
    folder, document, _ = ablated
    fronts = {
        name: room.read_run(folder / "runs" / f"{name}-s0")
        for name in (WHOLE, "limits")
    }
    for name, opened in fronts.items():
        with opened as run:
            best = run.read_front()["points"][0]
        found = document["summary"]["task"][name]
        assert document["encoder_params"][name] == best["costs"]["encoder_params"]
        for column, mean in found["languages"].items():
            assert best["languages"][column]["accuracy"] == pytest.approx(
                mean, abs=1e-6
            )
    assert document["encoder_params"][WHOLE] <= CONFIG.constraints.encoder_params


def test_what_is_kept_is_not_searched_again(ablated, monkeypatch):
    folder, document, _ = ablated
    monkeypatch.setattr(room, "run_search", None)
    again = ablate(CONFIG, ["limits"], 1, folder, str)
    assert again["summary"] == document["summary"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["limit"], "must be some of alignment, text"),
        (["adapt"], "must have some of them"),
    ],
)
def test_parts_that_there_are_not_are_refused(parts, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        ablate(CONFIG, parts, 1, tmp_path, str)


def test_every_part_can_be_switched_off_and_then_is_not_there():
    languages = dataclasses.replace(CONFIG.languages, unlabelled=("pt", "de"))
    search = dataclasses.replace(
        SEARCH,
        objectives=("transfer_loss", "flops"),
        seeds=("uniform",),
        finalists=1,
    )
    switch = CodeSwitch(DictionaryTranslator("{source}-{target}.txt"))
    rich = dataclasses.replace(
        CONFIG,
        train=dataclasses.replace(CONFIG.train, augment=(switch,)),
        languages=languages,
        search=search,
        space=dataclasses.replace(SMALL, adapt=AdaptConfig()),
        transfer=TransferConfig(parallel=IdPairs()),
        evaluate=dataclasses.replace(CONFIG.evaluate, tuning=TuningConfig()),
    )
    for name, part in PARTS.items():
        off = part.off(rich)
        assert off is not None and off != rich, name
        assert part.off(off) in (None, off), name
