"""Parallel text: lines, verses and columns, and what may be wrong with them."""

import gzip
from pathlib import Path

import pytest

from xlnas_jax.data.parallel import read_lines, read_pairs, read_parallel, read_verses
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.sets.base import DataSet, Files, Lines, Verses
from xlnas_jax.types import ConfigError, DataError


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(text.encode())
    return folder


def data_set(form: Lines | Verses, *files: Files, **changes) -> DataSet:
    changes = {"splits": {"test": ("test",)}} | changes
    return DataSet(
        "invented", "parallel", "t", "https://x", "p", "l", form, files=files, **changes
    )


LINES = data_set(Lines(), Files("{language}.txt"))
VERSES = data_set(Verses(), Files("{language}.tsv"), Files("{language}.tsv.gz"))


def test_lines_with_the_same_number_belong_together(tmp_path: Path) -> None:
    write(
        tmp_path, en__txt="one\r\nt\u2028wo\r\n\nfour\n", de__txt="eins\nzwei\n\nvier"
    )
    text = read_parallel(LINES, str(tmp_path), "deu", "eng_Latn")
    assert (text.source_language, text.target_language) == ("de", "en")
    assert text.ids == ("0", "1", "3")
    assert text.sources == ("eins", "zwei", "vier")
    assert text.targets == ("one", "t\u2028wo", "four")
    assert (text.report.rows, text.report.kept) == (4, 3)
    assert text.report.notes == {"empty line, left out": 1}


def test_repeated_texts_are_kept_and_counted(tmp_path: Path) -> None:
    write(tmp_path, en__txt="a\na\na\n", de__txt="x\ny\nx\n")
    text = read_parallel(LINES, str(tmp_path), "de", "en")
    assert len(text) == 3
    assert text.report.notes == {
        "repeated source text, kept": 1,
        "repeated target text, kept": 2,
    }


def test_unequal_numbers_of_lines_are_refused(tmp_path: Path) -> None:
    write(tmp_path, en__txt="a\nb\n", de__txt="x\n")
    with pytest.raises(DataError, match=r"de\.txt and .*en\.txt.*1 and 2 lines"):
        read_lines(str(tmp_path / "de.txt"), str(tmp_path / "en.txt"))


def test_a_text_without_translation_is_told_or_passed_over(tmp_path: Path) -> None:
    write(tmp_path, en__txt="a\n \n", de__txt="x\ny\n")
    with pytest.raises(DataError, match=r"de\.txt, line 2.*empty target text"):
        read_parallel(LINES, str(tmp_path), "de", "en")
    text = read_parallel(LINES, str(tmp_path), "de", "en", skip=True)
    assert text.sources == ("x",)
    assert text.report.rejected == {"empty text": 1}


def test_files_without_any_pair_are_refused(tmp_path: Path) -> None:
    write(tmp_path, en__txt="", de__txt="")
    with pytest.raises(DataError, match="at least one pair of de and en"):
        read_parallel(LINES, str(tmp_path), "de", "en")


def test_verses_are_joined_by_their_keys(tmp_path: Path) -> None:
    write(tmp_path, en__tsv="A.1\tone\nA.2\ttwo\nA.4\tfour\n")
    german = b"A.4\tvier\nA.3\tdrei\nA.1\teins\n"
    (tmp_path / "de.tsv.gz").write_bytes(gzip.compress(german))
    text = read_parallel(VERSES, str(tmp_path), "en", "de")
    assert text.ids == ("A.1", "A.4")
    assert text.targets == ("eins", "vier")
    assert text.report.notes == {"verse of one language only, left out": 2}
    assert (text.report.rows, text.report.kept) == (4, 2)


@pytest.mark.parametrize(
    ("line", "reason", "told"),
    [
        ("A.2 text", "not two columns", "line 2.*'A.2 text'"),
        ("A.2\ta\tb", "not two columns", "line 2.*a key, a tab and a text"),
        ("\ttext", "not two columns", "line 2"),
        ("A.1\tagain", "repeated verse", "line 2.*'A.1' again"),
    ],
)
def test_a_bad_verse_is_told_or_passed_over(
    tmp_path: Path, line: str, reason: str, told: str
) -> None:
    path = str(write(tmp_path, en__tsv=f"A.1\tone\n{line}\n") / "en.tsv")
    with pytest.raises(DataError, match=told):
        read_verses(path, Faults())
    faults = Faults(skip=True)
    assert read_verses(path, faults) == {"A.1": "one"}
    assert faults.report(0, 0).rejected == {reason: 1}


CUT_SHORT = gzip.compress(b"A" * 999, mtime=0)[:20]


@pytest.mark.parametrize("content", [b"A.1\tone\n", CUT_SHORT])
def test_what_gzip_cannot_decompress_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "en.tsv.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"en\.tsv\.gz.*gzip"):
        read_verses(str(path), Faults())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", 'She said "hi\tSie sagte\nb\tB\n'),
        ("a.tsv", 'en\tde\nShe said "hi\tSie sagte\nb\tB\n'),
        ("a.tsv", 'deu_Latn\teng\nSie sagte\tShe said "hi\nB\tb\n'),
        ("a.csv", '"She said ""hi",Sie sagte\nb,B\n'),
    ],
)
def test_two_columns_are_read_with_and_without_header(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    text = read_pairs(str(tmp_path / name), "en", "de")
    assert text.sources == ('She said "hi', "b")
    assert text.targets == ("Sie sagte", "B")
    assert text.ids == ("0", "1")


def test_a_row_of_other_than_two_columns_is_told_or_passed_over(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\nc\nd\te\tf\ng\th\n")
    with pytest.raises(DataError, match=r"a\.tsv, line 2.*2 columns"):
        read_pairs(str(path), "en", "de")
    text = read_pairs(str(path), "en", "de", skip=True)
    assert text.sources == ("a", "g")
    assert (text.report.rows, sum(text.report.rejected.values())) == (4, 2)


def test_pairs_of_their_own_are_matched_by_name(tmp_path: Path) -> None:
    pairwise = data_set(
        Lines(),
        Files("t.{language}-eng.{language}"),
        Files("t.*-eng.eng", language="en"),
    )
    for code, text, english in (("deu", "x\n", "a\n"), ("fra", "y\nz\n", "b\nc\n")):
        (tmp_path / f"t.{code}-eng.{code}").write_text(text)
        (tmp_path / f"t.{code}-eng.eng").write_text(english)
    german = read_parallel(pairwise, str(tmp_path), "de", "en")
    french = read_parallel(pairwise, str(tmp_path), "en", "fr")
    assert (german.sources, german.targets) == (("x",), ("a",))
    assert (french.sources, french.targets) == (("b", "c"), ("y", "z"))
    for pair in (("de", "fr"), ("en", "en")):
        with pytest.raises(DataError, match="pairs with en only"):
            read_parallel(pairwise, str(tmp_path), *pair)


def test_a_missing_language_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, en__txt="a\n", nb__txt="x\n")
    with pytest.raises(DataError, match=r"Norwegian Nynorsk.*nearest of which are nb"):
        read_parallel(LINES, str(tmp_path), "nn", "en")


def test_a_split_must_be_named_where_there_are_several(tmp_path: Path) -> None:
    files = Files("{language}.{split}")
    several = data_set(Lines(), files, splits={"dev": ("dev",), "test": ("devtest",)})
    write(tmp_path, en__dev="a\n", de__dev="x\n", en__devtest="b\n", de__devtest="y\n")
    with pytest.raises(ConfigError, match=r"\['dev', 'test'\].*got None"):
        read_parallel(several, str(tmp_path), "de", "en")
    assert read_parallel(several, str(tmp_path), "de", "en", "test").sources == ("y",)


def test_a_data_set_with_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'xquad', which is for qa"):
        read_parallel("xquad", str(tmp_path), "de", "en")
