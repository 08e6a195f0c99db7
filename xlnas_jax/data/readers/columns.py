"""CoNLL-style files: a word and its tag a line, a blank line between sentences."""

import re
from typing import NamedTuple

from xlnas_jax.data.examples import TaggedRow
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.readers.lines import BOM, MAX_LINE, read_text, split_lines
from xlnas_jax.data.readers.records import MARK
from xlnas_jax.data.readers.tagged import make_tagged as make_tagged
from xlnas_jax.data.readers.tagged import to_iob2
from xlnas_jax.data.readers.values import SPELLED, is_text, spelled
from xlnas_jax.data.sets.base import Columns
from xlnas_jax.types import brief

DOCUMENT_MARK = "document mark"
BLANK_WORD = "blank word, dropped"
BLANK_SENTENCE = "sentence of blank words, left out"
WITHHELD = "sentence without its text, left out"
_MARK = re.compile(r"-DOCSTART-(\s|$)")
_SENTENCE_ID = re.compile(r"#\s*sent_id\s*=\s*(?P<id>.*\S)")
# The range of a contraction, and an empty node.
_NO_WORD = re.compile(r"\d+[-.]\d+")
_PREFIX = re.compile(r"[a-z_-]+:")
_SPACES = re.compile(r" +")
_ENTITY_TAG = re.compile(r"O|[BI]-\S+")
_TAGS = {
    "IOB2": _ENTITY_TAG,
    "IOB1": _ENTITY_TAG,
    "IO": _ENTITY_TAG,
    "plain": re.compile(r"\S+"),
}
_SHAPES = ("O, or B- or I- and an entity type (IOB)", "a word without spaces")

Line = tuple[int, str]


class _Document(NamedTuple):
    """Sentences as lines with their numbers; whether a mark stands before them."""

    is_marked: bool
    sentences: list[list[Line]]


def read_columns(
    path: str,
    columns: Columns,
    faults: Faults,
    share: tuple[float, float] = (0.0, 1.0),
) -> list[TaggedRow]:
    """Sentences of one file, with IOB2 or plain tags.

    A sentence that is named by no comment has its position in the file as its id.

    Args:
        share: only documents that begin between these shares of the sentences.

    Raises:
        DataError: the file cannot be read, is not UTF-8, or, unless `faults` passes
            over it, a line has too few columns or a tag that is none.
    """
    lines = split_lines(read_text(path))
    documents = _documents(lines, columns)
    if any(line.startswith(BOM) for line in lines):
        faults.note(MARK, sum(line.startswith(BOM) for line in lines))
    # One more than there are: a mark at the end of the file has a place, too.
    total = 1 + sum(len(document.sentences) for document in documents)
    rows = []
    start = 0
    for document in documents:
        if share[0] <= start / total < share[1]:
            if document.is_marked:
                faults.note(DOCUMENT_MARK)
            for position, lines in enumerate(document.sentences, start):
                row = _sentence(lines, columns, path, position, faults)
                rows += [] if row is None else [row]
        start += len(document.sentences)
    return rows


def _documents(given: list[str], columns: Columns) -> list[_Document]:
    documents = [_Document(False, [])]
    lines: list[Line] = []
    for number, marked in enumerate([*given, ""], start=1):
        line = marked.removeprefix(BOM)  # files that were put one behind another
        is_mark = _MARK.match(line) is not None
        if line.strip() and not is_mark:
            lines.append((number, line))
            continue
        if any(not (columns.conllu and line.startswith("#")) for _, line in lines):
            documents[-1].sentences.append(lines)
        lines = []
        if is_mark:
            documents.append(_Document(True, []))
    return documents


def _sentence(
    lines: list[Line], columns: Columns, path: str, position: int, faults: Faults
) -> TaggedRow | None:
    """One sentence, or None where it is faulty or has no words."""
    name = str(position)
    least = _least(columns)
    width = 0
    words: list[str] = []
    tags: list[str] = []
    for number, line in lines:
        if columns.conllu and line.startswith("#"):
            match = _SENTENCE_ID.match(line)
            name = match["id"] if match else name
            continue
        fields = _fields(line, columns, least, faults)
        if columns.conllu and _NO_WORD.fullmatch(fields[0]):
            continue
        place = f"{path}, line {number}"
        if not is_text(line, "line", place, faults) or not _is_whole(
            line, fields, width, columns, place, faults
        ):
            return None
        width = len(fields)
        is_sound = (
            len(fields) >= least
            and fields[columns.form].strip()
            and _TAGS[columns.scheme].fullmatch(fields[columns.tag])
        )
        if is_sound:
            words.append(fields[columns.form])
            tags.append(fields[columns.tag])
        elif not _may_drop(fields, least, columns, place, faults):
            return None
    if not words or (columns.conllu and set(words) == {"_"}):
        faults.note(WITHHELD if words else BLANK_SENTENCE)
        return None
    if columns.scheme != "plain":
        tags = to_iob2(tags, faults)
    return TaggedRow(name, tuple(words), tuple(tags), f"{path}, line {lines[0][0]}")


def _least(columns: Columns) -> int:
    """How many columns a line must have; positions may be counted from the end."""
    both = (columns.form, columns.tag)
    least = max(at + 1 if at >= 0 else -at for at in both)
    return max(least, columns.form + 1 + (columns.tag < 0))


def _fields(line: str, columns: Columns, least: int, faults: Faults) -> list[str]:
    """Columns of a line, with the word and the tag as they are meant."""
    fields = _cut(line, columns)
    if columns.prefixed and len(fields) > columns.form:
        fields[columns.form] = _PREFIX.sub("", fields[columns.form], count=1)
    if len(fields) >= least:
        tag = spelled(fields[columns.tag])
        if tag != fields[columns.tag]:
            faults.note(SPELLED)
        fields[columns.tag] = tag
    return fields


def _cut(line: str, columns: Columns) -> list[str]:
    """Columns of a line; where tabs separate them, words may hold spaces."""
    if columns.separator:
        return line.split(columns.separator)
    if "\t" in line:
        return [field.strip(" ") for field in line.split("\t")]
    return _SPACES.split(line.strip(" "))


def _is_whole(
    line: str,
    fields: list[str],
    width: int,
    columns: Columns,
    place: str,
    faults: Faults,
) -> bool:
    """Whether a line is one, and cut into columns as those before it."""
    found = ""
    if "\r" in line:
        found = "a CR within it; all lines of a file must end alike"
    elif len(line) > MAX_LINE:
        found = f"{len(line):,} characters, of which it may have {MAX_LINE:,}"
    elif not columns.separator and _least(columns) <= len(fields) != width > 0:
        found = (
            f"{len(fields)} columns after lines with {width}; tabs may separate them"
        )
    if found:
        faults.reject(
            "uneven line",
            f"{place}: every line must have the same columns; got {found}. Correct "
            f"the line.",
        )
    return not found


def _may_drop(
    fields: list[str], least: int, columns: Columns, place: str, faults: Faults
) -> bool:
    """Whether a line that holds no sound word is one to drop; a fault otherwise."""
    if len(fields) < least:
        separator = "tabs" if columns.separator == "\t" else "spaces or tabs"
        faults.reject(
            "too few columns",
            f"{place}: every word must have at least {least} columns between "
            f"{separator}; got {len(fields)}. Correct the line, or check that the "
            f"file is of this data set.",
        )
        return False
    word, tag = fields[columns.form], fields[columns.tag]
    if not _TAGS[columns.scheme].fullmatch(tag):
        faults.reject(
            "no tag",
            f"{place}: every tag must be {_SHAPES[columns.scheme == 'plain']}; got "
            f"{brief(tag)} for {brief(word)}. Correct the line, or check that the "
            f"file is of this data set.",
        )
        return False
    if columns.drop_blank and tag == "O":
        faults.note(BLANK_WORD)
        return True
    faults.reject(
        "empty word",
        f"{place}: every line must have a word; got {brief(word)}. Correct the "
        f"line, or remove it.",
    )
    return False
