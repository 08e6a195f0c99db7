"""Tables: real files are read whole, bad files are named to the line."""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config.data import TableData
from xlnas_jax.data.readers.records import MARK, QUOTED, SPANNING
from xlnas_jax.data.readers.values import SPELLED
from xlnas_jax.data.table import make_table_source
from xlnas_jax.languages.codes import normalise
from xlnas_jax.types import ConfigError, DataError

TRAIN = "id\ttext\tlabel\n1\tgood day\tpos\n2\tbad day\tneg\n"
DEV = "id\ttext\tlabel\n7\tfine\tpos\n"


def write(folder: Path, files: dict[str, str | bytes]) -> str:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
    return f"{folder}/{{language}}/{{split}}.tsv"


def read_dev(folder: Path, dev: str | bytes, **options):
    pattern = write(folder, {"eng_Latn/train.tsv": TRAIN, "en_skip.tsv": ""})
    write(folder, {"fra_Latn/dev.tsv": dev})
    config = TableData(pattern, id_column="id", **options)
    return make_table_source(config, "en").read("fr", "dev")


def test_sib200_rows_equal_the_index(shared) -> None:
    config = TableData(str(shared / "data/sib200"), preset="sib200")
    source = make_table_source(config, "en")
    index = json.loads((shared / "data/INDEX.json").read_text())
    entry = next(item for item in index["datasets"] if item["name"] == "sib200")
    counted, expected = {}, {}
    for language in entry["languages"][:12]:
        code = f"{language['iso639_3']}_{language['script']}"
        for split, listed in language["splits"].items():
            expected[code, split] = listed["rows"]
            counted[code, split] = len(source.read(normalise(code), split))
    assert counted == expected
    assert list(source.labels) == entry["label_set"]
    assert len(source.languages()) == 83


def test_sib200_is_parallel_by_id_and_keeps_quotes(shared) -> None:
    config = TableData(str(shared / "data/sib200"), preset="sib200")
    source = make_table_source(config, "en")
    english, german = source.read("en", "test"), source.read("de", "test")
    labels = dict(zip(german.ids, german.labels, strict=True))
    assert [labels[i] for i in english.ids] == list(english.labels)
    assert any('"' in text for text in english.texts)


def test_labels_are_positions_in_the_sorted_labels_of_the_source(
    tmp_path: Path,
) -> None:
    examples = read_dev(tmp_path, DEV)
    assert examples.texts == ("fine",)
    assert examples.ids == ("7",)
    assert examples.labels.dtype == np.int32
    assert examples.labels.tolist() == [1]  # ("neg", "pos")


def test_configured_labels_keep_their_order(tmp_path: Path) -> None:
    assert read_dev(tmp_path, DEV, labels=("pos", "neg")).labels.tolist() == [0]


def test_tsv_csv_and_jsonl_hold_the_same(tmp_path: Path) -> None:
    texts = ['says "hi", twice', "a\rb", "line\u2028separator"]
    rows = "".join(
        '{},"{}",a\n'.format(i, t.replace('"', '""')) for i, t in enumerate(texts)
    )
    lines = "".join(
        json.dumps({"id": i, "text": t, "label": "a"}, ensure_ascii=False) + "\n"
        for i, t in enumerate(texts)
    )
    write(tmp_path, {"en/train.csv": "\ufeffid,text,label\r\n" + rows})
    write(tmp_path, {"en/train.jsonl": lines})
    read = {
        suffix: make_table_source(
            TableData(f"{tmp_path}/{{language}}/{{split}}.{suffix}", id_column="id"),
            "en",
        ).read("en", "train")
        for suffix in ("csv", "jsonl")
    }
    assert read["csv"].texts == read["jsonl"].texts == tuple(texts)
    assert read["csv"].ids == read["jsonl"].ids == ("0", "1", "2")


@pytest.mark.parametrize(
    ("dev", "told"),
    [
        ("id\ttext\n7\tfine\n", ["column 'label'", "['id', 'text']"]),
        ("id\ttext\ttext\n", ["line 1", "['text'] more than once"]),
        ("id\ttext\tlabel\n7\tfine\n", ["line 2", "3 columns", "got 2"]),
        ("id\ttext\tlabel\n\n7\ta\tb\tpos\n", ["line 3", "3 columns", "got 4"]),
        (b"id\ttext\tlabel\n7\tfine\tpos\n8\t\xff\tpos\n", ["line 3", "0xff"]),
        (DEV + "8\tx\tmeh\n", ["line 3", "'meh'", "['neg', 'pos']"]),
        ("id\ttext\tlabel\n", ["at least one example", "'dev'", "'fr'"]),
        ("", ["at least one example", "'dev'", "'fr'"]),
        (DEV + "8\t  \tpos\n", ["line 3", "empty"]),
        (DEV + "7\tagain\tpos\n", ["line 3", "'7'", "line 2"]),
        ("text\tid\ra\tb\n", ["line 1", "end alike"]),
        (DEV + "id\ttext\tlabel\n", ["line 3", "names of the columns"]),
        (DEV + "8\t\u200b\tpos\n", ["line 3", "empty"]),
        (DEV + "8\tx\0y\tpos\n", ["line 3", "NUL"]),
        (DEV + "8\tx\t\n", ["line 3", "must have a label", "empty"]),
        (DEV + "8\tx\t \u00a0\n", ["line 3", "must have a label"]),
        (DEV + "8\tx\tNone\n", ["line 3", "must have a label", "data.labels"]),
        (DEV + " \tx\tpos\n", ["line 3", "empty"]),
    ],
)
def test_a_bad_file_is_told_by_name_line_and_expectation(
    tmp_path: Path, dev: str | bytes, told: list[str]
) -> None:
    with pytest.raises(DataError) as error:
        read_dev(tmp_path, dev)
    message = str(error.value)
    assert "fra_Latn/dev.tsv" in message
    assert [part for part in told if part not in message] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "one JSON object"),
        ("[1]", "got a list"),
        ('{"text": null, "label": "pos"}', "text must be a text; got null"),
        ('{"text": true, "label": "pos"}', "text must be a text; got true"),
        ('{"text": [], "label": "pos"}', "text must be a text; got a list"),
        ('{"text": "a", "label": null}', "must have a label; got null"),
        ('{"text": "a", "label": ""}', "must have a label; got an empty one"),
        ('{"text": "a", "label": 1.0}', "the label must be .* got the number 1.0"),
        ('{"text": "a", "label": {}}', "the label must be .* got an object"),
        ('{"text": "a"}', "column 'label'"),
        ('{"text": "\\ud800", "label": "pos"}', "lone surrogate"),
        ('{"text": "a", "label": NaN}', "NaN"),
        ('{"text": "a", "text": "b", "label": "pos"}', "'text' is given twice"),
        ('{"a":' * 100_000, "nested too deep"),
        ('{"a": ' + "9" * 5000 + "}", "digits"),
    ],
)
def test_a_bad_json_line_is_told(tmp_path: Path, line: str, told: str) -> None:
    content = '{"text": "a", "label": "pos"}\n' + line + "\n"
    write(tmp_path, {"en/train.jsonl": content})
    config = TableData(f"{tmp_path}/{{language}}/{{split}}.jsonl")
    with pytest.raises(DataError, match=r"train\.jsonl, line 2") as error:
        make_table_source(config, "en")
    message = str(error.value)
    assert re.search(told, message)
    assert len(message) < 1000 and message.isprintable()


@pytest.mark.parametrize("keep_quotes", [None, True])
def test_quotes_of_tsv_are_text(tmp_path: Path, keep_quotes: bool | None) -> None:
    dev = DEV + '8\t"open\tpos\n9\tends"\tneg\n10\t"both"\tneg\n'
    texts = ("fine", '"open', 'ends"', '"both"')
    found = read_dev(tmp_path, dev, keep_quotes=keep_quotes)
    assert found.texts == texts
    # Some programs write quotes around texts: who did not say so is told.
    assert found.report.notes == ({} if keep_quotes else {QUOTED: 1})


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_field_that_spans_lines_is_a_fault_of_all_of_them(
    tmp_path: Path, suffix: str
) -> None:
    spanning = '"b,x\nc,y\nd",y\n'
    rows = f'text,label\na,x\n{spanning}e,x\n"f"g,x\n"h,i",y\n"j,x\nk,y\n'
    content = rows if suffix == "csv" else rows.replace(",", "\t")
    write(tmp_path, {f"en/train.{suffix}": content})
    path = f"{tmp_path}/{{language}}/{{split}}.{suffix}"
    config = TableData(path, labels=("x", "y"), keep_quotes=False)
    with pytest.raises(DataError, match=r"lines 3 to 5.*--skip-bad-rows"):
        make_table_source(config, "en").read("en", "train")
    found = make_table_source(config, "en", skip=True).read("en", "train")
    assert [text[0] for text in found.texts] == ["a", "e", "h", "k"]
    assert found.report.rejected == {SPANNING: 3, "malformed row": 2}
    assert (found.report.rows, found.report.kept) == (9, 4)


def test_lines_may_end_with_cr_alone_and_a_cr_cuts_no_text(tmp_path: Path) -> None:
    assert read_dev(tmp_path, (DEV + "8\tb\tneg\n").replace("\n", "\r")).texts == (
        "fine",
        "b",
    )
    assert read_dev(tmp_path, DEV + "8\ta\rb\tneg\n").texts == ("fine", "a\rb")
    dev = (DEV + "8\tb\n").replace("\n", "\r")
    with pytest.raises(DataError, match="line 3"):
        read_dev(tmp_path, dev)


def test_white_space_around_a_label_is_removed_and_counted(tmp_path: Path) -> None:
    found = read_dev(tmp_path, DEV + "8\tx\tpos \n9\ty\t\u200bneg\u00a0\n")
    assert found.labels.tolist() == [1, 1, 0]
    assert found.report.notes == {SPELLED: 2}
    pattern = f"{tmp_path}/{{language}}/{{split}}.tsv"
    write(tmp_path, {"eng_Latn/train.tsv": TRAIN + "3\tfair\tpos \n"})
    assert make_table_source(TableData(pattern), "en").labels == ("neg", "pos")


def test_labels_that_look_the_same_are_one(tmp_path: Path) -> None:
    rows = "1\ta\t\u00e9t\u00e9\n2\tb\te\u0301te\u0301\n3\tc\thiver\n"
    pattern = write(tmp_path, {"eng_Latn/train.tsv": f"id\ttext\tlabel\n{rows}"})
    source = make_table_source(TableData(pattern), "en")
    assert source.labels == ("hiver", "\u00e9t\u00e9")
    assert source.read("en", "train").report.notes == {SPELLED: 1}


def test_a_declared_label_is_one_whatever_it_looks_like(tmp_path: Path) -> None:
    dev = DEV + "8\tx\tnull\n"
    found = read_dev(tmp_path, dev, labels=("null", "pos", "neg"))
    assert found.labels.tolist() == [1, 0]


def test_files_one_behind_another_are_read(tmp_path: Path) -> None:
    found = read_dev(tmp_path, f"\ufeff{DEV}\ufeff8\tx\tneg\n")
    assert found.ids == ("7", "8")
    assert found.report.notes == {MARK: 1}


def test_a_great_many_columns_take_no_time(tmp_path: Path) -> None:
    names = "\t".join(f"c{i}" for i in range(200_000))
    start = time.process_time()
    with pytest.raises(DataError, match="column 'label'") as error:
        read_dev(tmp_path, f"id\ttext\t{names}\n1\tx\t{names}\n")
    with pytest.raises(DataError, match="more than once"):
        read_dev(tmp_path, f"{names}\t{names}\n")
    assert time.process_time() - start < 5
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")]
)
def test_only_a_regular_file_is_opened(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    pattern = write(tmp_path, {"eng_Latn/train.tsv": TRAIN, "fr/link.tsv": DEV})
    make(tmp_path / "fr/dev.tsv")
    (tmp_path / "fr/test.tsv").symlink_to(tmp_path / "fr/link.tsv")
    source = make_table_source(TableData(pattern), "en")
    with pytest.raises(DataError, match=r"dev\.tsv: must be a readable file"):
        source.read("fr", "dev")
    assert source.read("fr", "test").texts == ("fine",)


def test_a_line_without_end_is_a_fault(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("xlnas_jax.data.readers.records.MAX_LINE", 50)
    with pytest.raises(DataError, match=r"line 3: .*at most 50 characters; got 66"):
        read_dev(tmp_path, f"{DEV}8\t{'x' * 60}\tneg\n")


def test_a_missing_file_names_the_nearest_languages(tmp_path: Path) -> None:
    pattern = write(tmp_path, {"eng_Latn/train.tsv": TRAIN, "nob/train.tsv": TRAIN})
    source = make_table_source(TableData(pattern), "en")
    with pytest.raises(DataError, match=r"Norwegian Nynorsk.*nearest of which are nb"):
        source.read("nn", "train")


def test_a_missing_split_names_the_file_pattern(tmp_path: Path) -> None:
    pattern = write(tmp_path, {"eng_Latn/train.tsv": TRAIN})
    source = make_table_source(TableData(pattern), "en")
    with pytest.raises(DataError, match=r"\{language\}/test\.tsv.*no language at all"):
        source.read("en", "test")


def test_two_folders_equally_good_for_one_language_are_both_passed_over(
    tmp_path: Path,
) -> None:
    folders = ("eng", "aka_Latn", "twi_Latn")  # FLORES lists Akan under both
    pattern = write(tmp_path, {f"{name}/train.tsv": TRAIN for name in folders})
    source = make_table_source(TableData(pattern), "en")
    assert source.languages() == ("en",)
    with pytest.raises(DataError, match=r"must hold Akan \(ak\)"):
        source.read("ak", "train")


def test_of_two_folders_the_one_named_by_the_canonical_code_is_read(
    tmp_path: Path,
) -> None:
    files = {f"{name}/train.tsv": TRAIN for name in ("eng", "ajp_Arab")}
    files["apc_Arab/train.tsv"] = TRAIN.replace("good day", "the canonical one")
    source = make_table_source(TableData(write(tmp_path, files)), "en")
    assert source.languages() == ("apc", "en")
    assert source.read("apc", "train").texts[0] == "the canonical one"


@pytest.mark.parametrize("name", ["{language}.tsv", "{split}.tsv"])
def test_a_pattern_needs_both_fields(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="must contain"):
        make_table_source(TableData(f"{tmp_path}/{name}"), "en")


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"en/train.xlsx": "x"})
    with pytest.raises(ConfigError, match=r"\.tsv, \.csv, \.jsonl"):
        make_table_source(TableData(f"{tmp_path}/{{language}}/{{split}}.xlsx"), "en")


def test_the_preset_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="folder"):
        make_table_source(TableData(f"{tmp_path}/none", preset="sib200"), "en")


def test_bad_rows_are_passed_over_and_counted_and_the_ids_stay(tmp_path: Path) -> None:
    rows = "good\tpos\nshort\nfine\tmeh\n \tpos\nwell\tneg\n"
    pattern = write(tmp_path, {"en/train.tsv": "text\tlabel\n" + rows})
    config = TableData(pattern, labels=("neg", "pos"))
    examples = make_table_source(config, "en", skip=True).read("en", "train")
    assert examples.ids == ("0", "4")
    report = examples.report
    assert (report.rows, report.kept) == (5, 2)
    assert report.rejected == {
        "wrong number of columns": 1,
        "unknown label": 1,
        "empty text": 1,
    }
    with pytest.raises(DataError, match=r"line 3.*--skip-bad-rows"):
        make_table_source(config, "en").read("en", "train")


def test_bad_json_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    lines = '{"text": "a", "label": "x"}\n{\n[]\n{"text": null, "label": "x"}\n'
    write(tmp_path, {"en/train.jsonl": lines})
    config = TableData(f"{tmp_path}/{{language}}/{{split}}.jsonl")
    report = make_table_source(config, "en", skip=True).read("en", "train").report
    assert (report.rows, report.kept) == (4, 1)
    assert report.rejected == {"not a JSON object": 2, "text of a wrong kind": 1}
