"""Files of every format: what was written is read, and all else is accounted for.

A writer of each format, as simple as can be, gives sound rows, among them some that
are not; the reader must give back the sound ones as they were, and count the others.
Bytes without any form, and sound files that were changed at random, are refused in
one paragraph, or no line of them is lost.
"""

import io
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.contract import Tally, generated
from tests.fuzz.material import (
    ENDS,
    FAULTY,
    LABELS,
    MARKS,
    TEXTS,
    VALUES,
    changed,
    lines_of,
    table,
    write_lines,
)
from xlnas_jax.config.data import HubData
from xlnas_jax.data import hub
from xlnas_jax.data.parallel import read_pairs
from xlnas_jax.data.readers.columns import read_columns
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.sets.base import Columns


@generated(quick=25, long=1_500)
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(LABELS)), min_size=1, max_size=8),
    faulty=st.lists(FAULTY, max_size=3),
    suffix=st.sampled_from(["tsv", "csv", "jsonl"]),
    spaces=st.sampled_from(["", " ", "\u00a0"]),
    end=ENDS,
    mark=MARKS,
    random=st.randoms(use_true_random=False),
)
def test_rows_of_a_table_come_back(
    folder: Path,
    tally: Tally,
    rows: list[tuple[str, str]],
    faulty: list[tuple[str, ...]],
    suffix: str,
    spaces: str,
    end: str,
    mark: str,
    random: Random,
) -> None:
    if suffix == "jsonl":  # where a column more or less is none
        faulty = [row for row in faulty if len(row) == 2]
    if suffix == "csv":
        rows = [(f'{text},"', label) for text, label in rows]
    every = [(text, label + spaces) for text, label in rows] + faulty
    order = random.sample(range(len(every)), len(every))
    lines = [(f"n{i}", *every[i]) for i in order]
    content = mark + write_lines([("id", "text", "label"), *lines], suffix, end)
    found = tally.holds(lambda: table(folder, suffix, content.encode(), labels=LABELS))
    assert found is not None
    kept = [i for i in order if i < len(rows)]
    assert found.ids == tuple(f"n{i}" for i in kept)
    assert found.texts == tuple(rows[i][0] for i in kept)
    assert [LABELS[i] for i in found.labels] == [rows[i][1] for i in kept]
    assert sum(found.report.rejected.values()) == len(faulty)
    assert found.report.rows == len(every)


@generated(quick=15, long=1_200)
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(LABELS)), min_size=1, max_size=6),
    suffix=st.sampled_from(["tsv", "csv", "jsonl"]),
    end=ENDS,
    random=st.randoms(use_true_random=False),
)
def test_no_line_of_a_changed_table_is_lost(
    folder: Path,
    tally: Tally,
    rows: list[tuple[str, str]],
    suffix: str,
    end: str,
    random: Random,
) -> None:
    lines = [(f"n{i}", *row) for i, row in enumerate(rows)]
    sound = write_lines([("id", "text", "label"), *lines], suffix, end)
    content = changed(sound.encode(), random)
    found = tally.holds(lambda: table(folder, suffix, content))
    if found is None:
        return
    report = found.report
    assert report.kept == len(found) == len(set(found.ids))
    assert report.rows == report.kept + sum(report.rejected.values())
    assert report.rows >= len(lines_of(content)) - (suffix != "jsonl")
    assert all(text.strip() and "\0" not in text for text in found.texts)


WORDS = TEXTS.filter(lambda word: not word.startswith(("\ufeff", "-DOCSTART-")))
TAGS = st.sampled_from(["O", "B-PER", "B-LOC", "B-ORG-x"])
SENTENCES = st.lists(
    st.lists(st.tuples(WORDS, TAGS), min_size=1, max_size=5), min_size=1, max_size=5
)


@generated(quick=15, long=1_000)
@given(
    sentences=SENTENCES,
    has_tabs=st.booleans(),
    end=ENDS,
    mark=MARKS,
    last=st.booleans(),
)
def test_tagged_words_come_back(
    folder: Path,
    tally: Tally,
    sentences: list[list[tuple[str, str]]],
    has_tabs: bool,
    end: str,
    mark: str,
    last: bool,
) -> None:
    expected = [
        [
            (word.strip(" ") if has_tabs else word.replace(" ", "_"), tag)
            for word, tag in one
        ]
        for one in sentences
    ]
    separator = "\t" if has_tabs else " "
    blocks = [
        end.join(f"{word}{separator}{tag}" for word, tag in one) for one in expected
    ]
    path = folder / "file.conll"
    content = mark + (end * 2).join(blocks) + end * last
    path.write_bytes(content.encode())
    rows = tally.holds(lambda: read_columns(str(path), Columns(), Faults()))
    assert rows is not None
    found = [list(zip(row.words, row.tags, strict=True)) for row in rows]
    assert found == expected


@generated(quick=10, long=800)
@given(
    sentences=SENTENCES,
    separator=st.sampled_from(["\t", " "]),
    end=ENDS,
    random=st.randoms(use_true_random=False),
)
def test_no_sentence_of_a_changed_file_is_lost(
    folder: Path,
    tally: Tally,
    sentences: list[list[tuple[str, str]]],
    separator: str,
    end: str,
    random: Random,
) -> None:
    blocks = [
        end.join(f"{word}{separator}{tag}" for word, tag in one) for one in sentences
    ]
    content = changed((end * 2).join(blocks).encode(), random)
    path = folder / "file.conll"
    path.write_bytes(content)
    faults = Faults(skip=True)
    rows = tally.holds(lambda: read_columns(str(path), Columns(), faults))
    if rows is None:
        return
    text = content.decode("utf-8-sig")
    lines = text.split("\n" if "\n" in text else "\r")
    filled = [bool(line.removeprefix("\ufeff").strip()) for line in lines]
    begun = [
        now and not before
        for before, now in zip([False, *filled], filled, strict=False)
    ]
    assert len(rows) + sum(faults.report(0, 0).rejected.values()) == sum(begun)
    assert all("\r" not in word for row in rows for word in row.words)


@generated(quick=10, long=800)
@given(
    value=st.sampled_from(VALUES),
    other=st.sampled_from(VALUES),
    part=st.sampled_from(["text", "label", "id"]),
    suffix=st.sampled_from(["jsonl"]),
    depth=st.integers(0, 1),
)
def test_values_of_any_kind_are_read_or_called_what_they_are(
    folder: Path,
    tally: Tally,
    value: Any,
    other: Any,
    part: str,
    suffix: str,
    depth: int,
) -> None:
    sound = {"id": "a", "text": "by a river", "label": "river"}
    odd = {**sound, "id": "b", "more": other, part: [value] if depth else value}
    content = "".join(json.dumps(one) + "\n" for one in (sound, odd)).encode()
    found = tally.holds(lambda: table(folder, suffix, content))
    assert found is not None and found.report.rows == 2
    assert found.ids[0] == "a"
    is_text = isinstance(value, str | int) and not depth
    if len(found) == 2:
        assert is_text and str(value).strip()
    assert "missing column" not in found.report.rejected


@generated(quick=10, long=600)
@given(
    pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6),
    suffix=st.sampled_from(["tsv", "csv"]),
    end=ENDS,
    mark=MARKS,
)
def test_translations_come_back(
    folder: Path,
    tally: Tally,
    pairs: list[tuple[str, str]],
    suffix: str,
    end: str,
    mark: str,
) -> None:
    path = folder / f"pairs.{suffix}"
    pairs = [(f"a{source}", target) for source, target in pairs]
    content = mark + write_lines([("en", "fr"), *pairs], suffix, end)
    path.write_bytes(content.encode())
    found = tally.holds(lambda: read_pairs(str(path), "en", "fr"))
    assert found is not None
    assert list(zip(found.sources, found.targets, strict=True)) == pairs


@generated(quick=15, long=1_000)
@given(
    lines=st.lists(st.one_of(TEXTS, st.just("")), min_size=1, max_size=9),
    end=ENDS,
    mark=MARKS,
    random=st.randoms(use_true_random=False),
    is_changed=st.booleans(),
)
def test_lines_to_predict_come_back(
    tally: Tally,
    lines: list[str],
    end: str,
    mark: str,
    random: Random,
    is_changed: bool,
) -> None:
    from xlnas_jax.export.predicting import inputs

    lines = [line.removeprefix("\ufeff") for line in lines] + ["x"]
    content = (mark + end.join(lines)).encode()
    if is_changed:
        content = changed(content, random)
    stream = io.BytesIO(content)
    found = tally.holds(lambda: list(inputs.read_inputs(stream, "f", inputs.read_text)))
    if not is_changed:
        assert found is not None
        assert [text for chunk in found for (text,) in chunk] == lines


KINDS = {
    "text": st.sampled_from(["x", "None", "", " ", "y "]),
    "whole": st.integers(-2, 3),
    "fraction": st.sampled_from([0.0, 1.0, 2.5, float("nan"), float("inf")]),
    "truth": st.booleans(),
    "list": st.sampled_from([["x"], []]),
}


@generated(quick=10, long=600)
@given(
    texts=st.lists(
        st.one_of(TEXTS, st.sampled_from(["", "\u200b", None])), min_size=1, max_size=6
    ),
    kind=st.sampled_from(list(KINDS)),
    data=st.data(),
)
def test_columns_of_the_hub_are_read_or_called_what_they_are(
    tally: Tally, texts: list[str | None], kind: str, data: st.DataObject
) -> None:
    datasets = pytest.importorskip("datasets")
    value = st.one_of(st.none(), KINDS[kind])
    labels = [data.draw(value) for _ in texts]
    table = datasets.Dataset.from_dict({"text": texts, "label": labels})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "config_names", lambda *_: ["en"])
        patch.setattr(hub, "load_split", lambda *_: table)
        found = tally.holds(
            lambda: hub.make_hub_source(HubData("x"), "en", True).read("en", "train")
        )
    both = list(zip(texts, labels, strict=True))
    sound = [(text, label) for text, label in both if is_sound(text, label)]
    if found is None:
        assert not sound
        return
    assert found.texts == tuple(text for text, _ in sound)
    assert found.report.rows == len(texts)
    assert len({*found.labels.tolist()}) == len(
        {str(label).strip() for _, label in sound}
    )


def is_sound(text: str | None, label: Any) -> bool:
    """Whether someone could learn from a text and its label."""
    is_label = isinstance(label, str | int) or (
        isinstance(label, float) and math.isfinite(label)
    )
    is_text = text is not None and text not in ("", "\u200b")
    return is_text and is_label and str(label) not in ("None", "", " ")
