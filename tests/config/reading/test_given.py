"""A configuration is the same one, in whatever form it is given."""

import copy
from pathlib import Path

import pytest

from tests.experiments import tiny_config
from xlnas_jax.config.controller import RandomController
from xlnas_jax.config.evaluate import RaceConfig
from xlnas_jax.config.reading.file import dump_config, to_mapping
from xlnas_jax.config.reading.given import config_of
from xlnas_jax.types import ConfigError


@pytest.fixture
def forms(tmp_path):
    """One configuration as a file by name and by path, as mappings, as itself."""
    config = tiny_config()
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(config))
    return str(file), file, to_mapping(config), config


def test_every_form_is_the_same_experiment(forms):
    assert [config_of(given) for given in forms] == [tiny_config()] * 4


def test_changes_are_those_of_the_command_line(forms):
    changes = {
        "controller.kind": "optuna",
        "search.objectives": ("error", "params"),
        "evaluate.race": {"blocks": 3},
    }
    for given in forms:
        found = config_of(given, changes)
        assert found.controller.kind == "optuna"
        assert found.search.objectives == ("error", "params")
        assert found.evaluate.race.blocks == 3
        assert found.train == tiny_config().train


def test_a_kind_is_set_before_its_options_whatever_their_order(forms):
    changes = {"controller.pool": 64, "controller.kind": "predictor"}
    for given in forms:
        assert config_of(given, changes).controller.pool == 64


def test_an_option_of_a_section_that_is_left_out_begins_it(forms):
    for given in forms:
        found = config_of(given, {"evaluate.race.blocks": 3})
        assert found.evaluate.race == RaceConfig(blocks=3)


def test_values_may_be_sections_and_paths(forms):
    changes = {
        "controller": RandomController(),
        "model": {"kind": "pretrained", "path": Path("a") / "model"},
    }
    found = config_of(forms[2], changes)
    assert found.controller == RandomController()
    assert found.model.path == "a/model"


def test_what_is_given_is_left_as_it_is(forms):
    mapping = forms[2]
    before = copy.deepcopy(mapping)
    config_of(mapping, {"search.rounds": 9, "controller.kind": "random"})
    assert mapping == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search.rouds": 3}, "search.rouds: there is no such option. Did you mean"),
        ({"search..rounds": 3}, "changes: must be of options, each by its path"),
        ({3: 3}, "changes: must be of options, each by its path"),
        ({"seed.more": 3}, "changes: seed.more: 'seed' must be a section; got 0"),
        ({"search.rounds": 0}, "search.rounds: must be at least 1"),
        ({"search.rounds": True}, "search.rounds: must be a whole number"),
    ],
)
def test_what_cannot_be_honoured_is_named(forms, changes, message):
    for given in forms[1:]:
        with pytest.raises(ConfigError) as error:
            config_of(given, changes)
        assert message in str(error.value)


def test_a_file_is_named_by_what_is_wrong_with_it(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("model: {kind: scratch}\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: languages: must be given"):
        config_of(file)
