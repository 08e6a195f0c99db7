"""Texts, rows and changes of them that readers are tried on."""

import csv
import io
import json
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st

from xlnas_jax.config.data import TableData
from xlnas_jax.data.table import make_table_source

LABELS = ("city", "None", "river", "été")
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
MARKS = st.sampled_from(["", "\ufeff"])
# What some reader cuts at, drops, joins or takes for something else.
ODD = "\"'\\,;#|/- \u00a0\u2028\u2029\x0b\x0c\x1c\x85\u200b\ufeffeé\u0301ß中1٣👍🏽"
CHARACTERS = st.one_of(
    st.sampled_from(ODD),
    st.characters(blacklist_categories=["Cs", "Cc"]),
    st.sampled_from(['"', " ", "a"]),
)
TEXTS = st.text(CHARACTERS, min_size=1, max_size=12).map(lambda text: f"{text}x")
# Of a file with three columns: rows of which there is nothing to learn.
FAULTY = st.sampled_from(
    [
        *(("a", ""), ("a", " "), ("a", "\u00a0"), ("", "city"), (" ", "city")),
        *(("\u200b", "city"), ("a", "nan"), ("a", "null"), ("a\0", "city")),
        *(("a", "elsewhere"), ("a",), ("a", "city", "b")),
    ]
)
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 3, 10**30, 0.0, 1.5, float("nan"), "", " ", "x"),
    *("\ud800", "\0", [], {}, [[]], [None], {"text": []}, "é", "e\u0301", "9" * 5000),
]
RAW = (b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b'"', b",", b"\\")
RAW += (b"\xed\xa0\x80", b"\xc3", b"[" * 9000, b"{}", b"null", b"NaN", b"9" * 5000)


def changed(content: bytes, random: Random) -> bytes:
    """A few bytes more, less or other than they were."""
    found = bytearray(content)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(found) + 1)
        size = random.randrange(4)
        found[at : at + size] = random.choice([b"", random.randbytes(size), *RAW])
    return bytes(found)


def changed_value(value: Any, random: Random) -> Any:
    """The same JSON with another value somewhere."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return random.choice(VALUES)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = random.choice(keys)
    copy = value.copy()
    if random.random() < 0.1:
        del copy[key]
    else:
        copy[key] = changed_value(value[key], random)
    return copy


def write_lines(rows: list[tuple[str, ...]], suffix: str, end: str) -> str:
    """Rows in a format, a line each; the first names the columns."""
    if suffix == "jsonl":
        records = [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]
        return "".join(
            json.dumps(one, ensure_ascii=len(one["text"]) % 2 == 0) + end
            for one in records
        )
    if suffix == "tsv":
        return "".join("\t".join(row) + end for row in rows)
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows(rows)
    return file.getvalue()


def lines_of(content: bytes) -> list[str]:
    """Lines that are not blank, as an editor shows them."""
    text = content.decode("utf-8-sig")
    return [
        line for line in text.split("\n" if "\n" in text else "\r") if line.strip("\r")
    ]


def table(folder: Path, suffix: str, content: bytes, **options: Any) -> Any:
    """What a source of tables reads of a file."""
    (folder / "en").mkdir(exist_ok=True)
    (folder / "en" / f"train.{suffix}").write_bytes(content)
    path = f"{folder}/{{language}}/{{split}}.{suffix}"
    config = TableData(path, id_column="id", **options)
    return make_table_source(config, "en", skip=True).read("en", "train")
