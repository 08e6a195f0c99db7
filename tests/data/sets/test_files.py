"""Every original file that lies beside the repository is read, to the last row."""

import json
from collections import Counter
from pathlib import Path

import pytest

from xlnas_jax.config.data import SetData
from xlnas_jax.data.examples import Examples, Source, TaggedExamples
from xlnas_jax.data.named import make_set_source
from xlnas_jax.data.readers.columns import BLANK_SENTENCE, BLANK_WORD, DOCUMENT_MARK
from xlnas_jax.data.readers.tagged import STRAY
from xlnas_jax.data.sets.registry import find
from xlnas_jax.languages.codes import normalise
from xlnas_jax.types import DataError

TEXTS = ("sib200", "nusax", "afrisenti")
TAGGED = ("uner", "btc", "idner", "hiner_collapsed", "turku_ner", "wikigold")
# Wikigold is one file, which is cut here.
WITH_SPLITS = tuple(name for name in TAGGED if name != "wikigold")
# What quirks are documented, by language and split; all other splits have none.
NOTES = {
    "uner": {
        ("hr", "dev"): {STRAY: 1, "OTH read as O": 317},
        ("hr", "test"): {"OTH read as O": 307},
        ("da", "train"): {STRAY: 6},
        ("da", "test"): {STRAY: 1},
    },
    "btc": {
        ("en", "dev"): {BLANK_WORD: 4, BLANK_SENTENCE: 1},
        ("en", "test"): {BLANK_WORD: 2},
    },
    "turku_ner": {
        ("fi", "train"): {DOCUMENT_MARK: 602},
        ("fi", "dev"): {DOCUMENT_MARK: 76},
        ("fi", "test"): {DOCUMENT_MARK: 76},
    },
}


def quick_first(quick: str, names: tuple[str, ...]) -> list:
    """The set that is read in the default suite, and the large ones, read in full."""
    rest = [name for name in names if name != quick]
    return [quick, *(pytest.param(name, marks=pytest.mark.slow) for name in rest)]


def open_set(shared: Path, name: str, **options) -> Source:
    return make_set_source(SetData(name, path=str(shared / "data" / name)), "en", False)


def listed(shared: Path, name: str) -> tuple[Counter, Counter, Counter]:
    """Rows, words and entities by language and split, summed over treebanks."""
    index = json.loads((shared / "data/INDEX.json").read_text())
    (entry,) = (item for item in index["datasets"] if item["name"] == name)
    ours = {
        theirs: split for split, names in find(name).splits.items() for theirs in names
    }
    rows, words, entities = Counter(), Counter(), Counter()
    for language in entry["languages"]:
        code = normalise(f"{language['iso639_3']}_{language['script']}")
        for theirs, split in language["splits"].items():
            key = (code, ours.get(theirs, theirs))
            rows[key] += split["rows"]
            words[key] += split.get("tokens", 0)
            for kind, count in split.get("entities", {}).items():
                entities[(*key, kind)] += count
    return rows, words, entities


def read_all(source: Source, name: str) -> dict:
    found = {}
    for language in source.languages():
        for split in ("train", "dev", "test"):
            try:
                found[language, split] = source.read(language, split)
            except DataError as error:
                assert f"must hold split {split!r}" in str(error)
    return found


def entities(examples: TaggedExamples, labels: tuple[str, ...]) -> Counter:
    tags = [labels[tag] for tags in examples.tags for tag in tags]
    return Counter(tag[2:] for tag in tags if tag.startswith("B-"))


@pytest.mark.parametrize("name", quick_first("nusax", TEXTS))
def test_texts_equal_the_index(shared: Path, name: str) -> None:
    source = open_set(shared, name)
    found = read_all(source, name)
    assert {key: len(part) for key, part in found.items()} == dict(
        listed(shared, name)[0]
    )
    for part in found.values():
        assert isinstance(part, Examples)
        assert part.report.rows == part.report.kept == len(part)
        assert part.report.notes == part.report.rejected == {}
        assert set(part.labels) == set(range(len(source.labels)))
    assert source.task == "classification"


@pytest.mark.parametrize("name", quick_first("idner", WITH_SPLITS))
def test_sentences_words_and_entities_equal_the_index(shared: Path, name: str) -> None:
    source = open_set(shared, name)
    rows, words, kinds = listed(shared, name)
    found = read_all(source, name)
    assert found.keys() == rows.keys()
    for key, part in found.items():
        report = part.report
        notes = NOTES.get(name, {}).get(key, {})
        assert report.notes == notes
        assert report.rejected == {} and report.limited == 0
        unused = notes.get(BLANK_SENTENCE, 0) + notes.get(DOCUMENT_MARK, 0)
        assert report.kept == len(part) == rows[key] - unused
        dropped = notes.get(BLANK_WORD, 0) + notes.get(DOCUMENT_MARK, 0)
        assert sum(map(len, part.words)) == words[key] - dropped
        expected = {kind: kinds[(*key, kind)] for kind in find(name).labels}
        ours = entities(part, source.labels)
        assert sum(ours.values()) == sum(expected.values()) + notes.get(STRAY, 0)
        assert all(ours[kind] >= count for kind, count in expected.items())


def test_wikigold_is_cut_between_documents_and_nothing_is_lost(shared: Path) -> None:
    found = read_all(open_set(shared, "wikigold"), "wikigold")
    parts = [found["en", split] for split in ("train", "dev", "test")]
    rows = listed(shared, "wikigold")[0]["en", "all"]
    notes = sum((Counter(part.report.notes) for part in parts), Counter())
    assert sum(map(len, parts)) + notes[DOCUMENT_MARK] == rows == 1841
    assert notes[DOCUMENT_MARK] == 145
    # An independent reading: the file's own lines, and entities as runs of a tag.
    text = (shared / "data/wikigold/wikigold.conll.txt").read_text()
    lines = [line.split(" ") for line in text.split("\n")]
    starts = [
        line[-1]
        for before, line in zip([["O"], *lines], lines, strict=False)
        if line[-1].startswith("I-") and before[-1] != line[-1]
    ]
    assert notes[STRAY] == len(starts)
    sizes = [len(part) / sum(map(len, parts)) for part in parts]
    assert sizes == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    names = [name for part in parts for name in part.ids]
    assert names == [str(number) for number in range(len(names))]
    marks = [line for line in lines if line[0] == "-DOCSTART-"]
    assert len(marks) == 145


def test_parallel_sets_have_the_same_ids_and_labels(shared: Path) -> None:
    for name, codes in (("sib200", ("de", "yo", "zh-Hant")), ("nusax", ("ace", "id"))):
        source = open_set(shared, name)
        english = source.read("en", "test")
        assert isinstance(english, Examples)
        gold = dict(zip(english.ids, english.labels, strict=True))
        for code in codes:
            other = source.read(code, "test")
            assert isinstance(other, Examples)
            assert dict(zip(other.ids, other.labels, strict=True)) == gold


@pytest.mark.slow
def test_joined_treebanks_keep_the_ids_that_other_languages_have(shared: Path) -> None:
    source = open_set(shared, "uner")
    german = set(source.read("de", "test").ids)
    assert len(german & set(source.read("en", "test").ids)) == 1000
    assert len(german & set(source.read("pt", "test").ids)) == 1000
    assert {"zh", "zh-Hant", "fil"} <= set(source.languages())


def test_sections_that_count_alike_are_told_apart(shared: Path) -> None:
    ids = open_set(shared, "btc").read("en", "train").ids
    assert (ids[0], ids[-1]) == ("a/0", "g/2137")
    assert len(set(ids)) == 5338


@pytest.mark.slow
def test_a_hash_is_a_word_of_a_tweet(shared: Path) -> None:
    words = open_set(shared, "btc").read("en", "train").words
    assert sum(word.startswith("#") for sentence in words for word in sentence) > 1000
