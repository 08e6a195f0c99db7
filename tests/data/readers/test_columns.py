"""CoNLL-style files: what is read, what is repaired, what is refused and where."""

from pathlib import Path

import pytest
from seqeval.metrics.sequence_labeling import get_entities

from xlnas_jax.data.examples import TaggedRow
from xlnas_jax.data.readers.columns import (
    BLANK_SENTENCE,
    BLANK_WORD,
    DOCUMENT_MARK,
    read_columns,
)
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.records import MARK
from xlnas_jax.data.readers.tagged import STRAY, make_tagged, to_iob2
from xlnas_jax.data.readers.values import SPELLED
from xlnas_jax.data.sets.base import Columns
from xlnas_jax.types import DataError

LABELS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
TABS = Columns(separator="\t")
UNER = Columns(form=1, tag=2, separator="\t", conllu=True)


def parse(
    folder: Path, content: str | bytes, columns: Columns, faults: Faults | None = None
) -> list[TaggedRow]:
    path = folder / "file.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_columns(str(path), columns, faults or Faults())


def row(*tags: str, name: str = "0") -> TaggedRow:
    return TaggedRow(name, tuple("w" * len(tags)), tags, "f.txt, line 4")


def test_tabs_spaces_crlf_mark_and_a_missing_last_line_make_no_difference(
    tmp_path: Path,
) -> None:
    plain = "Ann\tB-PER\nran\tO\n\nOslo\tB-LOC\n\n"
    forms = (
        "\ufeff" + plain,
        plain.replace("\n", "\r\n"),
        plain.replace("\t", " NOUN  "),
        "\n\n" + plain.replace("\n\n", "\n \t \n\n"),
        plain.rstrip("\n"),
    )
    expected = [("Ann", "ran"), ("Oslo",)]
    for content in forms:
        rows = parse(tmp_path, content, Columns())
        assert [row.words for row in rows] == expected
        assert [row.tags for row in rows] == [("B-PER", "O"), ("B-LOC",)]
        assert [row.id for row in rows] == ["0", "1"]


def test_words_may_hold_what_is_a_space_or_a_line_end_elsewhere(tmp_path: Path) -> None:
    words = ("600\u00a0000", "a\u2028b", "x\x85y", "#", "New York")
    content = "".join(f"{word}\tO\n" for word in words)
    assert parse(tmp_path, content, TABS)[0].words == words


def test_document_marks_are_counted_and_are_no_sentences(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- O O\n\na O\n\n-DOCSTART-\nb O\n\n-DOCSTART-x O\n"
    faults = Faults()
    rows = parse(tmp_path, content, Columns(), faults)
    assert [row.words for row in rows] == [("a",), ("b",), ("-DOCSTART-x",)]
    assert faults.report(3, 3).notes == {DOCUMENT_MARK: 2}


def test_comments_are_only_where_the_format_has_them(tmp_path: Path) -> None:
    content = "# newdoc\n# sent_id = s 1 \n# text = # x\n1\t#\tO\t-\t-\n2\tx\tB-LOC\n"
    (read,) = parse(tmp_path, content + "\n# trailer\n", UNER)
    assert (read.id, read.words, read.tags) == ("s 1", ("#", "x"), ("O", "B-LOC"))
    (tweet,) = parse(tmp_path, "#\tO\n# sent_id = 3\tO\n", TABS)
    assert tweet.words == ("#", "# sent_id = 3")


@pytest.mark.parametrize(
    "tags",
    [
        ["I-PER", "I-PER", "O", "I-LOC"],
        ["B-PER", "I-LOC", "I-LOC", "B-LOC", "I-LOC"],
        ["I-PER", "B-PER", "I-PER", "O", "O", "I-LOC"],
        ["B-PER", "I-PER", "I-PER"],
    ],
)
def test_conversion_keeps_the_entities_that_seqeval_sees(tags: list[str]) -> None:
    faults = Faults()
    fixed = to_iob2(tags, faults)
    assert get_entities(fixed) == get_entities(tags)
    starts = [start for _, start, _ in get_entities(fixed)]
    assert starts == [at for at, tag in enumerate(fixed) if tag.startswith("B-")]
    changed = sum(old != new for old, new in zip(tags, fixed, strict=True))
    assert faults.report(0, 0).notes.get(STRAY, 0) == changed
    assert to_iob2(fixed, Faults(skip=False)) == fixed


@pytest.mark.parametrize(
    ("columns", "content", "told"),
    [
        (TABS, "a\tO\n\nAnn B-PER\n", ["line 3", "2 columns", "tabs", "got 1"]),
        (UNER, "1\ta\tO\n2\tb\n", ["line 2", "3 columns", "got 2"]),
        (Columns(), "a O\nword\n", ["line 2", "2 columns", "got 1"]),
        (Columns(), "a O\nb PER\n", ["line 2", "'PER'", "'b'", "IOB"]),
        (Columns(), "a O\nb S-PER\n", ["line 2", "'S-PER'"]),
        (Columns(), "a O\nb B-\n", ["line 2", "'B-'"]),
        (TABS, '{"version": "1.1",\n"data": []}\n', ["line 1", "of this data set"]),
        (Columns(), '{"data": [], "n": 1}\n', ["line 1", "of this data set"]),
        (TABS, "a\tO\n \tO\n", ["line 2", "must have a word"]),
        (Columns(separator="\t", drop_blank=True), "\tB-PER\n", ["line 1", "a word"]),
        (TABS, b"a\tO\nb\xff\tO\n", ["line 2", "UTF-8", "0xff"]),
    ],
)
def test_a_bad_line_is_told_by_file_line_and_expectation(
    tmp_path: Path, columns: Columns, content: str | bytes, told: list[str]
) -> None:
    with pytest.raises(DataError) as error:
        parse(tmp_path, content, columns)
    message = str(error.value)
    assert "file.conll" in message
    assert [part for part in told if part not in message] == []


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: must be a readable file"):
        read_columns(str(tmp_path / "none.txt"), TABS, Faults())


def test_a_faulty_sentence_is_passed_over_whole_and_the_ids_stay(
    tmp_path: Path,
) -> None:
    content = "a\tO\n\nb\tO\nc\nd\n\ne\tO\n"
    faults = Faults(skip=True)
    rows = parse(tmp_path, content, TABS, faults)
    assert [(row.id, row.words) for row in rows] == [("0", ("a",)), ("2", ("e",))]
    assert faults.report(0, 0).rejected == {"too few columns": 1}


def test_blank_words_are_dropped_where_they_are_known(tmp_path: Path) -> None:
    columns = Columns(separator="\t", drop_blank=True)
    faults = Faults()
    rows = parse(tmp_path, "\tO\n\na\tO\n \tO\nb\tB-PER\n", columns, faults)
    assert [(row.id, row.words) for row in rows] == [("1", ("a", "b"))]
    assert faults.report(0, 0).notes == {BLANK_WORD: 2, BLANK_SENTENCE: 1}


def test_where_tabs_separate_columns_words_may_hold_spaces(tmp_path: Path) -> None:
    content = "New York\tB-LOC\n10 000\tO\n\nin O\nOslo B-LOC\n"
    rows = parse(tmp_path, content, Columns())
    assert [row.words for row in rows] == [("New York", "10 000"), ("in", "Oslo")]
    assert rows[0].tags == ("B-LOC", "O")


@pytest.mark.parametrize("separator", ["\t", " "])
def test_lines_may_end_with_cr_alone(tmp_path: Path, separator: str) -> None:
    content = f"Ann{separator}B-PER\ran{separator}O\r\rOslo{separator}B-LOC\rb\r"
    with pytest.raises(DataError, match="line 5"):
        parse(tmp_path, content, Columns())
    rows = parse(tmp_path, content[:-2], Columns())
    assert [row.words for row in rows] == [("Ann", "an"), ("Oslo",)]
    assert rows[1].place.endswith("line 4")


@pytest.mark.parametrize(
    "bad",
    [
        "a\rb\tO",
        "New York O",
        "a\0\tO",
        "a b\tB-PER x",
        "a\tO\t",
        "a O\tO O",
    ],
)
def test_a_line_that_is_cut_in_two_ways_is_a_fault(tmp_path: Path, bad: str) -> None:
    faults = Faults(skip=True)
    content = f"x O\n{bad}\n\ny O\n"
    rows = parse(tmp_path, content, Columns(), faults)
    assert [row.words for row in rows] == [("y",)]
    assert sum(faults.report(0, 0).rejected.values()) == 1


def test_what_is_around_a_tag_is_no_part_of_it(tmp_path: Path) -> None:
    faults = Faults()
    (read,) = parse(tmp_path, "\ufeffa\tO \nb\tB-LOC\n", TABS, faults)
    assert (read.words, read.tags) == (("a", "b"), ("O", "B-LOC"))
    assert faults.report(0, 0).notes == {SPELLED: 1}


def test_files_one_behind_another_leave_no_mark_in_a_word(tmp_path: Path) -> None:
    faults = Faults()
    rows = parse(tmp_path, "\ufeffa O\n\n\ufeffb O\n", Columns(), faults)
    assert [row.words for row in rows] == [("a",), ("b",)]
    assert faults.report(0, 0).notes == {MARK: 1}


def test_positions_beyond_a_line_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 4 columns"):
        parse(tmp_path, "a O\n", Columns(form=-4))


@pytest.mark.parametrize("content", ["", "\n\n \n", "-DOCSTART- O\n", "# comment\n"])
def test_a_file_without_sentences_gives_no_examples(
    tmp_path: Path, content: str
) -> None:
    rows = parse(tmp_path, content, UNER)
    assert rows == []
    with pytest.raises(DataError, match=r"f\.txt: split 'dev' of 'en'.*got none"):
        make_tagged(rows, LABELS, "en", "dev", "f.txt")


def test_shares_divide_a_file_between_documents_without_loss(tmp_path: Path) -> None:
    sizes = (3, 1, 4, 1, 5, 2)
    content = "-DOCSTART- O\n".join("a O\n\n" * size for size in sizes)
    path = tmp_path / "all.txt"
    path.write_text(content + "-DOCSTART- O\n")
    parts = [
        [row.id for row in read_columns(str(path), Columns(), Faults(), share)]
        for share in ((0.0, 0.5), (0.5, 0.75), (0.75, 1.0))
    ]
    assert [name for part in parts for name in part] == [str(i) for i in range(16)]
    # A document belongs to the share it begins in: at 0, 3, 4; at 8; and at 9, 14.
    assert [len(part) for part in parts] == [9, 5, 2]


def test_a_word_of_any_length_is_a_word(tmp_path: Path) -> None:
    (read,) = parse(tmp_path, f"{'x' * 100_000}\tO\n", TABS)
    assert len(read.words[0]) == 100_000


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([row("O"), row("O")], ["line 4", "unique", "'0'"]),
        ([row()], ["line 4", "must have a word"]),
        ([row("O", "B-MISC")], ["line 4", "'B-MISC'", "'B-LOC'", "data.map"]),
    ],
)
def test_a_bad_sentence_is_told_or_passed_over(
    rows: list[TaggedRow], told: list[str]
) -> None:
    with pytest.raises(DataError) as error:
        make_tagged(rows, LABELS, "en", "train", "f.txt")
    assert [part for part in told if part not in str(error.value)] == []
    sound = row("B-PER", name="sound")
    examples = make_tagged(
        [*rows, sound], LABELS, "en", "train", "f.txt", Faults(skip=True)
    )
    assert examples.ids[-1] == "sound"
    assert examples.report.kept == len(examples) == len(rows)
    assert sum(examples.report.rejected.values()) == 1
    assert examples.report.rows == len(rows) + 1


def test_stray_tags_of_any_source_are_repaired_and_counted() -> None:
    examples = make_tagged([row("O", "I-PER", "I-PER")], LABELS, "en", "train", "hub")
    assert examples.tags[0].tolist() == [0, 3, 4]
    assert examples.report.notes == {STRAY: 1}
    plain = make_tagged([row("I-X", "N")], ("I-X", "N"), "en", "train", "hub")
    assert plain.report.notes == {}
