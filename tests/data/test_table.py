"""Tables: real files are read whole, bad files are named to the line."""

import json
from pathlib import Path

import numpy as np
import pytest

from xlnas_jax.config import TableData
from xlnas_jax.data.table import make_table_source
from xlnas_jax.languages import normalise
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
    texts = ['says "hi", twice', "two\nlines", "line\u2028separator"]
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
        (DEV + '8\t"open\tpos\n', ["line 3", "keep_quotes"]),
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
        ('{"text": null, "label": "pos"}', "column 'text'"),
    ],
)
def test_a_bad_json_line_is_told(tmp_path: Path, line: str, told: str) -> None:
    content = '{"text": "a", "label": "pos"}\n' + line + "\n"
    write(tmp_path, {"en/train.jsonl": content})
    config = TableData(f"{tmp_path}/{{language}}/{{split}}.jsonl")
    with pytest.raises(DataError, match=r"train\.jsonl, line 2") as error:
        make_table_source(config, "en")
    assert told in str(error.value)


def test_an_open_quote_is_text_when_quotes_are_kept(tmp_path: Path) -> None:
    dev = DEV + '8\t"open\tpos\n'
    assert read_dev(tmp_path, dev, keep_quotes=True).texts[1] == '"open'


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
    assert report.rejected == {"not a JSON object": 2, "missing column": 1}
