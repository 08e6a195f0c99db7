"""One door to all data, and it is guarded."""

from pathlib import Path

import pytest

from xlnas_jax.config import CldrData, LanguagesConfig, TableData
from xlnas_jax.data import make_source, read
from xlnas_jax.languages import LanguageRoles
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
        path.write_text("text\tlabel\na\tx\n")
    (tmp_path / "uk").mkdir()
    (tmp_path / "uk/test.tsv").write_bytes(b"\xff\xff not a table")
    source = make_source(TableData(f"{tmp_path}/{{language}}/{{split}}.tsv"), ROLES)
    assert source.labels == ("x",)
    assert source.languages() == ("en", "fr", "uk")
