"""One file in several languages: each row is in one split, equal texts are together."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.data import FileData
from xlnas_jax.data.readers.one_file import make_file_source
from xlnas_jax.types import ConfigError, DataError

SPLITS = ("train", "dev", "test")
CODES = ("eng_Latn", "fr", "swh")


def write(path: Path, rows: list[tuple[str, str, str]]) -> str:
    lines = ["language\ttext\tlabel", *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def many(count: int = 400) -> list[tuple[str, str, str]]:
    return [
        (CODES[n % 3], f"text number {n}", "good" if n % 2 else "bad")
        for n in range(count)
    ]


def texts(config: FileData) -> dict[tuple[str, str], tuple[str, ...]]:
    source = make_file_source(config, "en")
    return {
        (language, split): source.read(language, split).texts
        for language in source.languages()
        for split in SPLITS
    }


def test_every_row_is_in_one_split_of_its_language(tmp_path: Path) -> None:
    config = FileData(write(tmp_path / "all.tsv", many()))
    source = make_file_source(config, "en")
    assert source.languages() == ("en", "fr", "sw")
    assert source.labels == ("bad", "good")
    found = texts(config)
    assert sorted(t for own in found.values() for t in own) == sorted(
        text for _, text, _ in many()
    )
    assert set(found["fr", "dev"]) < {text for code, text, _ in many() if code == "fr"}


def test_as_many_are_in_each_split_as_was_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "all.tsv", many(6000))
    found = texts(FileData(path, dev_share=0.1, test_share=0.4))
    for language in ("en", "fr", "sw"):
        sizes = np.array([len(found[language, split]) for split in SPLITS])
        # Of 2,000 draws the deviation is 1.1 % at most.
        np.testing.assert_allclose(sizes / 2000, [0.5, 0.1, 0.4], atol=0.045)


def test_other_rows_and_their_order_decide_nothing(tmp_path: Path) -> None:
    whole = texts(FileData(write(tmp_path / "a.tsv", many())))
    half = texts(FileData(write(tmp_path / "b.tsv", many()[::-1][:200])))
    for place, own in half.items():
        assert set(own) <= set(whole[place])


def test_equal_texts_are_in_one_split_in_every_language(tmp_path: Path) -> None:
    rows = [
        (code, text, "good")
        for n in range(60)
        for code in CODES
        for text in (f"Text  number {n}", f"text number {n}")
    ]
    rows += many()
    found = texts(FileData(write(tmp_path / "all.tsv", rows)))
    where = {}
    for (_, split), own in found.items():
        for text in own:
            where.setdefault(" ".join(text.casefold().split()), set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())
    assert {split for splits in where.values() for split in splits} == set(SPLITS)


def test_the_hash_is_the_one_that_was_written_down(tmp_path: Path) -> None:
    found = texts(FileData(write(tmp_path / "all.tsv", many())))
    for (_, split), own in found.items():
        for text in own:
            part = zlib.crc32(text.encode()) % 10_000
            assert split == SPLITS[(part < 3500) + (part < 2000)]


def test_a_column_may_say_the_split(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    rows = [
        {"lang": code, "fold": fold, "text": f"{code} {fold} {n}", "label": n, "id": n}
        for code in ("en", "fr")
        for fold in ("train", "valid", "test")
        for n in range(2)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    config = FileData(
        str(path),
        language_column="lang",
        split_column="fold",
        dev_split="valid",
        id_column="id",
    )
    assert texts(config)["fr", "dev"] == ("fr valid 0", "fr valid 1")
    source = make_file_source(config, "en")
    assert source.read("en", "test").ids == ("0", "1")
    path.write_text(path.read_text().replace("valid", "other", 1))
    with pytest.raises(DataError, match=r"line 3: the split must be one of .*'other'"):
        make_file_source(config, "en").read("en", "train")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("klingon", "x", "bad"), r"line 402: .*must name a language.*'klingon'"),
        (("en", "x"), r"line 402: every row must have 3 columns"),
    ],
)
def test_a_faulty_row_is_named_or_passed_over(tmp_path: Path, row, said) -> None:
    path = write(tmp_path / "all.tsv", [*many(), row])
    with pytest.raises(DataError, match=said):
        make_file_source(FileData(path), "en").languages()
    source = make_file_source(FileData(path), "en", skip=True)
    assert source.languages() == ("en", "fr", "sw")
    assert len(source.read("en", "train")) > 10


def test_a_language_that_is_not_there_is_said_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "all.tsv", many())
    with pytest.raises(DataError, match=r"must hold German \(de\); got 3 other"):
        make_file_source(FileData(path), "en").read("de", "dev")


@pytest.mark.parametrize("column", ["language_column", "text_column", "label_column"])
def test_a_column_that_is_not_there_names_its_option(tmp_path: Path, column) -> None:
    path = write(tmp_path / "all.tsv", many())
    with pytest.raises(DataError, match=rf"column 'nowhere' .*data\.{column}"):
        make_file_source(FileData(path, **{column: "nowhere"}), "en")


def test_something_must_be_left_to_train_on() -> None:
    with pytest.raises(ConfigError, match="must be below 1"):
        FileData("x", dev_share=0.5, test_share=0.5)
