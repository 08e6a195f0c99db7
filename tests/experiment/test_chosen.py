"""Auxiliary languages by distance: chosen before anything is prepared."""

import dataclasses

import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import CldrData
from xlnas_jax.config.languages import ChooseConfig, LanguagesConfig
from xlnas_jax.config.reading.file import dump_config, parse_config
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.experiment import chosen
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.types import ConfigError

pytest.importorskip("urielplus")
POOL = ("pt", "ja", "it", "ar", "da")


def languages(**changes) -> LanguagesConfig:
    given = {"source": "en", "aux_heldout": (), "target": ("es", "ca")}
    choose = ChooseConfig(POOL, 2)
    return LanguagesConfig(**{**given, "choose": choose, **changes})


def config(**changes) -> Config:
    return tiny_config(languages=languages(**changes))


def test_those_nearest_to_the_targets_are_chosen() -> None:
    experiment = prepare(config())
    (part,) = experiment.parts
    assert part.roles.aux_heldout == ("pt", "it") or part.roles.aux_heldout == (
        "it",
        "pt",
    )
    settled = experiment.config.languages
    assert settled is not None and settled.choose is None
    assert prepare(experiment.config).config == experiment.config


def test_the_choice_follows_the_targets() -> None:
    (part,) = prepare(config(target=("no", "sv"))).parts
    assert "da" in part.roles.aux_heldout
    (part,) = prepare(config(target=("es", "sv"))).parts
    assert {*part.roles.aux_heldout} & {"pt", "it"} and "da" in part.roles.aux_heldout


def test_text_of_targets_is_looked_at_only_where_it_may_be(monkeypatch) -> None:
    seen: list[str] = []
    real = chosen.with_chosen

    def watched(config, read):
        def noted(task: str, code: str):
            seen.append(code)
            return read(task, code)

        return real(config, noted)

    monkeypatch.setattr("xlnas_jax.experiment.prepare.with_chosen", watched)
    prepare(config())
    assert {*seen} == {*POOL}
    seen.clear()
    prepare(config(target_text=True, unlabelled=("es",)))
    assert {*seen} == {*POOL, "es", "ca"}


def test_each_of_several_tasks_has_its_own_choice() -> None:
    base = tiny_config()
    names = CldrData(per_class=20)
    tasks = {
        "near": TaskConfig(languages(), names),
        "given": TaskConfig(languages(choose=None, aux_heldout=("ja",)), names),
    }
    several = dataclasses.replace(base, languages=None, data=None, tasks=tasks)
    one, other = prepare(several).parts
    assert {*one.roles.aux_heldout} == {"pt", "it"}
    assert other.roles.aux_heldout == ("ja",)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="aux_heldout must be empty"):
        languages(aux_heldout=("pt",))
    with pytest.raises(ConfigError, match="without another role"):
        languages(choose=ChooseConfig(("es", "pt"), 1))
    with pytest.raises(ConfigError, match="count"):
        ChooseConfig(("pt",), 2)


def test_without_the_features_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(chosen, "is_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install 'xlnas-jax\[languages\]'"):
        prepare(config())


def test_a_configuration_file_can_ask_for_it() -> None:
    import yaml

    written = yaml.safe_load(dump_config(config()))
    assert written["languages"]["choose"]["count"] == 2
    assert parse_config(written) == config()
