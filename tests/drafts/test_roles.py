"""Roles are suggested by rows, or by how near languages are; what is given stays."""

import pytest

from xlnas_jax.drafts import roles
from xlnas_jax.drafts.roles import suggest
from xlnas_jax.types import ConfigError, DataError

SIZES = {"en": 50, "de": 40, "fr": 30, "ru": 20, "sw": 10}


def rows(sizes: dict[str, int]) -> dict[str, dict[str, int]]:
    splits = ("train", "dev", "test")
    return {code: dict.fromkeys(splits, count) for code, count in sizes.items()}


@pytest.fixture(autouse=True)
def _no_features(monkeypatch):
    monkeypatch.setattr(roles, "is_installed", lambda: False)


def test_most_rows_teach_and_the_fewest_are_targets():
    found = suggest(rows(SIZES))
    assert (found.source, found.auxiliary) == ("en", ("de", "fr"))
    assert found.target == ("ru", "sw")
    found = suggest(rows({"en": 1, "fr": 2, "sw": 3}))
    assert found[:3] == ("sw", ("fr",), ("en",))


def test_what_is_given_stays_however_it_is_spelled():
    found = suggest(rows(SIZES), "fra", ["swh", "rus"], ["eng_Latn"])
    assert found[:3] == ("fr", ("en",), ("sw", "ru"))
    found = suggest(rows(SIZES), targets=["sw"])
    assert found[:3] == ("en", ("de", "fr", "ru"), ("sw",))


def test_with_features_the_nearest_to_the_targets_choose(monkeypatch):
    monkeypatch.setattr(roles, "is_installed", lambda: True)
    monkeypatch.setattr(roles, "MOST_AUXILIARY", 1)
    sizes = {"en": 50, "ru": 40, "es": 30, "pt": 20, "it": 10}
    found = suggest(rows(sizes), targets=["pt", "it"])
    assert found.auxiliary == ("es",)
    assert "recorded features" in " ".join(found.notes)


def test_a_language_without_a_split_is_left_out():
    every = {**rows(SIZES), "ha": {"train": 99}}
    found = suggest(every)
    assert "ha" not in (found.source, *found.auxiliary, *found.target)
    assert "Hausa (ha) is left out" in found.notes[0]


@pytest.mark.parametrize("codes", [["en"], ["en", "fr"]])
def test_too_few_languages_are_said(codes):
    with pytest.raises(DataError, match="at least 3 languages") as error:
        suggest(rows({code: 9 for code in codes}))
    assert ("one language" in str(error.value)) == (len(codes) == 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "es"}, r"--source: .*got 'es'. The nearest are"),
        ({"targets": ["frr"]}, r"--targets: .*'frr'. The nearest are .*French \(fr\)"),
        ({"auxiliary": ["klingonish"]}, r"--aux: .*'klingonish'"),
        ({"source": "en", "targets": ["eng"]}, r"--targets: .*one role.*--source"),
        ({"targets": ["de", "fr", "ru", "sw"]}, "must be left"),
    ],
)
def test_what_cannot_be_is_said_with_what_is_near(given, said):
    with pytest.raises(ConfigError, match=said):
        suggest(rows(SIZES), **given)
