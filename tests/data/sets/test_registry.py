"""Every named data set says what a reader must know, in a form that can be used."""

import pytest

from xlnas_jax.data.labels import has_entity_types
from xlnas_jax.data.sets.base import Columns, Table
from xlnas_jax.data.sets.registry import all_sets, find
from xlnas_jax.languages.codes import normalise
from xlnas_jax.types import ConfigError

SETS = all_sets()
NAMED = [
    "afrisenti", "btc", "conll", "hiner_collapsed", "idner", "masakhaner", "mldoc",
    "nusax", "pawsx", "sib200", "turku_ner", "ud_pos", "uner", "wikiann", "wikigold",
    "xnli",
]  # fmt: skip
OPEN = {"conll"}  # its entity types are those of the user's files


@pytest.mark.parametrize("name", SETS)
def test_a_data_set_tells_its_origin_and_licence(name: str) -> None:
    data_set = find(name)
    assert data_set.name == name
    assert data_set.task in ("classification", "tagging", "qa", "parallel")
    assert data_set.source.startswith("https://")
    assert data_set.paper and data_set.licence and data_set.title
    assert data_set.quirks
    assert data_set.files or data_set.hub


@pytest.mark.parametrize("name", SETS)
def test_codes_are_canonical(name: str) -> None:
    for files in SETS[name].files:
        codes = [*files.names, *filter(None, (files.language, files.context_language))]
        assert codes == [normalise(code) for code in codes]
        tells = getattr(files.format or SETS[name].format, "language", "")
        assert files.language or "{language}" in files.path or tells


@pytest.mark.parametrize("name", NAMED)
def test_labels_are_told_in_order(name: str) -> None:
    data_set = find(name)
    assert list(data_set.labels) == sorted(set(data_set.labels))
    assert bool(data_set.labels) == (name not in OPEN)
    assert isinstance(data_set.format, Columns | Table)
    assert set(data_set.aliases.values()) <= {*data_set.labels, "O"}


def test_only_plain_tags_are_no_entity_types() -> None:
    tagging = {name for name in NAMED if SETS[name].task == "tagging"}
    assert {name for name in tagging if not has_entity_types(SETS[name])} == {"ud_pos"}


def test_only_columns_are_divided() -> None:
    divided = [one for one in SETS.values() if one.divide]
    assert [one.name for one in divided] == ["wikigold"]
    assert isinstance(divided[0].format, Columns)
    assert sum(divided[0].divide or ()) == pytest.approx(1)


def test_an_unknown_name_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'wikiane'.*mean 'wikiann'.*sib200.*uner"):
        find("wikiane")
