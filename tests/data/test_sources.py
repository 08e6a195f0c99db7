"""One door to all data, and it is guarded."""

from pathlib import Path

import pytest

from xlnas_jax.config.data import CldrData, SetData, TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.data.examples import Answer, QuestionExamples
from xlnas_jax.data.sources import (
    inspect,
    make_source,
    read,
    read_texts,
    read_wording,
)
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError, LeakError

ROLES = LanguageRoles.from_config(
    LanguagesConfig(source="en", aux_heldout=("fr",), target=("uk",))
)


@pytest.mark.parametrize("phase", ["train", "search", "select"])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_target_examples_cannot_be_read_before_the_report(split, phase) -> None:
    source = make_source(CldrData(), ROLES)
    with pytest.raises(LeakError, match="'ukr'"):
        read(source, ROLES, "ukr", split, phase)


def test_a_refused_read_opens_nothing() -> None:
    def fail(language: str, split: str):
        raise AssertionError("opened")

    source = make_source(CldrData(), ROLES)._replace(read=fail)
    with pytest.raises(LeakError):
        read(source, ROLES, "uk", "test", "search")


def test_allowed_examples_are_those_of_the_source() -> None:
    source = make_source(CldrData(), ROLES)
    assert read(source, ROLES, "ukr", "test", "report").language == "uk"
    assert read(source, ROLES, "fr", "dev", "search").texts == (
        source.read("fr", "dev").texts
    )


def test_a_language_the_data_lacks_is_named_with_its_neighbours() -> None:
    config = LanguagesConfig(source="en", aux_heldout=("fr",), target=("fil",))
    with pytest.raises(DataError, match=r"Filipino.*nearest of which are"):
        make_source(CldrData(), LanguageRoles.from_config(config))


def test_the_target_is_not_opened_to_make_a_table_source(tmp_path: Path) -> None:
    for language in ("en", "fr"):
        path = tmp_path / language / "train.tsv"
        path.parent.mkdir()
        path.write_text("text\tlabel\na\tx\nb\ty\n")
    (tmp_path / "uk").mkdir()
    (tmp_path / "uk/test.tsv").write_bytes(b"\xff\xff not a table")
    source = make_source(TableData(f"{tmp_path}/{{language}}/{{split}}.tsv"), ROLES)
    assert source.labels == ("x", "y")
    assert source.languages() == ("en", "fr", "uk")


def test_texts_of_any_kind_of_examples_can_be_read_without_labels(
    tmp_path: Path,
) -> None:
    for code in ("eng", "fra", "ukr"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "train.txt").write_text("Ann B-PER\nran O\n")
    source = make_source(SetData("masakhaner", path=str(tmp_path)), ROLES)
    assert read_texts(source, "ukr", "train") == ("Ann ran",)
    assert read_wording(source, "ukr", "train") == (("Ann", "ran"),)
    assert read_wording(source, "ukr", "train", "in: ") == (("in:", "Ann", "ran"),)
    with pytest.raises(LeakError):
        read(source, ROLES, "ukr", "train", "train")


def test_all_that_is_tokenised_can_be_read_without_labels(tmp_path: Path) -> None:
    for code in ("en", "fr", "uk"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "train.tsv").write_text(
            "text\tpair\tlabel\na\tc\tx\nb\td\ty\n"
        )
    config = TableData(f"{tmp_path}/{{language}}/{{split}}.tsv", pair_column="pair")
    source = make_source(config, ROLES)
    assert read_texts(source, "fr", "train") == ("a", "b")
    assert read_wording(source, "fr", "train") == ("a", "b", "c", "d")
    with_prefix = read_wording(source, "fr", "train", "in: ")
    assert with_prefix == ("in: a", "in: b", "c", "d")


def test_a_context_of_several_questions_is_read_once() -> None:
    answers = ((Answer("c", 0),),) * 3
    asked = QuestionExamples(
        *("fr", "fr", "dev", ("1", "2", "3"), ("q", "r", "q"), ("c", "c", "cd")),
        answers=answers,
    )
    source = make_source(CldrData(), ROLES)._replace(read=lambda *_: asked)
    assert read_wording(source, "fr", "dev") == ("c", "cd", "q", "r", "q")
    with_prefix = read_wording(source, "fr", "dev", "in: ")
    assert with_prefix == ("c", "cd", "in: q", "in: r", "in: q")


def test_bad_rows_are_passed_over_where_that_is_asked_for(tmp_path: Path) -> None:
    for code in ("en", "fr", "uk"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "train.tsv").write_text("text\tlabel\na\tx\nb\nc\ty\n")
    config = TableData(f"{tmp_path}/{{language}}/{{split}}.tsv")
    with pytest.raises(DataError, match="line 3"):
        make_source(config, ROLES)
    source = make_source(config, ROLES, skip_bad_rows=True)
    report = read(source, ROLES, "fr", "train", "search").report
    assert (report.rows, report.kept) == (3, 2)


@pytest.mark.parametrize(
    ("rows", "options"),
    [("a\tx\nb\tx\n", {}), ("a\tx\nb\tx \n", {}), ("a\tx\n", {"labels": ("x", "y")})],
)
def test_one_class_is_nothing_to_learn_from(
    tmp_path: Path, rows: str, options: dict[str, tuple[str, ...]]
) -> None:
    for code in ("en", "fr", "uk"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "train.tsv").write_text(f"text\tlabel\n{rows}")
    config = TableData(f"{tmp_path}/{{language}}/{{split}}.tsv", **options)
    with pytest.raises(DataError, match=r"at least two.*'x'"):
        read(make_source(config, ROLES), ROLES, "en", "train", "train")


def test_tags_that_are_all_outside_are_nothing_to_learn_from(tmp_path: Path) -> None:
    for code in ("eng", "fra", "ukr"):
        (tmp_path / code).mkdir()
        (tmp_path / code / "train.txt").write_text("Ann O\nran O\n")
    source = make_source(SetData("masakhaner", path=str(tmp_path)), ROLES)
    with pytest.raises(DataError, match=r"at least two tags; got \['O'\]"):
        read(source, ROLES, "en", "train", "train")
    with pytest.raises(DataError, match="at least two tags"):
        inspect(source, ROLES, "en", "train")
    assert inspect(source, ROLES, "fr", "train").labels["O"] == 2


@pytest.mark.parametrize(
    "config",
    [
        TableData(path="data/{language}/{split}.tsv"),
        TableData(path="data", preset="sib200"),
        SetData(name="conll", path="data"),
    ],
)
def test_what_is_not_there_is_told_with_the_directory_that_was_looked_in(
    config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"data\S* \(from {tmp_path}\)"):
        make_source(config, ROLES)
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=rf"data\S* \(from {tmp_path}\)"):
        make_source(config, ROLES)
