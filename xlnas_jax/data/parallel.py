"""Parallel text: sentences of two languages that mean the same."""

import gzip
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from xlnas_jax.data.readers.faults import Faults, LoadReport
from xlnas_jax.data.readers.layout import Found, Layout, NotThereError, find_files
from xlnas_jax.data.readers.lines import MAX_FILE, read_text, split_lines
from xlnas_jax.data.readers.patterns import unknown_language
from xlnas_jax.data.readers.questions import LEFT_OUT, rows_passed
from xlnas_jax.data.readers.records import read_records
from xlnas_jax.data.sets.base import DataSet, Verses
from xlnas_jax.data.sets.registry import find
from xlnas_jax.files import open_regular
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import ConfigError, DataError, brief


@dataclass(frozen=True, eq=False)
class ParallelText:
    """Texts of two languages; those with the same index are translations.

    Attributes:
        ids: unique; the verse, or the position among the file's lines.
    """

    ids: tuple[str, ...]
    source_language: str
    target_language: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    report: LoadReport = field(default_factory=LoadReport)

    def __len__(self) -> int:
        return len(self.ids)


class Pair(NamedTuple):
    """A text with its translation, and where they stand."""

    id: str
    source: str
    target: str
    place: str


def read_parallel(
    data_set: DataSet | str,
    folder: str,
    source_language: str,
    target_language: str,
    split: Split | None = None,
    skip: bool = False,
) -> ParallelText:
    """Parallel text of a named data set, from the folder with its original files.

    Args:
        data_set: itself or its name.
        split: not needed where the data set has only one.
        skip: pass over faulty rows and count them.

    Raises:
        ConfigError: no such parallel data set, or it has several splits.
        DataError: the pair of languages is not there, or a file is faulty.
    """
    data_set = find(data_set) if isinstance(data_set, str) else data_set
    languages = normalise(source_language), normalise(target_language)
    chosen = _split(data_set, split)
    layout = find_files(data_set, folder)
    for code in languages:
        if chosen not in layout.get(code, {}):
            raise NotThereError(str(unknown_language(code, layout, folder)))
    source, target = _paths(data_set, layout, languages, chosen)
    faults = Faults(skip)
    if isinstance(data_set.format, Verses):
        pairs = join_verses(
            read_verses(source, faults), read_verses(target, faults), source, faults
        )
    else:
        pairs = read_lines(source, target)
    return _make(pairs, languages, f"{source} and {target}", faults)


def read_side(
    data_set: DataSet,
    folder: str,
    language: str,
    split: Split | None = None,
    skip: bool = False,
) -> list[str]:
    """All texts of one language, whatever they are translations of.

    Raises:
        NotThereError: the data set has none of it.
        DataError: a file is faulty. ConfigError: as `read_parallel`.
    """
    chosen = _split(data_set, split)
    layout = find_files(data_set, folder)
    if chosen not in layout.get(language, {}):
        raise NotThereError(str(unknown_language(language, layout, folder)))
    texts: list[str] = []
    for found in layout[language][chosen]:
        if isinstance(data_set.format, Verses):
            texts += read_verses(found.path, Faults(skip)).values()
        else:
            texts += split_lines(read_text(found.path))
    return texts


def read_pairs(
    path: str, source_language: str, target_language: str, skip: bool = False
) -> ParallelText:
    """Parallel text from one TSV or CSV file with two columns, source first.

    A first row with the codes of the two languages is a header, in either order.
    """
    faults = Faults(skip)
    languages = normalise(source_language), normalise(target_language)
    return _make(read_two_columns(path, languages, faults), languages, path, faults)


def read_lines(source_path: str, target_path: str) -> list[Pair]:
    """Pairs from two files, whose lines with the same number belong together.

    Raises:
        DataError: a file cannot be read, or they have not the same number of lines.
    """
    sources, targets = (
        split_lines(read_text(source_path)),
        split_lines(read_text(target_path)),
    )
    if len(sources) != len(targets):
        raise DataError(
            f"{source_path} and {target_path}: line k of one must be the translation "
            f"of line k of the other; got {len(sources)} and {len(targets)} lines. "
            f"Get both files of the same version."
        )
    return [
        Pair(str(number), *both, f"{source_path}, line {number + 1}")
        for number, both in enumerate(zip(sources, targets, strict=True))
    ]


def read_two_columns(
    path: str, languages: tuple[str, str], faults: Faults
) -> list[Pair]:
    """Pairs from a TSV file, where quotes are text, or from a CSV file."""
    header = ("source", "target")
    pairs: list[Pair] = []
    turned = False
    for line, record in read_records(path, None, faults, header):
        if record is None:
            continue
        found = (record.get(side) for side in header)
        place = f"{path}, line {line}"
        source, target = (_cell(one, place, faults) for one in found)
        if source is None or target is None:
            continue
        if line == 1 and _is_header((source, target), languages):
            turned = normalise(source) != languages[0]
            continue
        both = (target, source) if turned else (source, target)
        pairs.append(Pair(str(len(pairs)), *both, f"{path}, line {line}"))
    return pairs


def _cell(value: object, place: str, faults: Faults) -> str | None:
    """A text, which may be empty; None where it is none."""
    if isinstance(value, str):
        return value
    faults.reject(
        "no text",
        f"{place}: every row must have two texts; got {brief(value)}. Correct it.",
    )
    return None


def read_verses(path: str, faults: Faults) -> dict[str, str]:
    """Text of each verse, from a TSV file with key and text; gzip may compress it.

    Raises:
        DataError: the file cannot be read; or, unless `faults` passes over it, a
            line has not two columns, or a key comes again.
    """
    verses: dict[str, str] = {}
    for number, line in enumerate(split_lines(_read(path)), start=1):
        key, tab, text = line.partition("\t")
        if not tab or not key.strip() or "\t" in text:
            faults.reject(
                "not two columns",
                f"{path}, line {number}: every line must be a key, a tab and a text; "
                f"got {brief(line)}. Correct or remove the line.",
            )
        elif key in verses:
            faults.reject(
                "repeated verse",
                f"{path}, line {number}: every key must stand once; got "
                f"{brief(key)} again. Remove one of the two.",
            )
        else:
            verses[key] = text
    return verses


def join_verses(
    sources: dict[str, str], targets: dict[str, str], origin: str, faults: Faults
) -> list[Pair]:
    """Pairs of the verses that both have, in the order of the first."""
    shared = [key for key in sources if key in targets]
    alone = len(sources) + len(targets) - 2 * len(shared)
    if alone:
        faults.note(f"verse of one language only, {LEFT_OUT}", alone)
    return [
        Pair(key, sources[key], targets[key], f"{origin}, verse {key}")
        for key in shared
    ]


def _split(data_set: DataSet, split: Split | None) -> Split:
    """The split to read, which need not be named where there is only one."""
    known = list(data_set.splits)
    if data_set.task != "parallel":
        raise ConfigError(
            f"data.name: must be parallel text; got {data_set.name!r}, which is for "
            f"{data_set.task}. Choose another data set."
        )
    if split in known or (split is None and len(known) == 1):
        return split or known[0]
    raise ConfigError(
        f"split: must be one of {known} of {data_set.name}; got {split}. Name one."
    )


def _paths(
    data_set: DataSet, layout: Layout, languages: tuple[str, str], split: Split
) -> tuple[str, str]:
    """The two files, which belong together.

    Where the files of one language are listed apart, every pair has its own, and
    their names differ in the suffix only: `tatoeba.deu-eng.deu` and `.eng`.
    """
    first, second = (layout[code][split] for code in languages)
    if not any(files.language for files in data_set.files):
        return first[0].path, second[0].path
    stems = {_stem(found): found.path for found in second}
    for found in first:
        if languages[0] != languages[1] and _stem(found) in stems:
            return found.path, stems[_stem(found)]
    pivots = sorted({files.language for files in data_set.files if files.language})
    raise NotThereError(
        f"{data_set.name}: must hold {languages[0]} and {languages[1]} side by side; "
        f"got pairs with {', '.join(pivots)} only. Make that one of the two."
    )


def _stem(found: Found) -> str:
    return str(Path(found.path).with_suffix(""))


def _make(
    pairs: list[Pair], languages: tuple[str, str], origin: str, faults: Faults
) -> ParallelText:
    """Checked pairs; empty ones are left out, repeated texts are counted."""
    total = len(pairs) + rows_passed(faults)
    kept = [pair for pair in pairs if _is_full(pair, faults)]
    if not kept:
        raise DataError(
            f"{origin}: must hold at least one pair of {languages[0]} and "
            f"{languages[1]}; got none. Check the files."
        )
    for side in ("source", "target"):
        counts = Counter(getattr(pair, side) for pair in kept)
        if len(counts) < len(kept):
            faults.note(f"repeated {side} text, kept", len(kept) - len(counts))
    return ParallelText(
        ids=tuple(pair.id for pair in kept),
        source_language=languages[0],
        target_language=languages[1],
        sources=tuple(pair.source for pair in kept),
        targets=tuple(pair.target for pair in kept),
        report=faults.report(total, len(kept)),
    )


def _is_full(pair: Pair, faults: Faults) -> bool:
    """Whether both texts are there; both empty is a gap, one empty is a fault."""
    if pair.source.strip() and pair.target.strip():
        return True
    if not pair.source.strip() and not pair.target.strip():
        faults.note(f"empty line, {LEFT_OUT}")
        return False
    side = "target" if pair.source.strip() else "source"
    faults.reject(
        "empty text",
        f"{pair.place}: both languages must have a text, or none; got an empty "
        f"{side} text. Remove the pair or fill it in.",
    )
    return False


def _is_header(row: tuple[str, str], languages: tuple[str, str]) -> bool:
    """True where a row names the two languages."""
    try:
        return {normalise(cell) for cell in row} == set(languages)
    except ConfigError:
        return False


def _read(path: str) -> str:
    if not path.endswith(".gz"):
        return read_text(path)
    try:
        with open_regular(path, follow=True) as packed, gzip.open(packed) as file:
            content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise OSError(f"more than {MAX_FILE:,} bytes when unpacked")
        return content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: must be UTF-8 text compressed by gzip; got: {error}. Download "
            f"the file again, or rename it if it is not compressed."
        ) from error
