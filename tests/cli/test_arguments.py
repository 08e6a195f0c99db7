"""Every mention of an option counts, or is refused."""

import pytest

from xlnas_jax.cli.commands import gather, parse
from xlnas_jax.types import ConfigError

SEVERAL = {"--set", "--language", "--skip-bad-rows"}


@pytest.mark.parametrize(
    ("given", "gathered"),
    [
        ("c.yaml --set a=1 --set b=2", "c.yaml --set a=1 b=2"),
        ("c.yaml --set a=1 b=2 --set c=3", "c.yaml --set a=1 b=2 c=3"),
        ("c --set a=1 --run-dir d --set b=2", "c --set a=1 b=2 --run-dir d"),
        ("c --set=a=1 --set=b=2", "c --set a=1 b=2"),
        ("--run-dir d c", "--run-dir d c"),
        ("c --skip-bad-rows --skip_bad_rows", "c --skip-bad-rows"),
        ("memory --json f -- --set a --set b", "memory --json f -- --set a --set b"),
        ("", ""),
    ],
)
def test_mentions_add_up(given, gathered):
    assert gather(given.split(), SEVERAL) == gathered.split()


@pytest.mark.parametrize(
    "given", ["--run-dir a --run-dir b", "--run_dir=a --run-dir=b"]
)
def test_one_value_is_given_once(given):
    with pytest.raises(ConfigError, match="must be given once"):
        gather(given.split(), SEVERAL)


@pytest.mark.parametrize("command", ["search", "describe"])
def test_all_overrides_reach_the_command(command):
    found = parse([command, "c.yaml", "--set", "a=1", "--set", "b=2", "c=3"])
    assert found.set == ("a=1", "b=2", "c=3")


def test_all_languages_reach_the_command():
    given = "evaluate m --data d --language en --language fr --json --language de"
    found = parse(given.split())
    assert found.language == ("en", "fr", "de")
    assert found.json


def test_one_option_has_one_value():
    given = ["search", "c.yaml", "--set", "seed=1", "--set", "seed=2"]
    with pytest.raises(ConfigError, match="--set seed: must be given once; got 2"):
        parse(given)
