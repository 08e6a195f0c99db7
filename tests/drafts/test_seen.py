"""What a data file holds is found out, and what is wrong with it is said at once."""

from pathlib import Path

import pytest

from tests.drafts.material import CODES, rows, write_table
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import FileData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.reading.file import parse_as, parse_config
from xlnas_jax.data.sources import make_source
from xlnas_jax.drafts.seen import Columns, Seen, find_columns, look_at
from xlnas_jax.languages.roles import LanguageRoles
from xlnas_jax.types import DataError

GIVEN = Columns()
SPLITS = ("train", "dev", "test")


def config_of(seen: Seen) -> Config:
    languages = {"source": "en", "aux_heldout": ["fr"], "target": ["sw"]}
    model = {"kind": "scratch"}
    return parse_config({"languages": languages, "data": seen.data, "model": model})


def counted(seen: Seen) -> dict[str, dict[str, int]]:
    """Rows as a search reads them."""
    config = config_of(seen)
    roles = LanguageRoles.from_config(config.languages)
    source = make_source(config.data, roles)
    return {
        code: {split: len(source.read(code, split)) for split in SPLITS}
        for code in source.languages()
    }


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_rows_are_counted_as_a_search_reads_them(tmp_path: Path, suffix) -> None:
    seen = look_at(write_table(tmp_path / f"all{suffix}", rows()), GIVEN)
    assert (seen.task, seen.labels) == ("classification", ("bad", "good"))
    assert [sum(own.values()) for own in seen.rows.values()] == [90, 60, 40]
    assert counted(seen) == {c: dict(own) for c, own in seen.rows.items()}
    assert "hash of each text" in " ".join(seen.notes)


def test_a_column_that_names_all_splits_is_taken_for_them(tmp_path: Path) -> None:
    every = [
        {**row, "split": ("train", "validation", "test")[n % 3]}
        for n, row in enumerate(rows())
    ]
    seen = look_at(write_table(tmp_path / "all.tsv", every), GIVEN)
    assert seen.data["split_column"] == "split"
    assert seen.rows["en"] == {"train": 30, "dev": 30, "test": 30}
    assert counted(seen) == {c: dict(own) for c, own in seen.rows.items()}
    # One without test rows is none that a search could end by.
    some = [row for row in every if row["split"] != "test"]
    seen = look_at(write_table(tmp_path / "some.tsv", some), GIVEN)
    assert "split_column" not in seen.data


def test_files_by_pattern_are_read_by_their_names(tmp_path: Path) -> None:
    for code in CODES:
        for name in ("train", "valid", "test"):
            own = [row for row in rows() if row["lang"] == code]
            (tmp_path / code).mkdir(exist_ok=True)
            write_table(tmp_path / code / f"{name}.tsv", own)
    seen = look_at(f"{tmp_path}/{{language}}/{{split}}.tsv", GIVEN)
    assert seen.data["dev_split"] == "valid"
    assert seen.rows["sw"] == {"train": 40, "dev": 40, "test": 40}
    assert counted(seen) == {c: dict(own) for c, own in seen.rows.items()}
    (tmp_path / "en" / "test.tsv").rename(tmp_path / "en" / "held.tsv")
    for code in CODES[1:]:
        (tmp_path / code / "test.tsv").unlink()
    with pytest.raises(DataError, match=r"files of every split.*none of test"):
        look_at(f"{tmp_path}/{{language}}/{{split}}.tsv", GIVEN)


@pytest.mark.parametrize("given", ["", "/en/train.conll", "/{language}/{split}.conll"])
def test_conll_files_are_for_tagging(tmp_path: Path, given) -> None:
    for code in ("en", "fr", "sw"):
        (tmp_path / code).mkdir()
        for number, split in enumerate(SPLITS, start=2):
            text = "Ada B-PER\nsings O\n\n" * number
            (tmp_path / code / f"{split}.conll").write_text(text)
    seen = look_at(f"{tmp_path}{given}", GIVEN)
    assert (seen.task, seen.labels) == ("tagging", ("B-PER", "O"))
    assert seen.rows["fr"] == {"train": 2, "dev": 3, "test": 4}
    assert counted(seen) == {c: dict(own) for c, own in seen.rows.items()}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Language", "Text", "Label"), Columns("Language", "", "Text", "Label", "")),
        (("wo", "body", "kind"), Columns("wo", "", "body", "kind", "")),
        (
            ("lang", "sentence1", "sentence2", "target"),
            Columns("lang", "", "sentence1", "target", "sentence2"),
        ),
    ],
)
def test_columns_are_told_by_name_or_by_what_is_in_them(names, found) -> None:
    language, text, *rest = names
    records = [
        {
            language: CODES[n % 3],
            text: f"many words that are all different, {n}",
            **({rest[0]: f"other words {n}"} if len(rest) > 1 else {}),
            rest[-1]: ("yes", "no")[n % 2],
        }
        for n in range(40)
    ]
    assert find_columns("x", records, GIVEN) == found


def test_a_column_that_is_given_is_not_guessed() -> None:
    records = [{"lang": "en", "text": "a", "note": "long words", "label": "x"}] * 9
    assert find_columns("x", records, Columns(text="note")).text == "note"
    with pytest.raises(DataError, match=r"--label-column: must be a column .*'kind'"):
        find_columns("x", records, Columns(label="kind"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lang": "xx-klingon"}, r"line 2: .* must name a language .* nearest"),
        ({"sentiment": "good"}, r"at least two classes; got \['good'\]"),
    ],
)
def test_bad_files_are_refused_in_one_paragraph(tmp_path: Path, changes, said) -> None:
    path = write_table(tmp_path / "all.tsv", [{**row, **changes} for row in rows()])
    with pytest.raises(DataError, match=said) as error:
        look_at(path, GIVEN)
    assert "\n" not in str(error.value)


def test_what_is_not_there_and_what_has_no_language_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is none"):
        look_at(str(tmp_path / "none.tsv"), GIVEN)
    plain = [{k: v for k, v in row.items() if k != "lang"} for row in rows()]
    with pytest.raises(DataError, match="a column must hold codes of languages"):
        look_at(write_table(tmp_path / "all.tsv", plain), GIVEN)
    (tmp_path / "empty.tsv").write_text("lang\ttext\tlabel\n")
    with pytest.raises(DataError, match="got no row"):
        look_at(str(tmp_path / "empty.tsv"), GIVEN)


def test_the_section_is_one_that_a_configuration_takes(tmp_path: Path) -> None:
    seen = look_at(write_table(tmp_path / "all.tsv", rows()), GIVEN)
    given = {key: value for key, value in seen.data.items() if key != "kind"}
    assert parse_as(FileData, given) == config_of(seen).data
    assert isinstance(config_of(seen).languages, LanguagesConfig)
