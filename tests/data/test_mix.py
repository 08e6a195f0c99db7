"""Several data sets as one: joined rows, one label set, no silent mixture."""

from pathlib import Path

import pytest

from xlnas_jax.config.data import MixData, SetData, TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.data.examples import Source, TaggedExamples
from xlnas_jax.data.sources import make_source
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError


def roles(*others: str) -> LanguageRoles:
    heldout, target = others
    return LanguageRoles.from_config(
        LanguagesConfig(source="en", aux_heldout=(heldout,), target=(target,))
    )


def put(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.fixture
def parts(tmp_path: Path) -> tuple[SetData, SetData]:
    """Two tagging sets that overlap in Swahili and in the training split."""
    put(tmp_path, "m/eng/train.txt", "Ann B-PER\n\nMay B-DATE\n")
    put(tmp_path, "m/swa/train.txt", "Ali B-PER\n")
    put(tmp_path, "m/hau/test.txt", "Kano B-LOC\n")
    put(tmp_path, "w/sw/train", "sw:Moshi\tB-LOC\nsw:na\tO\n")
    put(tmp_path, "w/sw/test", "sw:Ali\tB-PER\n")
    masakhaner = SetData("masakhaner", path=f"{tmp_path}/m", map={"DATE": "O"})
    return masakhaner, SetData("wikiann", path=f"{tmp_path}/w")


def words(source: Source, language: str, split) -> list[tuple]:
    examples = source.read(language, split)
    assert isinstance(examples, TaggedExamples)
    return [
        (name, given, tuple(source.labels[tag] for tag in tags))
        for name, given, tags in zip(
            examples.ids, examples.words, examples.tags, strict=True
        )
    ]


def test_rows_of_a_language_are_joined_over_the_parts_that_have_it(parts) -> None:
    source = make_source(MixData(parts), roles("sw", "ha"))
    assert source.languages() == ("en", "ha", "sw")
    assert words(source, "sw", "train") == [
        ("masakhaner/0", ("Ali",), ("B-PER",)),
        ("wikiann/0", ("Moshi", "na"), ("B-LOC", "O")),
    ]
    assert words(source, "sw", "test") == [("0", ("Ali",), ("B-PER",))]
    assert words(source, "ha", "test") == [("0", ("Kano",), ("B-LOC",))]
    assert words(source, "en", "train")[1] == ("1", ("May",), ("O",))
    report = source.read("sw", "train").report
    assert (report.rows, report.kept) == (2, 2)
    assert source.task == "tagging"
    assert "NC" in source.licence and "Wikipedia" in source.licence


def test_labels_are_positions_in_those_of_the_first_part(parts) -> None:
    first, second = parts
    dates = SetData("masakhaner", path=first.path)
    source = make_source(MixData((dates, second)), roles("sw", "ha"))
    assert source.labels[1] == "B-DATE"
    assert words(source, "sw", "test") == [("0", ("Ali",), ("B-PER",))]


def test_a_label_that_the_first_part_lacks_is_refused(parts) -> None:
    first, second = parts
    dates = SetData("masakhaner", path=first.path)
    with pytest.raises(
        DataError, match=r"parts\[1\] \(masakhaner\).*wikiann.*map"
    ) as e:
        make_source(MixData((second, dates)), roles("sw", "ha"))
    assert "got B-DATE, I-DATE" in str(e.value)


def test_a_split_that_no_part_has_is_told_with_what_they_have(parts) -> None:
    source = make_source(MixData(parts), roles("sw", "ha"))
    with pytest.raises(DataError, match=r"'masakhaner'.*'dev' of 'sw'.*'wikiann'"):
        source.read("sw", "dev")
    with pytest.raises(DataError, match=r"data\.parts: must hold Zulu"):
        source.read("zu", "test")


def test_a_fault_in_a_part_is_not_taken_for_its_absence(parts, tmp_path: Path) -> None:
    put(tmp_path, "w/sw/train", "sw:Moshi\n")
    source = make_source(MixData(parts), roles("sw", "ha"))
    with pytest.raises(DataError, match="at least 2 columns"):
        source.read("sw", "train")
    passing = make_source(MixData(parts), roles("sw", "ha"), skip_bad_rows=True)
    with pytest.raises(DataError, match="at least one example"):
        passing.read("sw", "train")
    put(tmp_path, "w/sw/train", "sw:Moshi\n\nsw:na\tO\n")
    report = passing.read("sw", "train").report
    assert (report.rows, report.kept) == (3, 2)
    assert report.rejected == {"too few columns": 1}


def test_parts_of_several_tasks_are_refused(parts, tmp_path: Path) -> None:
    put(tmp_path, "t/en/train.tsv", "text\tlabel\na\tx\n")
    table = TableData(f"{tmp_path}/t/{{language}}/{{split}}.tsv")
    with pytest.raises(DataError, match=r"one task.*tagging.*classification"):
        make_source(MixData((parts[0], table)), roles("sw", "ha"))


def test_limits_are_those_of_the_parts_and_twins_are_told_apart(
    tmp_path: Path,
) -> None:
    rows = "".join(f"{i},text {i},neutral\n" for i in range(20))
    for code in ("english", "javanese", "acehnese"):
        put(tmp_path, f"{code}/train.csv", "id,text,label\n" + rows)
    few = SetData("nusax", path=str(tmp_path), limit={"train": 3})
    mix = MixData((few, SetData("nusax", path=str(tmp_path))))
    examples = make_source(mix, roles("jv", "ace")).read("jv", "train")
    starts = [name.split("/")[0] for name in examples.ids]
    assert starts == ["nusax"] * 3 + ["nusax-2"] * 20
    assert (examples.report.rows, examples.report.limited) == (40, 17)


@pytest.mark.slow
def test_english_of_several_sources_is_joined_from_real_files(shared: Path) -> None:
    data = shared / "data"
    parts = (
        SetData("uner", path=f"{data}/uner"),
        SetData("wikigold", path=f"{data}/wikigold", map={"MISC": "O"}),
        SetData("btc", path=f"{data}/btc", splits=("train",)),
        SetData(
            "hiner_collapsed",
            path=f"{data}/hiner_collapsed",
            map={"LOCATION": "LOC", "ORGANIZATION": "ORG", "PERSON": "PER"},
        ),
    )
    source = make_source(MixData(parts), roles("da", "hi"))
    train = source.read("en", "train")
    assert train.report.kept == len(train) == 1363 + 5338
    assert len(source.read("hi", "dev")) == 10851
    assert source.labels == ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
