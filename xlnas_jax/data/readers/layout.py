"""Which files of a data set's folder hold which language and split."""

import glob
import re
from pathlib import Path
from typing import NamedTuple

from xlnas_jax.data.readers.patterns import match_languages
from xlnas_jax.data.sets.base import DataSet, Files, Format
from xlnas_jax.files import located
from xlnas_jax.languages.codes import normalise
from xlnas_jax.languages.roles import Split
from xlnas_jax.types import DataError


class NotThereError(DataError):
    """A language or split that the data does not have; all else may be sound."""


class Found(NamedTuple):
    """A file that holds one language and split, or more.

    Attributes:
        form: what stands for the language in the path or in its column.
        context_language: canonical code; of questions, that of the contexts.
    """

    path: str
    form: str
    format: Format
    context_language: str


Layout = dict[str, dict[Split, list[Found]]]
"""By canonical code, then by split, in the order the data set names the files."""


def find_files(data_set: DataSet, folder: str) -> Layout:
    """Match the data set's patterns with what the folder holds; nothing is opened.

    Raises:
        DataError: there is no such folder, or none of the files is in it.
    """
    root = Path(folder).expanduser()
    first = data_set.files[0].path if data_set.files else "its files"
    expected = f"{data_set.name}: data.path must be the folder that holds {first}"
    if not root.is_dir():
        raise DataError(f"{expected}; got {located(folder)}, which is no folder.")
    layout: Layout = {}
    claimed: dict[str, int] = {}
    for number, files in enumerate(data_set.files):
        for split, names in (files.splits or data_set.splits).items():
            for path, code, form in _matches(root, files, names):
                if claimed.setdefault(path, number) == number:
                    found = _found(data_set, files, path, code, form)
                    _add(layout, code, split, found)
    if not layout:
        raise DataError(
            f"{expected}; got {located(folder)}, which holds none of them. Get the "
            f"original files from {data_set.source}."
        )
    return layout


def _found(data_set: DataSet, files: Files, path: str, code: str, form: str) -> Found:
    context = normalise(files.context_language) if files.context_language else code
    return Found(path, form, files.format or data_set.format, context)


def _add(layout: Layout, code: str, split: Split, found: Found) -> None:
    """A file stands once in each split, also where several patterns give it."""
    listed = layout.setdefault(code, {}).setdefault(split, [])
    if found not in listed:
        listed.append(found)


def _matches(
    root: Path, files: Files, split_names: tuple[str, ...]
) -> list[tuple[str, str, str]]:
    """Path, canonical code and form of each file, in sorted order of a split's name."""
    found = []
    for split_name in split_names:
        pattern = f"{root.as_posix()}/{files.path.replace('{split}', split_name)}"
        paths = _glob(root, pattern)
        if "{language}" in files.path:
            found += _by_language(pattern, paths, files)
        elif files.language:
            code = normalise(files.language)
            found += [(path, code, files.language) for path in paths]
        else:  # a column tells; its languages are all named
            items = files.names.items()
            found += [(path, code, form) for path in paths for code, form in items]
    return found


def _glob(root: Path, pattern: str) -> list[str]:
    start = len(root.as_posix())
    wildcard = pattern[start:].replace("{language}", "*").replace("[", "[[]")
    paths = glob.glob(glob.escape(root.as_posix()) + wildcard)
    return sorted(Path(path).as_posix() for path in paths if not Path(path).is_dir())


def _by_language(
    pattern: str, paths: list[str], files: Files
) -> list[tuple[str, str, str]]:
    """Files whose `{language}` is one of the names, or another language's code."""
    literal = [re.escape(part) for part in pattern.split("{language}")]
    parts = [part.replace(r"\*", "[^/]*") for part in literal]
    expression = re.compile(
        "(?P<language>[^/]+?)".join(parts[:2])
        + "".join("(?P=language)" + part for part in parts[2:])
    )
    matches = [(path, expression.fullmatch(path)) for path in paths]
    forms = {path: match.group("language") for path, match in matches if match}
    named = {form: normalise(code) for code, form in files.names.items()}
    others = {form for form in forms.values() if form not in named}
    codes = match_languages("{language}", others)
    named |= {form: code for code, form in codes.items() if code not in named.values()}
    return [(path, named[form], form) for path, form in forms.items() if form in named]
