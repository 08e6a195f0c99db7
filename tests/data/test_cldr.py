"""CLDR names: real, balanced, and split so that nothing is seen twice."""

from collections import Counter

import pytest

from xlnas_jax.config.data import CldrData
from xlnas_jax.data.cldr import available_languages, make_cldr_source, usable_names
from xlnas_jax.types import ConfigError, DataError

LANGUAGES = ("en", "fr", "ru", "ar", "hi", "es", "uk", "fi", "fa", "sw")
SPLITS = ("train", "dev", "test")


def test_at_least_forty_languages_are_really_translated() -> None:
    languages = available_languages()
    assert len(languages) >= 40
    assert set(LANGUAGES) <= set(languages)
    assert "fil" not in languages  # most of its script names are the English ones


def test_known_names_are_there() -> None:
    names = usable_names("fr", CldrData().kinds)
    assert names["territory"]["DE"] == "Allemagne"
    assert names["currency"]["JPY"] == "yen japonais"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split_by", ["language", "entity"])
def test_classes_are_balanced_in_every_split(language: str, split_by) -> None:
    source = make_cldr_source(CldrData(split_by=split_by))
    for split in SPLITS:
        counts = Counter(source.read(language, split).labels.tolist())
        assert len(counts) == 4
        assert len(set(counts.values())) == 1
        assert counts[0] >= 3


def test_per_class_caps_the_splits() -> None:
    source = make_cldr_source(CldrData(per_class=20))
    sizes = [len(source.read("en", split)) for split in SPLITS]
    assert sizes == [4 * 20, 4 * 5, 4 * 5]


def ids(source, language: str, split) -> set[str]:
    return set(source.read(language, split).ids)


def test_by_entity_nothing_trained_on_is_tested_in_any_language() -> None:
    source = make_cldr_source(CldrData(split_by="entity"))
    train = set().union(*(ids(source, code, "train") for code in LANGUAGES))
    dev = set().union(*(ids(source, code, "dev") for code in LANGUAGES))
    test = set().union(*(ids(source, code, "test") for code in LANGUAGES))
    assert not train & dev
    assert not train & test
    assert not dev & test


def test_by_language_entities_cross_languages_but_not_splits() -> None:
    source = make_cldr_source(CldrData(split_by="language"))
    assert ids(source, "en", "train") & ids(source, "uk", "test")
    assert not ids(source, "uk", "train") & ids(source, "uk", "test")
    assert not ids(source, "uk", "train") & ids(source, "uk", "dev")


def test_names_are_neither_codes_nor_ambiguous() -> None:
    for language in LANGUAGES:
        names = usable_names(language, CldrData().kinds)
        texts = [text.casefold() for part in names.values() for text in part.values()]
        assert len(texts) == len(set(texts))
        assert not [k for part in names.values() for k, t in part.items() if k == t]


def test_ids_are_parallel_and_reading_is_repeatable() -> None:
    source, again = make_cldr_source(CldrData()), make_cldr_source(CldrData())
    one, two = source.read("en", "dev"), again.read("en", "dev")
    assert (one.ids, one.texts) == (two.ids, two.texts)
    english = dict(zip(one.ids, one.labels, strict=True))
    french = source.read("fr", "dev")
    shared = [i for i in french.ids if i in english]
    labels = dict(zip(french.ids, french.labels, strict=True))
    assert len(shared) > 20
    assert [labels[i] for i in shared] == [english[i] for i in shared]


def test_units_are_a_further_kind() -> None:
    kinds = ("territory", "currency", "unit")
    examples = make_cldr_source(CldrData(kinds=kinds)).read("de", "train")
    names = dict(zip(examples.ids, examples.texts, strict=True))
    assert sum(key.startswith("unit:") for key in names) == len(examples) // 3


def test_an_unavailable_language_names_the_nearest() -> None:
    with pytest.raises(DataError, match=r"Filipino.*nearest"):
        make_cldr_source(CldrData()).read("fil", "train")


@pytest.mark.parametrize(
    "config",
    [
        CldrData(kinds=("territory", "planet")),
        CldrData(kinds=("territory",)),
        CldrData(per_class=3),
    ],
)
def test_kinds_and_size_are_checked(config: CldrData) -> None:
    with pytest.raises(ConfigError, match=r"data\."):
        make_cldr_source(config)


def test_a_kind_twice_is_refused_by_the_configuration_itself() -> None:
    with pytest.raises(ConfigError, match="kinds: entries must differ"):
        CldrData(kinds=("script", "script"))
