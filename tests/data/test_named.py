"""Named data sets: what a configuration takes of them, and what it is told."""

import zlib
from collections import Counter
from pathlib import Path

import pytest

from xlnas_jax.config.data import SetData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.data.examples import Examples, Source, TaggedExamples
from xlnas_jax.data.named import make_set_source
from xlnas_jax.data.sources import make_source
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import ConfigError, DataError

COLUMNS = "Ann B-PER\nin O\nOslo B-LOC\n\nNATO B-ORG\n\nin O\nMay B-DATE\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in ("swa/train.txt", "swa/test.txt", "hau/test.txt", "eng/train.txt"):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(COLUMNS)
    return tmp_path


def open_set(folder: Path, *, skip: bool = False, **options) -> Source:
    config = SetData("masakhaner", path=str(folder), **options)
    return make_set_source(config, "en", skip)


def tags(source: Source, examples) -> list[list[str]]:
    assert isinstance(examples, TaggedExamples)
    return [[source.labels[tag] for tag in each] for each in examples.tags]


def test_a_map_renames_joins_and_drops_entity_types(folder: Path) -> None:
    source = open_set(folder, map={"DATE": "O", "ORG": "MISC", "LOC": "MISC"})
    assert source.labels == ("O", "B-MISC", "I-MISC", "B-PER", "I-PER")
    read = tags(source, source.read("sw", "test"))
    assert read == [["B-PER", "O", "B-MISC"], ["B-MISC"], ["O", "O"]]
    assert source.read("sw", "test").report.notes == {}


def test_a_map_renames_classes(tmp_path: Path) -> None:
    (tmp_path / "english").mkdir()
    rows = "id,text,label\n1,good,positive\n2,bad,negative\n3,so,neutral\n"
    (tmp_path / "english/train.csv").write_text(rows)
    joined = {"neutral": "other", "negative": "other"}
    config = SetData("nusax", path=str(tmp_path), map=joined)
    source = make_set_source(config, "en", False)
    assert source.labels == ("other", "positive")
    examples = source.read("en", "train")
    assert isinstance(examples, Examples)
    assert examples.labels.tolist() == [1, 0, 0]


def test_a_map_of_what_is_not_there_lists_the_labels(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"'MISC'.*DATE, LOC, ORG, PER"):
        open_set(folder, map={"MISC": "O"})


def test_a_documented_type_that_is_dropped_can_be_kept(shared: Path) -> None:
    path = str(shared / "data/uner")
    dropped = make_set_source(SetData("uner", path=path), "en", False)
    kept = make_set_source(SetData("uner", path=path, map={"OTH": "X"}), "en", False)
    assert "B-X" in kept.labels and "B-X" not in dropped.labels
    examples = kept.read("hr", "dev")
    count = Counter(tag for each in tags(kept, examples) for tag in each)
    assert (count["B-X"], count["I-X"]) == (154, 163)
    assert "OTH read as O" not in examples.report.notes


def test_what_is_not_there_names_what_is(folder: Path) -> None:
    source = open_set(folder)
    assert source.languages() == ("en", "ha", "sw")
    with pytest.raises(DataError, match=r"'dev' of 'sw'.*'test', 'train'.*no language"):
        source.read("sw", "dev")
    with pytest.raises(DataError, match=r"'train' of 'ha'.*that split of en, sw"):
        source.read("ha", "train")
    with pytest.raises(DataError, match=r"must hold Zulu \(zu\).*nearest"):
        source.read("zu", "test")
    with pytest.raises(DataError, match="must hold Zulu"):
        open_set(folder, languages=("swa", "zul"))
    with pytest.raises(DataError, match=r"split of \['dev'\].*\['test', 'train'\]"):
        open_set(folder, splits=("dev",))


def test_a_configuration_takes_some_splits_and_languages(folder: Path) -> None:
    source = open_set(folder, languages=("swa", "hau"), splits=("test",))
    assert source.languages() == ("ha", "sw")
    with pytest.raises(DataError, match="'train'"):
        source.read("sw", "train")


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_that_is_none_or_empty_is_told(tmp_path: Path, make: bool) -> None:
    path = tmp_path / "nothing"
    if make:
        path.mkdir()
    with pytest.raises(DataError, match=r"masakhaner: data\.path.*nothing"):
        open_set(path)


def test_parallel_text_has_no_labels_to_search_for() -> None:
    with pytest.raises(ConfigError, match="parallel text"):
        make_set_source(SetData("bible", path="x"), "en", False)


def test_a_limit_takes_the_same_ids_in_every_language_in_file_order(
    shared: Path,
) -> None:
    path = str(shared / "data/sib200")
    config = SetData("sib200", path=path, limit={"test": 50})
    limited = make_set_source(config, "en", False)
    whole = make_set_source(SetData("sib200", path=path), "en", False)
    every = whole.read("en", "test")
    lowest = sorted(every.ids, key=lambda name: zlib.crc32(name.encode()))[:50]
    for code in ("en", "yo", "zh-Hant"):
        part = limited.read(code, "test")
        full = whole.read(code, "test")
        assert isinstance(part, Examples) and isinstance(full, Examples)
        assert list(part.ids) == [name for name in full.ids if name in lowest]
        text = dict(zip(full.ids, full.texts, strict=True))
        label = dict(zip(full.ids, full.labels, strict=True))
        assert list(part.texts) == [text[name] for name in part.ids]
        assert list(part.labels) == [label[name] for name in part.ids]
        report = part.report
        assert (report.rows, report.kept, report.limited) == (204, 50, 154)
    assert len(limited.read("en", "dev")) == 99


def test_a_limit_above_what_is_there_changes_nothing(folder: Path) -> None:
    examples = open_set(folder, limit={"test": 9}).read("sw", "test")
    assert (len(examples), examples.report.limited) == (3, 0)


def test_bad_rows_are_refused_or_counted(folder: Path) -> None:
    bad = COLUMNS + "x B-CAR\n\ny\n\nz O\n"
    (folder / "hau/test.txt").write_text(bad)
    with pytest.raises(DataError, match=r"test\.txt, line 12: .*--skip-bad-rows"):
        open_set(folder).read("ha", "test")
    (folder / "hau/test.txt").write_text(bad.replace("y\n\n", ""))
    with pytest.raises(DataError, match=r"line 10: every tag.*'B-CAR'"):
        open_set(folder).read("ha", "test")
    (folder / "hau/test.txt").write_text(bad)
    examples = open_set(folder, skip=True, limit={"test": 3}).read("ha", "test")
    report = examples.report
    assert report.rejected == {"unknown tag": 1, "too few columns": 1}
    assert (report.rows, report.kept, report.limited) == (6, 3, 1)
    assert len(examples) == 3


def test_the_target_is_not_opened_to_make_a_source(folder: Path) -> None:
    (folder / "hau/test.txt").write_bytes(b"\xff\xff")
    config = LanguagesConfig(source="en", aux_heldout=("swa",), target=("hau",))
    roles = LanguageRoles.from_config(config)
    source = make_source(SetData("masakhaner", path=str(folder)), roles)
    assert source.task == "tagging"
    assert "NC" in source.licence
